// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Unions and intersections of key ranges, and their extent on a grid of steps.
#include "KeySetAlgebra.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace fovea {

static bool isAll(const KeyRange &range) { return !range.begin && !range.end && !range.condition; }

static bool isConstant(Value condition, bool value) {
  APInt known;
  return condition && matchPattern(condition, m_ConstantInt(&known)) && known.getBoolValue() == value;
}

KeySet keySetIf(Value condition) {
  if (isConstant(condition, false))
    return KeySet::none();
  if (isConstant(condition, true))
    return KeySet::all();
  return {{KeyRange{{}, {}, condition}}, true};
}

KeySet unite(const KeySet &x, const KeySet &y) {
  KeySet result{{}, x.isExact && y.isExact};
  for (const KeySet *set : {&x, &y})
    for (const KeyRange &range : set->ranges) {
      if (isAll(range))
        return {{KeyRange{}}, set->isExact};
      result.ranges.push_back(range);
    }
  if (result.ranges.size() > KeySet::kMaxRanges)
    return {{KeyRange{}}, false};
  return result;
}

static KeyRange intersect(MaskRangeBuilder &b, const KeyRange &x, const KeyRange &y) {
  KeyRange result = x;
  if (y.begin)
    result.begin = x.begin && x.begin != y.begin ? b.commute<arith::MaxSIOp>(x.begin, y.begin) : y.begin;
  if (y.end)
    result.end = x.end && x.end != y.end ? b.commute<arith::MinSIOp>(x.end, y.end) : y.end;
  if (y.condition)
    result.condition = x.condition && x.condition != y.condition ? b.both(x.condition, y.condition) : y.condition;
  return result;
}

KeySet intersect(MaskRangeBuilder &b, const KeySet &x, const KeySet &y) {
  if (x.ranges.empty() || y.ranges.empty())
    return KeySet::none();
  if (x.ranges.size() * y.ranges.size() > KeySet::kMaxRanges) { // either one contains the intersection
    KeySet wider = x.ranges.size() <= y.ranges.size() ? x : y;
    wider.isExact = false;
    return wider;
  }
  KeySet result{{}, x.isExact && y.isExact};
  for (const KeyRange &u : x.ranges)
    for (const KeyRange &v : y.ranges)
      result.ranges.push_back(intersect(b, u, v));
  return result;
}

/// Where the assumption fails, everything.
static KeyRange widen(MaskRangeBuilder &b, KeyRange range, Value assumption, Value keyBegin, Value keyEnd) {
  if (!assumption)
    return range;
  if (range.begin)
    range.begin = b.select(assumption, range.begin, keyBegin);
  if (range.end)
    range.end = b.select(assumption, range.end, keyEnd);
  if (range.condition)
    range.condition = b.either(range.condition, b.isNot(assumption));
  return range;
}

namespace {

/// A range in steps of the grid.
struct StepRange {
  Value begin, end, isEmpty;
};

class StepGrid {
public:
  StepGrid(MaskRangeBuilder &b, const KeyGrid &grid)
      : b(b), grid(grid), step(b.constant(grid.step)), zero(b.constant(0)) {}

  Value count() {
    Value keys = b.emit<arith::SubIOp>(grid.end, grid.begin);
    return b.emit<arith::DivUIOp>(b.commute<arith::AddIOp>(keys, b.constant(grid.step - 1)), step);
  }

  /// Rounded down and up. Where the range is empty the operands may be negative, and the quotients mean nothing.
  StepRange toSteps(const KeyRange &range) {
    Value begin = range.begin ? b.commute<arith::MaxSIOp>(range.begin, grid.begin) : grid.begin;
    Value end = range.end ? b.commute<arith::MinSIOp>(range.end, grid.end) : grid.end;
    StepRange steps{zero, {}, b.emit<arith::CmpIOp>(arith::CmpIPredicate::sge, begin, end)};
    if (range.condition)
      steps.isEmpty = b.either(steps.isEmpty, b.isNot(range.condition));
    if (range.begin)
      steps.begin = b.emit<arith::DivUIOp>(b.emit<arith::SubIOp>(begin, grid.begin), step);
    if (!range.end) {
      steps.end = count();
      return steps;
    }
    Value last = b.emit<arith::SubIOp>(b.emit<arith::SubIOp>(end, b.constant(1)), grid.begin);
    steps.end = b.commute<arith::AddIOp>(b.emit<arith::DivUIOp>(last, step), b.constant(1));
    return steps;
  }

  /// From steps to keys; empty: both are the first key.
  KeySteps toKeys(const StepRange &steps, Value visited) {
    auto key = [&](Value count) { return b.commute<arith::AddIOp>(b.commute<arith::MulIOp>(count, step), grid.begin); };
    Value end = b.commute<arith::MinSIOp>(key(steps.end), grid.end);
    return {b.select(steps.isEmpty, grid.begin, key(steps.begin)), b.select(steps.isEmpty, grid.begin, end),
            b.select(steps.isEmpty, zero, visited)};
  }

  KeySteps coverOne(const KeyRange &range) {
    StepRange steps = toSteps(range);
    return toKeys(steps, b.emit<arith::SubIOp>(steps.end, steps.begin));
  }

  /// The union of several: sorted by begin, each adds what lies behind the ones before it.
  KeySteps cover(ArrayRef<KeyRange> ranges) {
    Value count = this->count();
    SmallVector<StepRange> sorted;
    for (const KeyRange &range : ranges) { // an empty one begins and ends at `count`, so that it sorts last
      StepRange steps = toSteps(range);
      sorted.push_back({b.select(steps.isEmpty, count, steps.begin), b.select(steps.isEmpty, count, steps.end), {}});
    }
    for (size_t last = 1; last < sorted.size(); ++last) // a network of compare-exchanges, as insertion sort
      for (size_t k = last; k > 0; --k)
        exchange(sorted[k - 1], sorted[k]);
    StepRange hull{sorted[0].begin, sorted[0].end,
                   b.emit<arith::CmpIOp>(arith::CmpIPredicate::eq, sorted[0].begin, count)};
    Value visited = b.emit<arith::SubIOp>(hull.end, hull.begin);
    for (const StepRange &range : ArrayRef(sorted).drop_front()) {
      Value isEmpty = b.emit<arith::CmpIOp>(arith::CmpIPredicate::eq, range.begin, count);
      Value reached = b.select(isEmpty, hull.end, b.emit<arith::MaxSIOp>(hull.end, range.end));
      Value gap = b.emit<arith::MaxSIOp>(b.emit<arith::SubIOp>(range.begin, hull.end), zero);
      Value added = b.emit<arith::SubIOp>(b.emit<arith::SubIOp>(reached, hull.end), gap);
      visited = b.emit<arith::AddIOp>(visited, b.select(isEmpty, zero, added));
      hull.end = reached;
    }
    return toKeys(hull, visited);
  }

private:
  void exchange(StepRange &x, StepRange &y) {
    Value inOrder = b.emit<arith::CmpIOp>(arith::CmpIPredicate::sle, x.begin, y.begin);
    StepRange first{b.select(inOrder, x.begin, y.begin), b.select(inOrder, x.end, y.end), {}};
    y = {b.select(inOrder, y.begin, x.begin), b.select(inOrder, y.end, x.end), {}};
    x = first;
  }

  MaskRangeBuilder &b;
  const KeyGrid &grid;
  Value step, zero;
};

} // namespace

KeySteps emitKeySteps(MaskRangeBuilder &b, const KeySet &keys, const KeyGrid &grid, Value assumption) {
  SmallVector<KeyRange> ranges;
  for (const KeyRange &range : keys.ranges)
    ranges.push_back(widen(b, range, assumption, grid.begin, grid.end));
  if (ranges.empty())
    ranges.push_back({{}, {}, assumption ? b.isNot(assumption) : b.boolean(false)});
  StepGrid steps(b, grid);
  return ranges.size() == 1 ? steps.coverOne(ranges[0]) : steps.cover(ranges);
}

} // namespace fovea
