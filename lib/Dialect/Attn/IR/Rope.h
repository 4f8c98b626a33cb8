// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_DIALECT_ATTN_IR_ROPE_H
#define FOVEA_LIB_DIALECT_ATTN_IR_ROPE_H

#include "Shapes.h"

namespace fovea::attn {

/// Of what `name` is rotated by: (cos, sin) or (cos, sin, positions), nothing if it is not. `rows` is its shape.
mlir::LogicalResult verifyRope(mlir::Operation *op, mlir::ValueRange tables, llvm::StringRef name, const Shape &rows);

} // namespace fovea::attn

#endif
