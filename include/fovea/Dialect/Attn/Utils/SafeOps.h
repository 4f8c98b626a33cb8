// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Regions are user code and must not bring the process down: division never traps, reads never leave their array.
#ifndef FOVEA_DIALECT_ATTN_UTILS_SAFE_OPS_H
#define FOVEA_DIALECT_ATTN_UTILS_SAFE_OPS_H

#include "mlir/IR/Builders.h"

namespace fovea::attn {

/// memref[indices], or zero where an index is outside.
mlir::Value loadOrZero(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value memref, mlir::ValueRange indices);

/// For an integer division or remainder, scalar or vector: a divisor that would trap (0, or -1 under the smallest
/// integer) becomes 1.
void guardDivision(mlir::OpBuilder &builder, mlir::Operation *op);

} // namespace fovea::attn

#endif
