// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_DIALECT_ATTN_LIBRARY_INDICES_H
#define FOVEA_LIB_DIALECT_ATTN_LIBRARY_INDICES_H

#include "mlir/IR/BuiltinTypes.h"

namespace fovea::attn {

/// `indices` of a table, after as many of the last of `leading` as its rank asks for.
inline llvm::SmallVector<mlir::Value> withLeading(mlir::Value table, llvm::ArrayRef<mlir::Value> leading,
                                                  llvm::ArrayRef<mlir::Value> indices) {
  int64_t missing = mlir::cast<mlir::ShapedType>(table.getType()).getRank() - static_cast<int64_t>(indices.size());
  assert(missing >= 0 && missing <= static_cast<int64_t>(leading.size()) && "a table of another rank");
  llvm::SmallVector<mlir::Value> all(leading.take_back(missing));
  all.append(indices.begin(), indices.end());
  return all;
}

} // namespace fovea::attn

#endif
