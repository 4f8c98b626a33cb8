// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ranges of the values of a mask region over a tile, as IR.
//
// A mask is code (b, h, i, j) -> i1. Evaluated on intervals instead of points it answers for a whole tile: an integer
// value becomes [lo, hi], a boolean becomes (must, may): true everywhere, true somewhere. Rules, exact for one op and
// sound for their composition (Moore, Interval Analysis, 1966):
//
//   a + b      [a.lo + b.lo, a.hi + b.hi]            a < b      must = a.hi < b.lo     may = a.lo < b.hi
//   a - b      [a.lo - b.hi, a.hi - b.lo]            a == b     may = ranges overlap   must = both one value, the same
//   min, max   of the ends                           a and b    (a.must and b.must, a.may and b.may)
//   a // d     [a.lo // d, a.hi // d], d > 0         a mod d    as a - d * (a.lo // d) if that quotient is the same at
//   both ends,
//                                                               else [0, d - 1], d > 0
//
// A load from an array that has an attn.summary: what is between the ends of its indices, widened to whole blocks;
// outside the array a mask reads 0.
//
// Anything else is unknown: an unknown boolean is (false, true), an unknown integer poisons every comparison it
// reaches. That is always sound: the tile is then computed with the mask code.
//
// Symbols. A value that depends on neither i nor j is evaluated exactly, by the mask's own code: its range is [s, s].
//
// Overflow. Mask code computes with wrap-around, ranges must not. Every range therefore carries static bounds. They
// start from positions below kPositionLimit and, where a symbol enters arithmetic, |symbol| <= kSymbolLimit; a symbol
// that is only compared may be anything. A rule whose bounds leave 64 bits gives unknown. Limits of symbols, results of
// narrower types and signs of divisors are checked at run time: `MaskRangeBuilder::assume` collects the checks, and a
// tile for which one fails is PARTIAL.
#ifndef FOVEA_ANALYSIS_MASK_RANGE_H
#define FOVEA_ANALYSIS_MASK_RANGE_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Value.h"

namespace fovea {

constexpr int64_t kPositionLimit = int64_t(1)
                                   << 31; // keys are in [0, limit); rows in [-limit, limit), checked at run time
constexpr int64_t kSymbolLimit = int64_t(1) << 31; // position * symbol, and the difference of two, still fit 64 bits

/// Static bounds of a signed 64-bit integer.
struct Bounds {
  int64_t min, max;

  /// Of a type: index counts as 64 bits; nothing for wider integers and for other types.
  static std::optional<Bounds> ofType(mlir::Type type);

  bool contains(Bounds other) const { return min <= other.min && other.max <= max; }
  bool isNonNegative() const { return min >= 0; }
};

/// The exact bounds of the results, or nothing if one does not fit 64 bits.
std::optional<Bounds> operator+(Bounds a, Bounds b);
std::optional<Bounds> operator-(Bounds a, Bounds b);
std::optional<Bounds> operator*(Bounds a, Bounds b);

/// The range of one value over a tile. Null values: unknown.
struct MaskRange {
  mlir::Value lo, hi;     // index-typed for integers of any width (signed value); for i1: must, may
  Bounds bounds = {0, 0}; // of an integer
  /// Of a loaded number whose lo and hi may be unknown, if not null: it is set (an integer not 0, a float above -inf)
  /// everywhere, somewhere.
  mlir::Value allSet = {}, anySet = {};

  static MaskRange unknown() { return {}; }
  static MaskRange boolean(mlir::Value must, mlir::Value may) { return {must, may}; }

  bool isKnown() const { return static_cast<bool>(lo); }
  bool isPoint() const { return lo && lo == hi; }
};

/// What rules emit with: index and i1 arithmetic that folds as it is created.
class MaskRangeBuilder {
public:
  MaskRangeBuilder(mlir::OpBuilder &builder, mlir::Location loc) : builder(builder), loc(loc) {}

  template <typename OpTy, typename... Args> mlir::Value emit(Args &&...args) {
    return builder.createOrFold<OpTy>(loc, std::forward<Args>(args)...);
  }
  /// For commutative ops: folds see constants on the right only.
  template <typename OpTy> mlir::Value commute(mlir::Value a, mlir::Value b) {
    return isConstant(a) ? emit<OpTy>(b, a) : emit<OpTy>(a, b);
  }
  mlir::Value constant(int64_t value);
  mlir::Value boolean(bool value);
  mlir::Value both(mlir::Value a, mlir::Value b);
  mlir::Value either(mlir::Value a, mlir::Value b);
  mlir::Value isNot(mlir::Value condition);
  mlir::Value select(mlir::Value condition, mlir::Value whenTrue, mlir::Value whenFalse);
  /// a < b and a <= b, or a constant if the bounds say so.
  mlir::Value isLess(mlir::Value a, Bounds boundsOfA, mlir::Value b, Bounds boundsOfB);
  mlir::Value isAtMost(mlir::Value a, Bounds boundsOfA, mlir::Value b, Bounds boundsOfB);

  /// The result holds only where `condition` does.
  void assume(mlir::Value condition);
  void assumeWithin(const MaskRange &range, Bounds bounds);
  /// The conjunction of all assumptions so far; null: true.
  mlir::Value getAssumption() const { return assumption; }

  mlir::OpBuilder &getBuilder() { return builder; }
  mlir::Location getLoc() const { return loc; }

private:
  static bool isConstant(mlir::Value value);

  mlir::OpBuilder &builder;
  mlir::Location loc;
  mlir::Value assumption; // null: true
};

} // namespace fovea

#include "fovea/Analysis/MaskRangeOpInterface.h.inc"

#endif
