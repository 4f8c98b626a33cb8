// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_CONVERSION_ATTNTILETOVECTOR_SOURCE_ROWS_H
#define FOVEA_LIB_CONVERSION_ATTNTILETOVECTOR_SOURCE_ROWS_H

#include "VectorEmitter.h"

namespace fovea {

/// The rows of a tile as they lie in attn.load_tile's source.
class SourceRows {
public:
  SourceRows(VectorEmitter &b, attn::LoadTileOp op)
      : b(b), op(op), rows(b, op.getSource(), op.getBatch(), op.getHead()) {}
  /// Are the elements of a row next to each other?
  mlir::Value isUnit() { return rows.isUnit(b, op.getSourceColumns()); }
  /// memref<1 x columns> of the tile's row `r`, as if that were so.
  mlir::Value at(mlir::Value r);

private:
  VectorEmitter &b;
  attn::LoadTileOp op;
  StridedRows rows; // of the first head
};

} // namespace fovea

#endif
