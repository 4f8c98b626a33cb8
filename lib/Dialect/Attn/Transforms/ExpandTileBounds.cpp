// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Analysis/VisibleKeys.h"
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "fovea/Dialect/Attn/Transforms/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"

namespace fovea::attn {
#define GEN_PASS_DEF_EXPANDTILEBOUNDS
#include "fovea/Dialect/Attn/Transforms/Passes.h.inc"
} // namespace fovea::attn

using namespace mlir;
using namespace fovea;
using namespace fovea::attn;

namespace {

/// end - begin <= step, seen from constants, `begin + constant` and minima.
bool isOneStep(Value begin, Value end, int64_t step) {
  APInt first, last;
  if (matchPattern(end, m_ConstantInt(&last)) && matchPattern(begin, m_ConstantInt(&first)))
    return last.sle(first) || (last - first).ule(step);
  if (begin == end)
    return true;
  if (auto add = end.getDefiningOp<arith::AddIOp>()) {
    for (auto [base, offset] : {std::pair(add.getLhs(), add.getRhs()), std::pair(add.getRhs(), add.getLhs())})
      if (base == begin && matchPattern(offset, m_ConstantInt(&last)) && last.sle(step))
        return true;
  }
  if (auto least = end.getDefiningOp<arith::MinSIOp>())
    return isOneStep(begin, least.getLhs(), step) || isOneStep(begin, least.getRhs(), step);
  if (auto least = end.getDefiningOp<arith::MinUIOp>()) // sizes and positions are not negative
    return isOneStep(begin, least.getLhs(), step) || isOneStep(begin, least.getRhs(), step);
  return false;
}

struct Results {
  Value begin, end, visited, full;
};

/// What the three ways of answering share.
class Expansion {
public:
  Expansion(MaskRangeBuilder &b, TileBoundsOp op) : b(b), op(op), classifier(op.getMask()) {}

  Results run() {
    OpBuilder &builder = b.getBuilder();
    Value rowsEmpty = b.emit<arith::CmpIOp>(arith::CmpIPredicate::sge, op.getRowBegin(), op.getRowEnd());
    keyEnd = b.select(rowsEmpty, op.getKeyBegin(), op.getKeyEnd());
    Value isEmpty = b.emit<arith::CmpIOp>(arith::CmpIPredicate::sge, op.getKeyBegin(), keyEnd);
    classifier.emitSymbols(builder, b.getLoc(), op.getBatch(), op.getHead());
    classifier.emitRows(builder, b.getLoc(), op.getRowBegin(), op.getRowEnd());
    TileClass whole = classifier.emitKeys(builder, b.getLoc(), op.getKeyBegin(), op.getKeyEnd());
    Results results;
    if (isOneStep(op.getKeyBegin(), op.getKeyEnd(), op.getStep()))
      results = oneStep(b.both(whole.may, b.isNot(isEmpty)));
    else if (!classifier.dependsOnKeys()) // one class for all keys
      results = steps({{KeyRange{{}, {}, whole.may}}}, /*assumption=*/{});
    else
      results = visibleKeys();
    results.full = b.either(whole.must, isEmpty);
    return results;
  }

private:
  Results oneStep(Value seen) {
    return {op.getKeyBegin(),
            b.select(seen, op.getKeyEnd(), op.getKeyBegin()),
            b.emit<arith::IndexCastUIOp>(b.getBuilder().getIndexType(), seen),
            {}};
  }

  Results steps(const KeySet &visible, Value assumption) {
    KeySteps touched =
        emitKeySteps(b, visible, {op.getKeyBegin(), keyEnd, static_cast<int64_t>(op.getStep())}, assumption);
    return {touched.begin, touched.end, touched.visited, {}};
  }

  /// The mask solved for the key; where that is not exact, what is left is scanned.
  Results visibleKeys() {
    KeySet visible = emitVisibleKeys(b, classifier);
    Results results = steps(visible, classifier.getAssumption());
    return visible.isExact ? results : scan(results.begin, results.end);
  }

  Results scan(Value first, Value last) {
    Value init[] = {op.getKeyBegin(), op.getKeyBegin(), b.constant(0)};
    auto body = [&](OpBuilder &inner, Location loc, Value key, ValueRange carried) {
      MaskRangeBuilder step(inner, loc);
      emitStep(step, key, carried);
    };
    auto loop = scf::ForOp::create(b.getBuilder(), b.getLoc(), first, last, b.constant(op.getStep()), init, body);
    return {loop.getResult(0), loop.getResult(1), loop.getResult(2), {}};
  }

  /// The body of the scan for the step at `key`: what it adds to (begin, end, visited).
  void emitStep(MaskRangeBuilder &inner, Value key, ValueRange carried) {
    Value next = inner.commute<arith::AddIOp>(key, inner.constant(op.getStep()));
    Value end = inner.commute<arith::MinSIOp>(next, op.getKeyEnd());
    TileClass tile = classifier.emitKeys(inner.getBuilder(), inner.getLoc(), key, end);
    Value isFirst = inner.emit<arith::CmpIOp>(arith::CmpIPredicate::eq, carried[2], inner.constant(0));
    Value one = inner.emit<arith::IndexCastUIOp>(inner.getBuilder().getIndexType(), tile.may);
    Value begin = inner.select(inner.both(tile.may, isFirst), key, carried[0]);
    scf::YieldOp::create(
        inner.getBuilder(), inner.getLoc(),
        ValueRange{begin, inner.select(tile.may, end, carried[1]), inner.commute<arith::AddIOp>(carried[2], one)});
  }

  MaskRangeBuilder &b;
  TileBoundsOp op;
  MaskClassifier classifier;
  Value keyEnd; // no rows: no keys
};

void expand(TileBoundsOp op) {
  OpBuilder builder(op);
  DeadCodeTrimmer trimmer(builder);
  MaskRangeBuilder b(builder, op.getLoc());
  Results results = Expansion(b, op).run();
  op->replaceAllUsesWith(ValueRange{results.begin, results.end, results.visited, results.full});
  op->erase();
  trimmer.trim();
}

struct ExpandTileBounds : attn::impl::ExpandTileBoundsBase<ExpandTileBounds> {
  void runOnOperation() override {
    getOperation()->walk([](TileBoundsOp op) { expand(op); });
  }
};

} // namespace
