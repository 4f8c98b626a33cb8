// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Analysis/MaskClassifier.h"

#include "UniformCode.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace fovea {

/// b, h, i, j of a mask region.
enum MaskArgument : unsigned { kBatch, kHead, kRow, kKey };

MaskClassifier::MaskClassifier(Region &region) : mask(region.front()) {
  dependence[mask.getArgument(kRow)] = kRows;
  dependence[mask.getArgument(kKey)] = kKeys;
  for (Operation &op : mask.without_terminator()) {
    unsigned all = kNothing;
    for (Value operand : op.getOperands())
      all |= dependenceOf(operand);
    for (Value result : op.getResults())
      dependence[result] = all;
  }

  // From the result backwards. Operands of an op without a rule are not needed.
  DenseSet<Operation *> needed;
  auto require = [&](Value value, bool byVarying) {
    if (byVarying && dependenceOf(value) == kNothing)
      symbols.insert(value);
    if (Operation *op = value.getDefiningOp(); op && op->getBlock() == &mask)
      needed.insert(op);
  };
  require(getResult(), /*byVarying=*/true);
  for (Operation &op : llvm::reverse(mask.without_terminator())) {
    if (!needed.contains(&op))
      continue;
    slice.push_back(&op);
    bool isVarying = dependenceOf(op.getResult(0)) != kNothing;
    if (isVarying && !isa<MaskRangeOpInterface>(op))
      continue;
    for (Value operand : op.getOperands())
      require(operand, isVarying);
  }
  std::reverse(slice.begin(), slice.end());
}

Value MaskClassifier::getKey() const { return mask.getArgument(kKey); }

/// A symbol that is only compared may take any value.
static bool entersArithmetic(Value symbol, ArrayRef<Operation *> slice) {
  return llvm::any_of(symbol.getUsers(), [&](Operation *user) {
    return isa<MaskRangeOpInterface>(user) && !isa<arith::CmpIOp>(user) && llvm::is_contained(slice, user);
  });
}

MaskRange MaskClassifier::symbolRange(Value symbol, Value value, MaskRangeBuilder &builder) {
  if (value.getType().isInteger(1))
    return MaskRange::boolean(value, value);
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)) && constant.getBitWidth() <= 64) {
    int64_t known = constant.getSExtValue();
    Value index = builder.constant(known);
    return {index, index, {known, known}};
  }
  std::optional<Bounds> bounds = Bounds::ofType(value.getType());
  if (!bounds)
    return MaskRange::unknown();
  if (!value.getType().isIndex())
    value = builder.emit<arith::IndexCastOp>(builder.getBuilder().getIndexType(), value);
  MaskRange range{value, value, *bounds};
  if (isa<BlockArgument>(symbol) && symbol.getParentBlock() == &mask) {
    range.bounds = {0, kPositionLimit - 1};
  } else if (entersArithmetic(symbol, slice)) {
    builder.assumeWithin(range, {-kSymbolLimit, kSymbolLimit});
    range.bounds = {std::max(bounds->min, -kSymbolLimit), std::min(bounds->max, kSymbolLimit)};
  }
  return range;
}

void MaskClassifier::emitSymbols(OpBuilder &opBuilder, Location loc, Value batch, Value head) {
  MaskRangeBuilder builder(opBuilder, loc);
  IRMapping mapping;
  mapping.map(mask.getArgument(kBatch), batch);
  mapping.map(mask.getArgument(kHead), head);
  for (Operation *op : slice)
    if (dependenceOf(op->getResult(0)) == kNothing)
      cloneWithoutTraps(builder, *op, mapping);
  for (Value symbol : symbols)
    ranges[symbol] = symbolRange(symbol, mapping.lookupOrDefault(symbol), builder);
  symbolsHold = builder.getAssumption();
}

MaskRange MaskClassifier::rangeOf(Value value, MaskRangeBuilder &builder) const {
  MaskRange range = ranges.lookup(value);
  if (!range.isKnown() && value.getType().isInteger(1))
    return MaskRange::boolean(builder.boolean(false), builder.boolean(true));
  return range;
}

bool MaskClassifier::knows(Operation *op) const {
  if (!isa<MaskRangeOpInterface>(op))
    return false;
  if (!isa<memref::LoadOp, arith::CmpFOp, arith::ExtFOp>(op))
    return true;
  MaskRange range = ranges.lookup(op->getResult(0));
  return range.isKnown() || range.anySet;
}

/// Ranges of the ops of the slice whose dependence is wanted.
void MaskClassifier::emitRanges(MaskRangeBuilder &builder, function_ref<bool(unsigned)> wanted) {
  for (Operation *op : slice) {
    auto rule = dyn_cast<MaskRangeOpInterface>(op);
    if (!rule || !wanted(dependenceOf(op->getResult(0))))
      continue;
    SmallVector<MaskRange> operands;
    for (Value operand : op->getOperands())
      operands.push_back(rangeOf(operand, builder));
    MaskRange range = rule.emitRange(builder, operands);
    Type type = op->getResult(0).getType();
    if (range.isKnown() && !type.isInteger(1)) {
      std::optional<Bounds> limits = Bounds::ofType(type);
      if (!limits) {
        range = MaskRange::unknown();
      } else { // the op does not wrap around in this tile
        builder.assumeWithin(range, *limits);
        range.bounds = {std::max(range.bounds.min, limits->min), std::min(range.bounds.max, limits->max)};
      }
    }
    ranges[op->getResult(0)] = range;
  }
}

static MaskRange positions(MaskRangeBuilder &builder, Value begin, Value end, Bounds bounds) {
  return {begin, builder.emit<arith::SubIOp>(end, builder.constant(1)), bounds};
}

/// Unsigned ops read a negative position as a huge one: masks that have them are classified for positions from 0 only.
static Bounds rowLimits(ArrayRef<Operation *> slice) {
  bool hasUnsigned = llvm::any_of(slice, [](Operation *op) {
    if (auto compare = dyn_cast<arith::CmpIOp>(op))
      return compare.getPredicate() >= arith::CmpIPredicate::ult;
    return isa<arith::DivUIOp, arith::RemUIOp, arith::CeilDivUIOp, arith::ShRUIOp, arith::MinUIOp, arith::MaxUIOp,
               arith::ExtUIOp, arith::IndexCastUIOp>(op);
  });
  return {hasUnsigned ? 0 : -kPositionLimit, kPositionLimit - 1};
}

void MaskClassifier::emitRows(OpBuilder &opBuilder, Location loc, Value rowBegin, Value rowEnd) {
  MaskRangeBuilder builder(opBuilder, loc);
  if (symbolsHold)
    builder.assume(symbolsHold);
  // An offset comes from the caller, so a row may be anywhere; outside the limits the tile is PARTIAL.
  Bounds limits = rowLimits(slice);
  MaskRange rows = positions(builder, rowBegin, rowEnd, {INT64_MIN, INT64_MAX});
  if (dependenceOf(getResult()) & kRows)
    builder.assumeWithin(rows, limits);
  rows.bounds = limits;
  ranges[mask.getArgument(kRow)] = rows;
  emitRanges(builder, [](unsigned dependence) { return dependence == kRows; });
  rowsHold = builder.getAssumption();
}

TileClass MaskClassifier::emitKeys(OpBuilder &opBuilder, Location loc, Value keyBegin, Value keyEnd) {
  MaskRangeBuilder builder(opBuilder, loc);
  if (rowsHold)
    builder.assume(rowsHold);
  ranges[mask.getArgument(kKey)] = positions(builder, keyBegin, keyEnd, {0, kPositionLimit - 1});
  emitRanges(builder, [](unsigned dependence) { return dependence & kKeys; });
  MaskRange result = rangeOf(getResult(), builder);
  keysHold = builder.getAssumption();
  if (!keysHold)
    return {result.hi, result.lo};
  return {builder.select(keysHold, result.hi, builder.boolean(true)), builder.both(keysHold, result.lo)};
}

TileClass emitTileClass(OpBuilder &builder, Location loc, Region &mask, const MaskTile &tile) {
  DeadCodeTrimmer trimmer(builder);
  MaskClassifier classifier(mask);
  classifier.emitSymbols(builder, loc, tile.batch, tile.head);
  classifier.emitRows(builder, loc, tile.rowBegin, tile.rowEnd);
  TileClass result = classifier.emitKeys(builder, loc, tile.keyBegin, tile.keyEnd);
  trimmer.trim({result.may, result.must});
  return result;
}

} // namespace fovea
