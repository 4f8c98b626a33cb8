// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_CONVERSION_ATTNTILETOVECTOR_NORMALIZE_TILE_H
#define FOVEA_LIB_CONVERSION_ATTNTILETOVECTOR_NORMALIZE_TILE_H

#include "SourceRows.h"

namespace fovea {

/// Rows of a tile that attn.load_tile normalises.
class RowNormalizer {
public:
  RowNormalizer(VectorEmitter &b, attn::LoadTileOp op);
  /// Row `r` of the tile to row `to` of `destination`, which is dense.
  void normalize(mlir::Value r, mlir::Value destination, mlir::Value to);

private:
  /// The f64 sum of squares of a memref<1 x columns>.
  mlir::Value sumOfSquares(mlir::Value row);

  VectorEmitter &b;
  attn::LoadTileOp op;
  SourceRows source;
  mlir::Value dense; // rows of the source and the gains alike
};

} // namespace fovea

#endif
