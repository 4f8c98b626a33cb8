// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_CONVERSION_ATTNTILETOVECTOR_ROTATE_TILE_H
#define FOVEA_LIB_CONVERSION_ATTNTILETOVECTOR_ROTATE_TILE_H

#include "SourceRows.h"

namespace fovea {

/// Rows of a tile that attn.load_tile rotates.
class RowRotator {
public:
  /// made: memref<1 x columns>, from which rows are taken instead of the source.
  RowRotator(VectorEmitter &b, attn::LoadTileOp op, mlir::Value made);
  /// Row `r` of the tile to row `to` of `destination`, which is dense.
  void rotate(mlir::Value r, mlir::Value destination, mlir::Value to);

private:
  void copy(mlir::Value row, int64_t begin, int64_t end, mlir::Value destination, mlir::Value to);
  void rotateHalves(mlir::Value row, mlir::Value cos, mlir::Value sin, mlir::Value destination, mlir::Value to);
  void rotateNeighbours(mlir::Value row, mlir::Value cos, mlir::Value sin, mlir::Value destination, mlir::Value to);

  VectorEmitter &b;
  attn::LoadTileOp op;
  mlir::Value made;
  SourceRows source;
  int64_t pairs, columns, first; // first: the column where pairs begin
  mlir::Value dense;             // rows and tables alike
};

} // namespace fovea

#endif
