// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_CONVERSION_ATTNTILETOVECTOR_ROTATE_TILE_H
#define FOVEA_LIB_CONVERSION_ATTNTILETOVECTOR_ROTATE_TILE_H

#include "VectorEmitter.h"

namespace fovea {

/// Rows of a tile that attn.load_tile rotates.
class RowRotator {
public:
  RowRotator(VectorEmitter &b, attn::LoadTileOp op);
  /// Row `r` of the tile to row `to` of `destination`, which is dense.
  void rotate(mlir::Value r, mlir::Value destination, mlir::Value to);

private:
  mlir::Value isUnit(mlir::Value table);
  mlir::Value tableRow(mlir::Value table, mlir::ValueRange angle);
  void rotateHalves(mlir::Value row, mlir::Value cos, mlir::Value sin, mlir::Value destination, mlir::Value to);
  void rotateNeighbours(mlir::Value row, mlir::Value cos, mlir::Value sin, mlir::Value destination, mlir::Value to);

  VectorEmitter &b;
  attn::LoadTileOp op;
  StridedRows source;
  int64_t pairs, columns;
  mlir::Value dense; // rows of source and tables alike
};

} // namespace fovea

#endif
