// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ranges of quotients and remainders by a positive symbol or constant.
#include "MaskRangeRules.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace fovea::rules {

namespace {

struct Divisor {
  Value value;
  Bounds bounds; // positive

  /// k of a constant 2^k.
  std::optional<int64_t> log2() const {
    if (bounds.min != bounds.max || !llvm::isPowerOf2_64(bounds.min))
      return std::nullopt;
    return llvm::Log2_64(bounds.min);
  }
};

/// A symbol is assumed to be positive, and made so where it is not: no division by zero runs.
std::optional<Divisor> positive(MaskRangeBuilder &b, const MaskRange &range) {
  if (!range.isPoint() || range.bounds.max < 1)
    return std::nullopt;
  if (range.bounds.min > 0)
    return Divisor{range.lo, range.bounds};
  b.assumeWithin(range, {1, INT64_MAX});
  return Divisor{b.commute<arith::MaxSIOp>(range.lo, b.constant(1)), {1, range.bounds.max}};
}

/// floor(x / d) is x / d for x >= 0, else ~(~x / d).
Value divideFloor(MaskRangeBuilder &b, Value x, Bounds bounds, const Divisor &d) {
  if (std::optional<int64_t> k = d.log2())
    return b.emit<arith::ShRSIOp>(x, b.constant(*k));
  if (bounds.isNonNegative())
    return b.emit<arith::DivUIOp>(x, d.value);
  Value sign = b.emit<arith::ShRSIOp>(x, b.constant(63));
  Value quotient = b.emit<arith::DivUIOp>(b.emit<arith::XOrIOp>(x, sign), d.value);
  return b.emit<arith::XOrIOp>(quotient, sign);
}

Value divideBy(MaskRangeBuilder &b, Value x, Bounds bounds, const Divisor &d, Rounding rounding) {
  if (rounding == Rounding::Floor || (rounding == Rounding::Truncate && bounds.isNonNegative()))
    return divideFloor(b, x, bounds, d);
  if (rounding == Rounding::Truncate)
    return b.emit<arith::DivSIOp>(x, d.value);
  // ceil(x / d) = -floor(-x / d)
  Value zero = b.constant(0);
  Value negated = b.emit<arith::SubIOp>(zero, x);
  return b.emit<arith::SubIOp>(zero, divideFloor(b, negated, {-bounds.max, -bounds.min}, d));
}

int64_t quotient(int64_t x, int64_t d, Rounding rounding) {
  switch (rounding) {
  case Rounding::Floor:
    return llvm::divideFloorSigned(x, d);
  case Rounding::Ceil:
    return llvm::divideCeilSigned(x, d);
  case Rounding::Truncate:
    return x / d;
  }
  llvm_unreachable("unknown rounding");
}

/// The smallest divisor gives the extremes of the largest magnitude.
Bounds quotientBounds(Bounds x, Bounds d, Rounding rounding) {
  return {quotient(x.min, x.min < 0 ? d.min : d.max, rounding), quotient(x.max, x.max < 0 ? d.max : d.min, rounding)};
}

/// x mod d where x / d is the same at both ends of x (and `known` holds), else all that a remainder can be.
MaskRange remainderOf(MaskRangeBuilder &b, const MaskRange &x, const Divisor &d, Rounding rounding, Value known) {
  Value first = divideBy(b, x.lo, x.bounds, d, rounding);
  Value last = divideBy(b, x.hi, x.bounds, d, rounding);
  Value same = b.emit<arith::CmpIOp>(arith::CmpIPredicate::eq, first, last);
  if (known)
    same = b.both(same, known);
  Value base = b.commute<arith::MulIOp>(first, d.value);
  Value one = b.constant(1);
  bool mayBeNegative = rounding == Rounding::Truncate && !x.bounds.isNonNegative();
  Value least = mayBeNegative ? b.emit<arith::SubIOp>(one, d.value) : b.constant(0);
  Value most = b.emit<arith::SubIOp>(d.value, one);
  return {b.select(same, b.emit<arith::SubIOp>(x.lo, base), least),
          b.select(same, b.emit<arith::SubIOp>(x.hi, base), most),
          Bounds{mayBeNegative ? 1 - d.bounds.max : 0, d.bounds.max - 1}};
}

} // namespace

template <Rounding rounding, Sign sign> MaskRange divide(Operation *, MaskRangeBuilder &b, Operands x) {
  if (sign == Sign::Unsigned && !x[0].bounds.isNonNegative())
    return MaskRange::unknown();
  if (rounding == Rounding::Ceil && x[0].bounds.min == INT64_MIN)
    return MaskRange::unknown();
  std::optional<Divisor> d = positive(b, x[1]);
  if (!d)
    return MaskRange::unknown();
  return {divideBy(b, x[0].lo, x[0].bounds, *d, rounding), divideBy(b, x[0].hi, x[0].bounds, *d, rounding),
          quotientBounds(x[0].bounds, d->bounds, rounding)};
}

template MaskRange divide<Rounding::Floor, Sign::Signed>(Operation *, MaskRangeBuilder &, Operands);
template MaskRange divide<Rounding::Ceil, Sign::Signed>(Operation *, MaskRangeBuilder &, Operands);
template MaskRange divide<Rounding::Ceil, Sign::Unsigned>(Operation *, MaskRangeBuilder &, Operands);
template MaskRange divide<Rounding::Truncate, Sign::Signed>(Operation *, MaskRangeBuilder &, Operands);
template MaskRange divide<Rounding::Truncate, Sign::Unsigned>(Operation *, MaskRangeBuilder &, Operands);

MaskRange remainderSigned(Operation *, MaskRangeBuilder &b, Operands x) {
  std::optional<Divisor> d = positive(b, x[1]);
  return d ? remainderOf(b, x[0], *d, Rounding::Truncate, /*known=*/{}) : MaskRange::unknown();
}

/// A negative x stands for x + 2^width. A power of two divides 2^width, so that the remainder is that of x rounded
/// down; by another divisor, nothing is known about it.
MaskRange remainderUnsigned(Operation *, MaskRangeBuilder &b, Operands x) {
  std::optional<Divisor> d = positive(b, x[1]);
  if (!d)
    return MaskRange::unknown();
  Value known;
  if (!x[0].bounds.isNonNegative() && !d->log2())
    known = b.isAtMost(b.constant(0), {0, 0}, x[0].lo, x[0].bounds);
  return remainderOf(b, x[0], *d, Rounding::Floor, known);
}

MaskRange lowBits(Operation *, MaskRangeBuilder &b, Operands x) {
  MaskRange value = x[0], bits = x[1];
  if (bits.bounds.min != bits.bounds.max)
    std::swap(value, bits);
  int64_t mask = bits.bounds.min;
  if (mask != bits.bounds.max || mask < 0 || mask == INT64_MAX || !llvm::isPowerOf2_64(mask + 1))
    return MaskRange::unknown();
  Divisor d{b.constant(mask + 1), {mask + 1, mask + 1}};
  return remainderOf(b, value, d, Rounding::Floor, /*known=*/{});
}

} // namespace fovea::rules
