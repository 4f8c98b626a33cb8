// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rules behind MaskRangeOpInterface, each for one op or a family; see MaskRange.h for the algebra.
#ifndef FOVEA_LIB_ANALYSIS_MASK_RANGE_RULES_H
#define FOVEA_LIB_ANALYSIS_MASK_RANGE_RULES_H

#include "fovea/Analysis/MaskRange.h"

namespace fovea::rules {

using Operands = llvm::ArrayRef<MaskRange>;

enum class Rounding { Floor, Ceil, Truncate };
enum class Sign { Signed, Unsigned };

// Integer rules: every operand is a known integer, the result is one too.
MaskRange add(mlir::Operation *op, MaskRangeBuilder &b, Operands x);
MaskRange subtract(mlir::Operation *op, MaskRangeBuilder &b, Operands x);
MaskRange multiply(mlir::Operation *op, MaskRangeBuilder &b, Operands x);
MaskRange absolute(mlir::Operation *op, MaskRangeBuilder &b, Operands x);
MaskRange shiftLeft(mlir::Operation *op, MaskRangeBuilder &b, Operands x);
template <Sign> MaskRange shiftRight(mlir::Operation *op, MaskRangeBuilder &b, Operands x);
template <Sign> MaskRange minimum(mlir::Operation *op, MaskRangeBuilder &b, Operands x);
template <Sign> MaskRange maximum(mlir::Operation *op, MaskRangeBuilder &b, Operands x);
template <Rounding, Sign> MaskRange divide(mlir::Operation *op, MaskRangeBuilder &b, Operands x);
MaskRange remainderSigned(mlir::Operation *op, MaskRangeBuilder &b, Operands x);
MaskRange remainderUnsigned(mlir::Operation *op, MaskRangeBuilder &b, Operands x);
/// x & (2^k - 1), which is x mod 2^k.
MaskRange lowBits(mlir::Operation *op, MaskRangeBuilder &b, Operands x);

MaskRange negation(MaskRangeBuilder &b, const MaskRange &x);

// Rules on booleans, or on either kind; integers may be unknown.
MaskRange conjunction(mlir::Operation *op, MaskRangeBuilder &b, Operands x);
MaskRange disjunction(mlir::Operation *op, MaskRangeBuilder &b, Operands x);
MaskRange exclusive(mlir::Operation *op, MaskRangeBuilder &b, Operands x);
MaskRange select(mlir::Operation *op, MaskRangeBuilder &b, Operands x);
MaskRange compare(mlir::Operation *op, MaskRangeBuilder &b, Operands x);
template <Sign> MaskRange convert(mlir::Operation *op, MaskRangeBuilder &b, Operands x);

// Loads, and what only asks whether a number is set. Operands may be unknown.
MaskRange load(mlir::Operation *op, MaskRangeBuilder &b, Operands x);
MaskRange compareFloats(mlir::Operation *op, MaskRangeBuilder &b, Operands x);
/// Whether a comparison asks if `number`, one of its operands, is set (true) or is not (false): see MaskRange::allSet.
std::optional<bool> asksIfSet(mlir::Operation *op, mlir::Value number);
/// The answer to that; nothing where the op asks something else.
std::optional<MaskRange> compareSet(mlir::Operation *op, MaskRangeBuilder &b, Operands x);
/// A number that keeps its being set in a wider type.
MaskRange widen(mlir::Operation *op, MaskRangeBuilder &b, Operands x);

inline bool isBoolean(mlir::Type type) { return type.isInteger(1); }

} // namespace fovea::rules

#endif
