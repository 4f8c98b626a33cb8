// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ranges of loads, asked of the attn.summary of their array.
//
// The code runs for any tile, so it must not rely on what a tile is assumed to be: every position is clamped to the
// array, and a table has at least one entry in each dimension.
#include "MaskRangeRules.h"
#include "fovea/Dialect/Attn/IR/Attn.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using fovea::attn::SummaryKind;
using fovea::attn::SummaryOp;

namespace fovea::rules {

namespace {

/// The positions that one index of a load may have.
struct Positions {
  Value first, last; // within the array, first <= last
  bool isOne;
};

class Query {
public:
  Query(memref::LoadOp load, SummaryOp summary, Operands x, MaskRangeBuilder &b)
      : b(b), summary(summary), dims(summary.getDims()), grains(summary.getGrains()) {
    auto type = load.getMemRefType();
    for (auto [dim, index] : llvm::enumerate(x.drop_front())) {
      sizes.push_back(sizeOf(type, load.getMemRef(), dim));
      positions.push_back(clamp(index, sizes.back()));
    }
  }

  /// Whether an index may leave the array.
  Value mayLeave() { return leaves ? leaves : b.boolean(false); }

  /// The least and the greatest element.
  std::pair<Value, Value> range() {
    Positions at = positions[dims[0]];
    Value first = blockOf(at.first, 0), low = first, high = first;
    if (!at.isOne) { // two runs of 2^k blocks, one from each end
      Value blocks = blocksOf(0), end = plus(blockOf(at.last, 0), b.constant(1));
      Value zeros = b.emit<math::CountLeadingZerosOp>(b.emit<arith::SubIOp>(end, first));
      Value k = b.emit<arith::SubIOp>(b.constant(63), zeros);
      Value run = b.emit<arith::ShLIOp>(b.constant(1), k), base = b.emit<arith::MulIOp>(k, blocks);
      low = plus(base, first);
      high = plus(base, b.emit<arith::SubIOp>(end, run));
    }
    auto entry = [&](Value block, int64_t which) {
      return load({plus(b.commute<arith::MulIOp>(block, b.constant(2)), b.constant(which))});
    };
    if (at.isOne)
      return {entry(low, 0), entry(low, 1)};
    return {b.emit<arith::MinSIOp>(entry(low, 0), entry(high, 0)),
            b.emit<arith::MaxSIOp>(entry(low, 1), entry(high, 1))};
  }

  /// Whether all and whether any of the elements are set.
  std::pair<Value, Value> count() {
    Value begin[2], end[2], area;
    for (unsigned n : {0, 1}) {
      begin[n] = blockOf(positions[dims[n]].first, n);
      end[n] = plus(blockOf(positions[dims[n]].last, n), b.constant(1));
      Value grain = b.constant(grains[n]), from = b.commute<arith::MulIOp>(begin[n], grain);
      Value to = b.commute<arith::MinSIOp>(b.commute<arith::MulIOp>(end[n], grain), sizes[dims[n]]);
      Value length = b.emit<arith::SubIOp>(to, from);
      area = area ? b.commute<arith::MulIOp>(area, length) : length;
    }
    Value upper = b.emit<arith::SubIOp>(load({end[0], end[1]}), load({begin[0], end[1]}));
    Value lower = b.emit<arith::SubIOp>(load({end[0], begin[1]}), load({begin[0], begin[1]}));
    Value set = b.emit<arith::SubIOp>(upper, lower);
    return {b.emit<arith::CmpIOp>(arith::CmpIPredicate::eq, set, area),
            b.emit<arith::CmpIOp>(arith::CmpIPredicate::ne, set, b.constant(0))};
  }

private:
  Value plus(Value x, Value y) { return b.commute<arith::AddIOp>(x, y); }

  Value sizeOf(MemRefType type, Value memref, int64_t dim) {
    if (!type.isDynamicDim(dim))
      return b.constant(type.getDimSize(dim));
    if (!metadata) // not memref.dim: see OutlineTasks.cpp, resolveSizes
      metadata = memref::ExtractStridedMetadataOp::create(b.getBuilder(), b.getLoc(), memref);
    return metadata.getSizes()[dim];
  }

  Positions clamp(const MaskRange &index, Value size) {
    constexpr Bounds zero = {0, 0}, any = {-1, INT64_MAX};
    Value end = b.emit<arith::SubIOp>(size, b.constant(1));
    auto within = [&](Value x) { return b.commute<arith::MaxSIOp>(b.commute<arith::MinSIOp>(x, end), b.constant(0)); };
    Value outside =
        b.either(b.isLess(index.lo, index.bounds, b.constant(0), zero), b.isLess(end, any, index.hi, index.bounds));
    leaves = leaves ? b.either(leaves, outside) : outside;
    Value first = within(index.lo);
    if (index.isPoint())
      return {first, first, true};
    return {first, b.commute<arith::MaxSIOp>(within(index.hi), first), false};
  }

  Value blockOf(Value position, unsigned n) {
    return b.emit<arith::ShRUIOp>(position, b.constant(llvm::Log2_64(grains[n])));
  }

  Value blocksOf(unsigned n) {
    Value roundedUp = blockOf(plus(sizes[dims[n]], b.constant(grains[n] - 1)), n);
    return b.commute<arith::MaxSIOp>(roundedUp, b.constant(1));
  }

  /// The entry of the table: at `entries` in the summarised dimensions.
  Value load(ArrayRef<Value> entries) {
    SmallVector<Value> indices;
    for (Positions &at : positions)
      indices.push_back(at.first);
    for (auto [dim, entry] : llvm::zip_equal(dims, entries))
      indices[dim] = entry;
    return memref::LoadOp::create(b.getBuilder(), b.getLoc(), summary.getTable(), indices);
  }

  MaskRangeBuilder &b;
  SummaryOp summary;
  ArrayRef<int64_t> dims, grains;
  memref::ExtractStridedMetadataOp metadata;
  SmallVector<Value> sizes;
  SmallVector<Positions> positions;
  Value leaves; // null: no index asked yet
};

/// A summary of the load's array that leaves out no index with more than one position; a range before a count.
SummaryOp findSummary(memref::LoadOp load, Operands x) {
  SummaryOp found;
  for (Operation *user : load.getMemRef().getUsers()) {
    auto summary = dyn_cast<SummaryOp>(user);
    if (!summary || summary.getSource() != load.getMemRef() || (found && found.getKind() == SummaryKind::Range))
      continue;
    bool covers = llvm::all_of(llvm::enumerate(x.drop_front()), [&](auto index) {
      return index.value().isPoint() || llvm::is_contained(summary.getDims(), int64_t(index.index()));
    });
    if (covers)
      found = summary;
  }
  return found;
}

/// Comparisons, also of a conversion and as a position, take any 64-bit value; arithmetic does not.
bool entersArithmetic(Value value) {
  return llvm::any_of(value.getUsers(), [](Operation *user) {
    if (isa<arith::ExtSIOp, arith::ExtUIOp, arith::IndexCastOp, arith::IndexCastUIOp>(user))
      return entersArithmetic(user->getResult(0));
    return !isa<arith::CmpIOp, memref::LoadOp>(user);
  });
}

bool isZero(Value value) { return matchPattern(value, m_Zero()); }
bool isNegativeInfinity(Value value) { return matchPattern(value, m_NegInfFloat()); }

} // namespace

/// Outside its array a load gives 0, which is not set as an integer and is as a float.
MaskRange load(Operation *op, MaskRangeBuilder &b, Operands x) {
  auto load = cast<memref::LoadOp>(op);
  if (!llvm::all_of(x.drop_front(), [](const MaskRange &index) { return index.isKnown(); }))
    return MaskRange::unknown();
  SummaryOp summary = findSummary(load, x);
  if (!summary)
    return MaskRange::unknown();
  Query query(load, summary, x, b);
  Value leaves = query.mayLeave();
  Type type = load.getType();
  bool isRange = summary.getKind() == SummaryKind::Range;
  if (std::optional<Bounds> bounds = Bounds::ofType(type); isRange && bounds && !isBoolean(type)) {
    auto [min, max] = query.range();
    MaskRange range{b.select(leaves, b.emit<arith::MinSIOp>(min, b.constant(0)), min),
                    b.select(leaves, b.emit<arith::MaxSIOp>(max, b.constant(0)), max), *bounds};
    constexpr Bounds limits = {-kSymbolLimit, kSymbolLimit};
    if (limits.contains(*bounds) || !entersArithmetic(load.getResult()))
      return range;
    b.assumeWithin(range, limits);
    range.bounds = limits;
    return range;
  }
  auto [all, any] = isRange ? query.range() : query.count();
  if (isRange) {
    all = b.emit<arith::CmpIOp>(arith::CmpIPredicate::ne, all, b.constant(0));
    any = b.emit<arith::CmpIOp>(arith::CmpIPredicate::ne, any, b.constant(0));
  }
  if (isa<FloatType>(type))
    any = b.either(any, leaves);
  else
    all = b.both(all, b.isNot(leaves));
  if (isBoolean(type))
    return MaskRange::boolean(all, any);
  MaskRange result = MaskRange::unknown();
  result.allSet = all;
  result.anySet = any;
  return result;
}

/// True: asks whether `number` is set; false: whether it is not.
std::optional<bool> asksIfSet(Operation *op, Value number) {
  if (auto compare = dyn_cast<arith::CmpIOp>(op)) {
    using P = arith::CmpIPredicate;
    bool isLeft = compare.getLhs() == number;
    if (!isZero(isLeft ? compare.getRhs() : compare.getLhs()))
      return std::nullopt;
    P predicate = compare.getPredicate();
    if (predicate == P::ne || predicate == (isLeft ? P::ugt : P::ult))
      return true;
    return predicate == P::eq || predicate == (isLeft ? P::ule : P::uge) ? std::optional(false) : std::nullopt;
  }
  auto compare = dyn_cast<arith::CmpFOp>(op);
  if (!compare)
    return std::nullopt;
  using P = arith::CmpFPredicate; // a NaN is not greater than -inf
  bool isLeft = compare.getLhs() == number;
  if (!isNegativeInfinity(isLeft ? compare.getRhs() : compare.getLhs()))
    return std::nullopt;
  P predicate = compare.getPredicate();
  if (predicate == P::ONE || predicate == (isLeft ? P::OGT : P::OLT))
    return true;
  return predicate == P::UEQ || predicate == (isLeft ? P::ULE : P::UGE) ? std::optional(false) : std::nullopt;
}

std::optional<MaskRange> compareSet(Operation *op, MaskRangeBuilder &b, Operands x) {
  for (unsigned side : {0, 1}) {
    std::optional<bool> set = asksIfSet(op, op->getOperand(side));
    if (!set || !x[side].anySet)
      continue;
    MaskRange result = MaskRange::boolean(x[side].allSet, x[side].anySet);
    return *set ? result : negation(b, result);
  }
  return std::nullopt;
}

MaskRange compareFloats(Operation *op, MaskRangeBuilder &b, Operands x) {
  return compareSet(op, b, x).value_or(MaskRange::unknown());
}

MaskRange widen(Operation *op, MaskRangeBuilder &, Operands x) {
  std::optional<Bounds> from = Bounds::ofType(op->getOperand(0).getType()),
                        to = Bounds::ofType(op->getResult(0).getType());
  bool isWider = isa<arith::ExtFOp>(op) || (from && to && to->contains(*from));
  MaskRange result = MaskRange::unknown();
  if (isWider) {
    result.allSet = x[0].allSet;
    result.anySet = x[0].anySet;
  }
  return result;
}

} // namespace fovea::rules
