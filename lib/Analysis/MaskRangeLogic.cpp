// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Comparisons, booleans as (must, may), and conversions between the two kinds of range.
#include "MaskRangeRules.h"

using namespace mlir;

namespace fovea::rules {

MaskRange negation(MaskRangeBuilder &b, const MaskRange &x) { return MaskRange::boolean(b.isNot(x.hi), b.isNot(x.lo)); }

namespace {

/// Different everywhere: one is always true and the other never. Equal nowhere is the same as different everywhere.
MaskRange different(MaskRangeBuilder &b, const MaskRange &x, const MaskRange &y) {
  Value xNever = b.isNot(x.hi), yNever = b.isNot(y.hi);
  Value must = b.either(b.both(x.lo, yNever), b.both(xNever, y.lo));
  Value mustNot = b.either(b.both(x.lo, y.lo), b.both(xNever, yNever));
  return MaskRange::boolean(must, b.isNot(mustNot));
}

MaskRange less(MaskRangeBuilder &b, const MaskRange &x, const MaskRange &y) {
  return {b.isLess(x.hi, x.bounds, y.lo, y.bounds), b.isLess(x.lo, x.bounds, y.hi, y.bounds)};
}

MaskRange atMost(MaskRangeBuilder &b, const MaskRange &x, const MaskRange &y) {
  return {b.isAtMost(x.hi, x.bounds, y.lo, y.bounds), b.isAtMost(x.lo, x.bounds, y.hi, y.bounds)};
}

/// As lo <= hi on either side, x.lo == y.hi and x.hi == y.lo leave one value for both: must = (y.hi <= x.lo and x.hi <=
/// y.lo).
MaskRange equal(MaskRangeBuilder &b, const MaskRange &x, const MaskRange &y) {
  Value may = b.both(b.isAtMost(x.lo, x.bounds, y.hi, y.bounds), b.isAtMost(y.lo, y.bounds, x.hi, x.bounds));
  Value must = b.both(b.isAtMost(y.hi, y.bounds, x.lo, x.bounds), b.isAtMost(x.hi, x.bounds, y.lo, y.bounds));
  return MaskRange::boolean(must, may);
}

/// x relates to y without sign. Non-negative values compare as signed ones; a negative one is above all of those.
MaskRange compareUnsigned(MaskRangeBuilder &b, const MaskRange &x, const MaskRange &y,
                          MaskRange (*relation)(MaskRangeBuilder &, const MaskRange &, const MaskRange &)) {
  auto assumeNonNegative = [&](MaskRange range) {
    b.assumeWithin(range, {0, INT64_MAX});
    range.bounds = {0, range.bounds.max};
    return range;
  };
  if (!x.bounds.isNonNegative() && !y.bounds.isNonNegative()) { // a symbol's sign can be checked at run time
    if (y.isPoint() && y.bounds.max >= 0)
      return compareUnsigned(b, x, assumeNonNegative(y), relation);
    if (x.isPoint() && x.bounds.max >= 0)
      return compareUnsigned(b, assumeNonNegative(x), y, relation);
    return MaskRange::unknown();
  }
  MaskRange result = relation(b, x, y);
  Bounds zero = {0, 0};
  if (!x.bounds.isNonNegative()) // 0 <= x, and as signed
    return MaskRange::boolean(b.both(result.lo, b.isAtMost(b.constant(0), zero, x.lo, x.bounds)),
                              b.both(result.hi, b.isAtMost(b.constant(0), zero, x.hi, x.bounds)));
  if (!y.bounds.isNonNegative()) // y < 0, or as signed
    return MaskRange::boolean(b.either(result.lo, b.isLess(y.hi, y.bounds, b.constant(0), zero)),
                              b.either(result.hi, b.isLess(y.lo, y.bounds, b.constant(0), zero)));
  return result;
}

} // namespace

MaskRange conjunction(Operation *op, MaskRangeBuilder &b, Operands x) {
  if (isBoolean(op->getResult(0).getType()))
    return MaskRange::boolean(b.both(x[0].lo, x[1].lo), b.both(x[0].hi, x[1].hi));
  return x[0].isKnown() && x[1].isKnown() ? lowBits(op, b, x) : MaskRange::unknown();
}

MaskRange disjunction(Operation *op, MaskRangeBuilder &b, Operands x) {
  if (!isBoolean(op->getResult(0).getType()))
    return MaskRange::unknown();
  return MaskRange::boolean(b.either(x[0].lo, x[1].lo), b.either(x[0].hi, x[1].hi));
}

MaskRange exclusive(Operation *op, MaskRangeBuilder &b, Operands x) {
  return isBoolean(op->getResult(0).getType()) ? different(b, x[0], x[1]) : MaskRange::unknown();
}

MaskRange select(Operation *op, MaskRangeBuilder &b, Operands x) {
  if (!isBoolean(op->getOperand(0).getType())) // i.e. of a shaped type
    return MaskRange::unknown();
  const MaskRange &condition = x[0], &yes = x[1], &no = x[2];
  if (isBoolean(op->getResult(0).getType())) {
    Value must = b.either(b.both(condition.lo, yes.lo), b.both(b.isNot(condition.hi), no.lo));
    Value may = b.either(b.both(condition.hi, yes.hi), b.both(b.isNot(condition.lo), no.hi));
    return MaskRange::boolean(b.either(must, b.both(yes.lo, no.lo)), may);
  }
  if (!yes.isKnown() || !no.isKnown())
    return MaskRange::unknown();
  Bounds hull = {std::min(yes.bounds.min, no.bounds.min), std::max(yes.bounds.max, no.bounds.max)};
  if (condition.isPoint())
    return {b.select(condition.lo, yes.lo, no.lo), b.select(condition.lo, yes.hi, no.hi), hull};
  Value low = b.select(condition.hi, b.commute<arith::MinSIOp>(yes.lo, no.lo), no.lo);
  Value high = b.select(condition.hi, b.commute<arith::MaxSIOp>(yes.hi, no.hi), no.hi);
  return {b.select(condition.lo, yes.lo, low), b.select(condition.lo, yes.hi, high), hull};
}

MaskRange compare(Operation *op, MaskRangeBuilder &b, Operands operands) {
  using Predicate = arith::CmpIPredicate;
  Predicate predicate = cast<arith::CmpIOp>(op).getPredicate();
  const MaskRange &x = operands[0], &y = operands[1];
  if (isBoolean(op->getOperand(0).getType())) {
    if (predicate != Predicate::eq && predicate != Predicate::ne)
      return MaskRange::unknown();
    MaskRange unequal = different(b, x, y);
    return predicate == Predicate::ne ? unequal : negation(b, unequal);
  }
  if (std::optional<MaskRange> set = compareSet(op, b, operands))
    return *set;
  if (!x.isKnown() || !y.isKnown())
    return MaskRange::unknown();
  switch (predicate) {
  case Predicate::eq:
    return equal(b, x, y);
  case Predicate::ne:
    return negation(b, equal(b, x, y));
  case Predicate::slt:
    return less(b, x, y);
  case Predicate::sle:
    return atMost(b, x, y);
  case Predicate::sgt:
    return less(b, y, x);
  case Predicate::sge:
    return atMost(b, y, x);
  case Predicate::ult:
    return compareUnsigned(b, x, y, less);
  case Predicate::ule:
    return compareUnsigned(b, x, y, atMost);
  case Predicate::ugt:
    return compareUnsigned(b, y, x, less);
  case Predicate::uge:
    return compareUnsigned(b, y, x, atMost);
  }
  llvm_unreachable("unknown predicate");
}

/// Between integer types a value stays the same where it fits, which the caller checks; true becomes 1 or, signed, -1.
template <Sign sign> MaskRange convert(Operation *op, MaskRangeBuilder &b, Operands x) {
  if (isBoolean(op->getResult(0).getType()))
    return MaskRange::unknown();
  if (isBoolean(op->getOperand(0).getType())) {
    Value zero = b.constant(0);
    if (sign == Sign::Unsigned)
      return {b.select(x[0].lo, b.constant(1), zero), b.select(x[0].hi, b.constant(1), zero), Bounds{0, 1}};
    return {b.select(x[0].hi, b.constant(-1), zero), b.select(x[0].lo, b.constant(-1), zero), Bounds{-1, 0}};
  }
  if (!x[0].isKnown())
    return widen(op, b, x);
  bool isUnchanged = (sign == Sign::Signed || x[0].bounds.isNonNegative());
  return isUnchanged ? x[0] : MaskRange::unknown();
}

template MaskRange convert<Sign::Signed>(Operation *, MaskRangeBuilder &, Operands);
template MaskRange convert<Sign::Unsigned>(Operation *, MaskRangeBuilder &, Operands);

} // namespace fovea::rules
