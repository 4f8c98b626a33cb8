// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_CONVERSION_COMMON_SOURCE_ROW_H
#define FOVEA_LIB_CONVERSION_COMMON_SOURCE_ROW_H

#include "Loops.h"
#include "fovea/Dialect/Attn/IR/Attn.h"

#include <functional>

namespace fovea {

/// The element of a row at a column.
using LoadElement = llvm::function_ref<mlir::Value(mlir::Value column)>;
using StoreElement = llvm::function_ref<void(mlir::Value element, mlir::Value column)>;

/// Row `r` of a tile as it lies in attn.load_tile's source, whatever the strides; `r` must be valid.
inline std::function<mlir::Value(mlir::Value)> sourceRow(Loops &b, attn::LoadTileOp op, mlir::Value r) {
  auto [head, row] = op.rowOf(b, r);
  return [&b, op, head = head, row = row](mlir::Value column) mutable {
    return b.load(op.getSource(), {op.getBatch(), head, row, column});
  };
}

} // namespace fovea

#endif
