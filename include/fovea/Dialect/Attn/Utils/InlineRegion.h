// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_DIALECT_ATTN_UTILS_INLINE_REGION_H
#define FOVEA_DIALECT_ATTN_UTILS_INLINE_REGION_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/Region.h"

namespace fovea::attn {

/// Copies a score or mask region to the insertion point with `arguments` for its block arguments; returns what it
/// yields. The copy is safe to run on any input; see SafeOps.h.
mlir::Value inlineRegion(mlir::OpBuilder &builder, mlir::Region &region, mlir::ValueRange arguments);

} // namespace fovea::attn

#endif
