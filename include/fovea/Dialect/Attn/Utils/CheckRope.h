// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_DIALECT_ATTN_UTILS_CHECK_ROPE_H
#define FOVEA_DIALECT_ATTN_UTILS_CHECK_ROPE_H

#include "fovea/Dialect/Attn/IR/Attn.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace fovea::attn {

/// Emits asserts about the tables that `batches` x `rows` rows of `name` are rotated by, the first of which stand at
/// `position`: cos and sin have a row for each. What `positions` hold is for the plan to look at (attn.indexes).
void checkRope(mlir::ImplicitLocOpBuilder &b, mlir::ValueRange tables, llvm::StringRef name, mlir::Value batches,
               mlir::Value rows, mlir::Value position);

} // namespace fovea::attn

#endif
