// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Analysis/VisibleKeys.h"

#include "KeySetAlgebra.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace fovea {

namespace {

/// A number that a value is compared with.
struct Limit {
  Value value;
  Bounds bounds;
};

enum class Side { AtMost, AtLeast };

Side opposite(Side side) { return side == Side::AtMost ? Side::AtLeast : Side::AtMost; }

class KeySolver {
public:
  KeySolver(MaskRangeBuilder &b, const MaskClassifier &classifier) : b(b), classifier(classifier) {}

  /// Keys at which `condition` may be `wanted`.
  KeySet where(Value condition, bool wanted) {
    return recorded(condition, [&] { return evaluate(condition, wanted); });
  }
  /// Where the answer was lost, innermost first.
  ArrayRef<Operation *> getUnsolved() const { return unsolvedOps.getArrayRef(); }

private:
  KeySet recorded(Value value, function_ref<KeySet()> answer) {
    size_t before = unsolvedOps.size();
    KeySet keys = answer();
    if (!keys.isExact && unsolvedOps.size() == before && value.getDefiningOp())
      unsolvedOps.insert(value.getDefiningOp());
    return keys;
  }

  KeySet evaluate(Value condition, bool wanted);
  KeySet compare(arith::CmpIOp op, bool wanted);
  KeySet compareUnsigned(arith::CmpIPredicate predicate, Value x, const MaskRange &limit);

  /// Keys at which some row has x <= c, or x >= c.
  KeySet solve(Value x, Side side, Limit c) {
    return recorded(x, [&] { return invert(x, side, c); });
  }
  KeySet invert(Value x, Side side, Limit c);
  KeySet solveSum(Value x, Value y, Side side, Limit c);
  KeySet solveDifference(Value x, Value y, Side side, Limit c);
  KeySet solveProduct(Value x, Value y, Side side, Limit c);
  KeySet solveQuotient(Operation *op, Side side, Limit c);
  KeySet solveAbsolute(Value x, Side side, Limit c);
  KeySet solveSelect(arith::SelectOp op, Side side, Limit c);
  KeySet solveCast(Operation *op, Side side, Limit c);
  KeySet divided(Value x, const MaskRange &divisor, Side side, Limit c);
  KeySet multiplied(Value x, const MaskRange &factor, Side side, Limit c);

  bool varies(Value value) const { return classifier.dependsOnKeys(value); }
  MaskRange rangeOf(Value value) { return classifier.rangeOf(value, b); }
  static KeySet unsolved() { return {{KeyRange{}}, /*isExact=*/false}; }

  KeySet holds(Value condition) { return keySetIf(condition); }
  std::optional<Limit> plus(Limit a, Limit c);
  std::optional<Limit> minus(Limit a, Limit c);
  std::optional<Limit> times(Limit a, Limit c);
  std::optional<Limit> plus(Limit a, int64_t constant) { return plus(a, {b.constant(constant), {constant, constant}}); }
  Limit clamp(Limit c, Bounds bounds);
  KeySet solve(Value x, Side side, std::optional<Limit> c) { return c ? solve(x, side, *c) : unsolved(); }

  MaskRangeBuilder &b;
  const MaskClassifier &classifier;
  llvm::SetVector<Operation *> unsolvedOps;
};

std::optional<Limit> KeySolver::plus(Limit a, Limit c) {
  std::optional<Bounds> bounds = a.bounds + c.bounds;
  if (!bounds)
    return std::nullopt;
  return Limit{b.commute<arith::AddIOp>(a.value, c.value), *bounds};
}

std::optional<Limit> KeySolver::minus(Limit a, Limit c) {
  std::optional<Bounds> bounds = a.bounds - c.bounds;
  if (!bounds)
    return std::nullopt;
  return Limit{b.emit<arith::SubIOp>(a.value, c.value), *bounds};
}

std::optional<Limit> KeySolver::times(Limit a, Limit c) {
  std::optional<Bounds> bounds = a.bounds * c.bounds;
  if (!bounds)
    return std::nullopt;
  return Limit{b.commute<arith::MulIOp>(a.value, c.value), *bounds};
}

/// A limit just outside of what a value can be says as much as one far away, and does not overflow.
Limit KeySolver::clamp(Limit c, Bounds bounds) {
  std::optional<Bounds> wider = bounds + Bounds{-1, 1};
  if (!wider || wider->contains(c.bounds))
    return c;
  Value value = c.value;
  if (c.bounds.min < wider->min)
    value = b.commute<arith::MaxSIOp>(value, b.constant(wider->min));
  if (c.bounds.max > wider->max)
    value = b.commute<arith::MinSIOp>(value, b.constant(wider->max));
  return {value, {std::clamp(c.bounds.min, wider->min, wider->max), std::clamp(c.bounds.max, wider->min, wider->max)}};
}

KeySet KeySolver::evaluate(Value condition, bool wanted) {
  if (!varies(condition)) {
    MaskRange range = rangeOf(condition);
    return holds(wanted ? range.hi : b.isNot(range.lo));
  }
  Operation *op = condition.getDefiningOp();
  if (!op || !condition.getType().isInteger(1))
    return unsolved();
  return TypeSwitch<Operation *, KeySet>(op)
      .Case([&](arith::AndIOp both) {
        KeySet x = where(both.getLhs(), wanted), y = where(both.getRhs(), wanted);
        return wanted ? intersect(b, x, y) : unite(x, y);
      })
      .Case([&](arith::OrIOp either) {
        KeySet x = where(either.getLhs(), wanted), y = where(either.getRhs(), wanted);
        return wanted ? unite(x, y) : intersect(b, x, y);
      })
      .Case([&](arith::XOrIOp different) {
        Value x = different.getLhs(), y = different.getRhs();
        KeySet first = intersect(b, where(x, true), where(y, !wanted));
        return unite(first, intersect(b, where(x, false), where(y, wanted)));
      })
      .Case([&](arith::SelectOp choice) {
        Value c = choice.getCondition();
        KeySet yes = intersect(b, where(c, true), where(choice.getTrueValue(), wanted));
        return unite(yes, intersect(b, where(c, false), where(choice.getFalseValue(), wanted)));
      })
      .Case([&](arith::CmpIOp comparison) { return compare(comparison, wanted); })
      // What the classifier knows nothing of, it knows nothing of in any step.
      .Default([&](Operation *other) { return classifier.knows(other) ? unsolved() : KeySet::all(); });
}

/// y > x for x < y.
static arith::CmpIPredicate mirrored(arith::CmpIPredicate predicate) {
  using Predicate = arith::CmpIPredicate;
  switch (predicate) {
  case Predicate::slt:
    return Predicate::sgt;
  case Predicate::sle:
    return Predicate::sge;
  case Predicate::sgt:
    return Predicate::slt;
  case Predicate::sge:
    return Predicate::sle;
  case Predicate::ult:
    return Predicate::ugt;
  case Predicate::ule:
    return Predicate::uge;
  case Predicate::ugt:
    return Predicate::ult;
  case Predicate::uge:
    return Predicate::ule;
  default:
    return predicate;
  }
}

KeySet KeySolver::compare(arith::CmpIOp op, bool wanted) {
  using Predicate = arith::CmpIPredicate;
  Value x = op.getLhs(), y = op.getRhs();
  Predicate predicate = wanted ? op.getPredicate() : arith::invertPredicate(op.getPredicate());
  if (varies(y)) {
    std::swap(x, y);
    predicate = mirrored(predicate);
  }
  if (varies(y) || x.getType().isInteger(1))
    return unsolved();
  MaskRange range = rangeOf(y);
  if (rangeOf(x).anySet) // of a count, which has no inverse
    return unsolved();
  if (!range.isKnown() || !rangeOf(x).isKnown())
    return KeySet::all();
  Limit least{range.lo, range.bounds}, most{range.hi, range.bounds};
  Bounds bounds = rangeOf(x).bounds;
  switch (predicate) {
  case Predicate::eq:
    return intersect(b, solve(x, Side::AtMost, most), solve(x, Side::AtLeast, least));
  case Predicate::ne:
    return unsolved();
  case Predicate::slt:
    if (x == classifier.getKey())
      return {{KeyRange{{}, most.value, {}}}, true};
    return solve(x, Side::AtMost, plus(clamp(most, bounds), -1));
  case Predicate::sle:
    return solve(x, Side::AtMost, most);
  case Predicate::sgt:
    return solve(x, Side::AtLeast, plus(clamp(least, bounds), 1));
  case Predicate::sge:
    return solve(x, Side::AtLeast, least);
  default:
    return compareUnsigned(predicate, x, range);
  }
}

/// A negative number reads as one above all others. So x below c is x <= c as signed, and 0 <= x; or c < 0. x above c
/// is x >= c as signed, and c >= 0; or x < 0.
KeySet KeySolver::compareUnsigned(arith::CmpIPredicate predicate, Value x, const MaskRange &limit) {
  using Predicate = arith::CmpIPredicate;
  Bounds known = rangeOf(x).bounds, zero = {0, 0};
  bool isAssumed =
      limit.isPoint() && limit.bounds.max >= 0; // where neither sign is known, the classifier checks this one
  if (!limit.bounds.isNonNegative() && !known.isNonNegative() && !isAssumed)
    return unsolved();
  bool limitMayBeNegative = !limit.bounds.isNonNegative() && known.isNonNegative();
  Limit least = clamp({limit.lo, limit.bounds}, known), most = clamp({limit.hi, limit.bounds}, known);
  if (predicate == Predicate::ult || predicate == Predicate::ule) {
    KeySet below = solve(x, Side::AtMost, predicate == Predicate::ult ? plus(most, -1) : most);
    if (!known.isNonNegative())
      below = intersect(b, below, solve(x, Side::AtLeast, Limit{b.constant(0), zero}));
    return limitMayBeNegative ? unite(below, holds(b.isLess(limit.lo, limit.bounds, b.constant(0), zero))) : below;
  }
  KeySet above = solve(x, Side::AtLeast, predicate == Predicate::ugt ? plus(least, 1) : least);
  if (limitMayBeNegative)
    above = intersect(b, above, holds(b.isAtMost(b.constant(0), zero, limit.hi, limit.bounds)));
  return known.isNonNegative() ? above : unite(above, solve(x, Side::AtMost, Limit{b.constant(-1), {-1, -1}}));
}

KeySet KeySolver::invert(Value x, Side side, Limit c) {
  MaskRange range = rangeOf(x);
  if (!range.isKnown())
    return KeySet::all();
  if (!varies(x))
    return holds(side == Side::AtMost ? b.isAtMost(range.lo, range.bounds, c.value, c.bounds)
                                      : b.isAtMost(c.value, c.bounds, range.hi, range.bounds));
  if (x == classifier.getKey()) {
    if (side == Side::AtLeast)
      return {{KeyRange{c.value, {}, {}}}, true};
    Limit last = c.bounds.max == INT64_MAX ? clamp(c, range.bounds) : c;
    return {{KeyRange{{}, b.commute<arith::AddIOp>(last.value, b.constant(1)), {}}}, true};
  }
  c = clamp(c, range.bounds);
  Operation *op = x.getDefiningOp();
  if (!op)
    return unsolved();
  auto both = [&](Value u, Value v, bool isUnion) {
    KeySet first = solve(u, side, c), second = solve(v, side, c);
    return isUnion ? unite(first, second) : intersect(b, first, second);
  };
  return TypeSwitch<Operation *, KeySet>(op)
      .Case([&](arith::AddIOp add) { return solveSum(add.getLhs(), add.getRhs(), side, c); })
      .Case([&](arith::SubIOp sub) { return solveDifference(sub.getLhs(), sub.getRhs(), side, c); })
      .Case([&](arith::MulIOp mul) { return solveProduct(mul.getLhs(), mul.getRhs(), side, c); })
      .Case<arith::FloorDivSIOp, arith::CeilDivSIOp, arith::CeilDivUIOp, arith::DivSIOp, arith::DivUIOp, arith::ShRSIOp,
            arith::ShRUIOp, arith::ShLIOp>([&](Operation *quotient) { return solveQuotient(quotient, side, c); })
      .Case<arith::MinSIOp, arith::MinUIOp>(
          [&](auto least) { return both(least.getLhs(), least.getRhs(), side == Side::AtMost); })
      .Case<arith::MaxSIOp, arith::MaxUIOp>(
          [&](auto most) { return both(most.getLhs(), most.getRhs(), side == Side::AtLeast); })
      .Case([&](math::AbsIOp absolute) { return solveAbsolute(absolute.getOperand(), side, c); })
      .Case([&](arith::SelectOp choice) { return solveSelect(choice, side, c); })
      .Case<arith::ExtSIOp, arith::ExtUIOp, arith::TruncIOp, arith::IndexCastOp, arith::IndexCastUIOp>(
          [&](Operation *cast) { return solveCast(cast, side, c); })
      .Default([](Operation *) { return unsolved(); });
}

KeySet KeySolver::solveSum(Value x, Value y, Side side, Limit c) {
  if (varies(y))
    std::swap(x, y);
  if (varies(y))
    return unsolved();
  MaskRange other = rangeOf(y);
  return solve(x, side, minus(c, {side == Side::AtMost ? other.lo : other.hi, other.bounds}));
}

KeySet KeySolver::solveDifference(Value x, Value y, Side side, Limit c) {
  if (varies(x) && varies(y))
    return unsolved();
  bool isFirst = varies(x);
  MaskRange other = rangeOf(isFirst ? y : x);
  if (isFirst) // x <= c + max y, x >= c + min y
    return solve(x, side, plus(c, {side == Side::AtMost ? other.hi : other.lo, other.bounds}));
  // y >= min x - c, y <= max x - c
  return solve(y, opposite(side), minus({side == Side::AtMost ? other.lo : other.hi, other.bounds}, c));
}

KeySet KeySolver::solveProduct(Value x, Value y, Side side, Limit c) {
  if (varies(y))
    std::swap(x, y);
  MaskRange factor = rangeOf(y);
  if (varies(y) || !factor.isPoint())
    return unsolved();
  if (factor.bounds.min > 0)
    return multiplied(x, factor, side, c);
  if (factor.bounds.max < 0) { // x (-f) >= -c
    std::optional<Bounds> bounds = Bounds{0, 0} - factor.bounds;
    std::optional<Limit> negated = minus({b.constant(0), {0, 0}}, c);
    if (!bounds || !negated)
      return unsolved();
    Value positive = b.emit<arith::SubIOp>(b.constant(0), factor.lo);
    return multiplied(x, {positive, positive, *bounds}, opposite(side), *negated);
  }
  return unsolved();
}

/// x f <= c: x <= floor(c / f); x f >= c: x >= ceil(c / f); f > 0.
KeySet KeySolver::multiplied(Value x, const MaskRange &factor, Side side, Limit c) {
  Bounds bounds = {std::min<int64_t>(c.bounds.min, 0), std::max<int64_t>(c.bounds.max, 0)};
  if (side == Side::AtMost)
    return solve(x, side, Limit{b.emit<arith::FloorDivSIOp>(c.value, factor.lo), bounds});
  if (bounds.min == INT64_MIN)
    return unsolved();
  return solve(x, side, Limit{b.emit<arith::CeilDivSIOp>(c.value, factor.lo), bounds});
}

KeySet KeySolver::solveQuotient(Operation *op, Side side, Limit c) {
  Value x = op->getOperand(0), y = op->getOperand(1);
  MaskRange other = rangeOf(y), dividend = rangeOf(x);
  if (varies(y) || !other.isPoint() || !dividend.isKnown())
    return unsolved();
  bool isShift = isa<arith::ShRSIOp, arith::ShRUIOp, arith::ShLIOp>(op);
  if (isShift) { // by a constant within the type, or there were no range
    int64_t power = int64_t(1) << other.bounds.min;
    other = {b.constant(power), b.constant(power), {power, power}};
    return isa<arith::ShLIOp>(op) ? multiplied(x, other, side, c) : divided(x, other, side, c);
  }
  if (other.bounds.min <= 0) { // assumed to be positive by the classifier; where it is not, nothing may trap
    Value positive = b.commute<arith::MaxSIOp>(other.lo, b.constant(1));
    other = {positive, positive, {1, std::max<int64_t>(other.bounds.max, 1)}};
  }
  bool roundsUp = isa<arith::CeilDivSIOp, arith::CeilDivUIOp>(op);
  bool truncates = isa<arith::DivSIOp>(op) && !dividend.bounds.isNonNegative();
  // Truncation is between rounding down and up: each side takes the wider answer.
  if ((roundsUp && !truncates) || (truncates && side == Side::AtLeast)) {
    Limit divisor{other.lo, other.bounds};
    if (side == Side::AtMost) // ceil(x / d) <= c: x <= c d
      return solve(x, side, times(c, divisor));
    std::optional<Limit> below = plus(c, -1); // ceil(x / d) >= c: x > (c - 1) d
    below = below ? times(*below, divisor) : std::nullopt;
    return below ? solve(x, side, plus(*below, 1)) : unsolved();
  }
  return divided(x, other, side, c);
}

/// floor(x / d) <= c: x <= (c + 1) d - 1; floor(x / d) >= c: x >= c d.
KeySet KeySolver::divided(Value x, const MaskRange &divisor, Side side, Limit c) {
  Limit d{divisor.lo, divisor.bounds};
  if (side == Side::AtLeast)
    return solve(x, side, times(c, d));
  std::optional<Limit> next = plus(c, 1);
  next = next ? times(*next, d) : std::nullopt;
  return next ? solve(x, side, plus(*next, -1)) : unsolved();
}

KeySet KeySolver::solveAbsolute(Value x, Side side, Limit c) {
  if (rangeOf(x).isKnown() && rangeOf(x).bounds.isNonNegative())
    return solve(x, side, c);
  std::optional<Limit> negated = minus({b.constant(0), {0, 0}}, c);
  if (!negated)
    return unsolved();
  if (side == Side::AtMost) {
    KeySet band = intersect(b, solve(x, Side::AtMost, c), solve(x, Side::AtLeast, *negated));
    return intersect(b, band, keySetIf(b.isAtMost(b.constant(0), {0, 0}, c.value, c.bounds)));
  }
  return unite(solve(x, Side::AtLeast, c), solve(x, Side::AtMost, *negated));
}

KeySet KeySolver::solveSelect(arith::SelectOp op, Side side, Limit c) {
  KeySet yes = intersect(b, where(op.getCondition(), true), solve(op.getTrueValue(), side, c));
  return unite(yes, intersect(b, where(op.getCondition(), false), solve(op.getFalseValue(), side, c)));
}

KeySet KeySolver::solveCast(Operation *op, Side side, Limit c) {
  Value x = op->getOperand(0);
  return x.getType().isInteger(1) ? unsolved() : solve(x, side, c);
}

} // namespace

KeySet emitVisibleKeys(MaskRangeBuilder &builder, const MaskClassifier &classifier,
                       SmallVectorImpl<Operation *> *unsolved) {
  KeySolver solver(builder, classifier);
  KeySet keys = solver.where(classifier.getResult(), true);
  if (unsolved)
    unsolved->append(solver.getUnsolved().begin(), solver.getUnsolved().end());
  return keys;
}

} // namespace fovea
