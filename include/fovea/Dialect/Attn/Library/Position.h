// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What builders of masks and scores are given, and how their code becomes a region of attn.attention.
#ifndef FOVEA_DIALECT_ATTN_LIBRARY_POSITION_H
#define FOVEA_DIALECT_ATTN_LIBRARY_POSITION_H

#include "fovea/Dialect/Attn/IR/Attn.h"
#include "mlir/IR/Builders.h"

namespace fovea::attn {

/// Sequence, query head, absolute position of the query, position of the key; values of index type.
struct Position {
  mlir::Value b, h, i, j;
};

/// Gives `op`, which has none, the mask that `build` emits: an i1, true where the key is visible.
void setMask(AttentionOp op,
             llvm::function_ref<mlir::Value(mlir::OpBuilder &, mlir::Location, const Position &)> build);

/// Gives `op`, which has none, the score that `build` makes of the f32 score it is passed.
void setScore(
    AttentionOp op,
    llvm::function_ref<mlir::Value(mlir::OpBuilder &, mlir::Location, mlir::Value score, const Position &)> build);

/// table[indices], for a tensor or memref: integers as index, floats as f32. For one number per sequence or head:
/// `element(builder, loc, lengths, at.b)`.
mlir::Value element(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value table, mlir::ValueRange indices);

/// The same for a table of truth values, which are i1 or integers other than zero.
mlir::Value flag(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value table, mlir::ValueRange indices);

} // namespace fovea::attn

#endif
