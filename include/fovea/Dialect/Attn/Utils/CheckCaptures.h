// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_DIALECT_ATTN_UTILS_CHECK_CAPTURES_H
#define FOVEA_DIALECT_ATTN_UTILS_CHECK_CAPTURES_H

#include "fovea/Dialect/Attn/IR/Attn.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace fovea::attn {

/// The sizes of an attention at run time.
struct ProblemSizes {
  mlir::Value batches, heads, rows, keys;
};

/// Emits asserts about what the score and the mask region take from outside: an array that is read at a position
/// itself, `doc[j]`, has an element for every position, and a divisor that is the same everywhere is not 0. Reads at
/// computed positions, `bias[i - j]`, give 0 outside of the array and are not checked; nor is `doc[i]` where every
/// sequence has its own q_offset.
void checkCaptures(mlir::ImplicitLocOpBuilder &b, AttentionOp op, const ProblemSizes &sizes);

} // namespace fovea::attn

#endif
