// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Checks of shapes that every attention has.
#ifndef FOVEA_LIB_DIALECT_ATTN_IR_SHAPES_H
#define FOVEA_LIB_DIALECT_ATTN_IR_SHAPES_H

#include "fovea/Dialect/Attn/IR/Attn.h"

namespace fovea::attn {

/// Static sizes of one operand in the order B, H, N, D.
struct Shape {
  int64_t batches, heads, positions, columns;
  Shape(mlir::ShapedType type, Layout layout);
};

/// Equal, or not known to differ.
bool mayAgree(int64_t a, int64_t b);

/// Of this rank, not larger than the address space.
mlir::LogicalResult verifyArray(mlir::Operation *op, mlir::ShapedType type, llvm::StringRef name, int64_t rank);
mlir::LogicalResult verifyF32Array(mlir::Operation *op, mlir::ShapedType type, llvm::StringRef name, int64_t rank);

/// Static, neither 0 nor larger than kernels are made for, and one for query and key, unless keys are latents.
mlir::LogicalResult verifyHeadSizes(mlir::Operation *op, const Shape &query, const Shape &key, const Shape &value,
                                    bool isLatent = false);

/// Batches, heads and positions of query, key and value agree as far as types tell; the query's positions are its own.
mlir::LogicalResult verifyShapes(mlir::Operation *op, const Shape &query, const Shape &key, const Shape &value);

} // namespace fovea::attn

#endif
