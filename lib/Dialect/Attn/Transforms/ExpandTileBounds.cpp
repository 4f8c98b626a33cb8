// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Analysis/MaskClassifier.h"
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "fovea/Dialect/Attn/Transforms/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
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

/// All keys have one class, asked once.
Results emitOneClass(MaskRangeBuilder &b, TileBoundsOp op, Value rowsEmpty, bool isSingle) {
  Value begin = op.getKeyBegin(), end = op.getKeyEnd();
  TileClass tile = emitTileClass(b.getBuilder(), b.getLoc(), op.getMask(),
                                 {op.getBatch(), op.getHead(), op.getRowBegin(), op.getRowEnd(), begin, end});
  Value isEmpty = b.either(rowsEmpty, b.emit<arith::CmpIOp>(arith::CmpIPredicate::sge, begin, end));
  Value seen = b.both(tile.may, b.isNot(isEmpty));
  Value steps = b.constant(1);
  if (!isSingle) {
    Value keys = b.emit<arith::SubIOp>(end, begin);
    Value roundedUp = b.commute<arith::AddIOp>(keys, b.constant(op.getStep() - 1));
    steps = b.emit<arith::DivUIOp>(roundedUp, b.constant(op.getStep()));
  }
  return {begin, b.select(seen, end, begin), b.select(seen, steps, b.constant(0)), b.either(tile.must, isEmpty)};
}

/// The body of the scan for the step at `key`: what it adds to (begin, end, visited, full).
void emitStep(MaskRangeBuilder &b, TileBoundsOp op, MaskClassifier &classifier, Value key, ValueRange carried) {
  Value next = b.commute<arith::AddIOp>(key, b.constant(op.getStep()));
  Value end = b.commute<arith::MinSIOp>(next, op.getKeyEnd());
  TileClass tile = classifier.emitKeys(b.getBuilder(), b.getLoc(), key, end);
  Value isFirst = b.emit<arith::CmpIOp>(arith::CmpIPredicate::eq, carried[2], b.constant(0));
  Value one = b.emit<arith::IndexCastUIOp>(b.getBuilder().getIndexType(), tile.may);
  scf::YieldOp::create(b.getBuilder(), b.getLoc(),
                       ValueRange{b.select(b.both(tile.may, isFirst), key, carried[0]),
                                  b.select(tile.may, end, carried[1]), b.commute<arith::AddIOp>(carried[2], one),
                                  b.both(carried[3], tile.must)});
}

/// Several steps: a scan. Symbols and rows are evaluated before it.
Results emitScan(MaskRangeBuilder &b, TileBoundsOp op, MaskClassifier &classifier, Value rowsEmpty) {
  OpBuilder &builder = b.getBuilder();
  classifier.emitSymbols(builder, b.getLoc(), op.getBatch(), op.getHead());
  classifier.emitRows(builder, b.getLoc(), op.getRowBegin(), op.getRowEnd());
  Value end = b.select(rowsEmpty, op.getKeyBegin(), op.getKeyEnd());
  Value init[] = {op.getKeyBegin(), op.getKeyBegin(), b.constant(0), b.boolean(true)};
  auto body = [&](OpBuilder &inner, Location loc, Value key, ValueRange carried) {
    MaskRangeBuilder step(inner, loc);
    emitStep(step, op, classifier, key, carried);
  };
  auto scan = scf::ForOp::create(builder, b.getLoc(), op.getKeyBegin(), end, b.constant(op.getStep()), init, body);
  return {scan.getResult(0), scan.getResult(1), scan.getResult(2), scan.getResult(3)};
}

void expand(TileBoundsOp op) {
  OpBuilder builder(op);
  MaskRangeBuilder b(builder, op.getLoc());
  Value rowsEmpty = b.emit<arith::CmpIOp>(arith::CmpIPredicate::sge, op.getRowBegin(), op.getRowEnd());
  bool isSingle = isOneStep(op.getKeyBegin(), op.getKeyEnd(), op.getStep());
  MaskClassifier classifier(op.getMask());
  Results results = isSingle || !classifier.dependsOnKeys() ? emitOneClass(b, op, rowsEmpty, isSingle)
                                                            : emitScan(b, op, classifier, rowsEmpty);
  op->replaceAllUsesWith(ValueRange{results.begin, results.end, results.visited, results.full});
  op->erase();
}

struct ExpandTileBounds : attn::impl::ExpandTileBoundsBase<ExpandTileBounds> {
  void runOnOperation() override {
    getOperation()->walk([](TileBoundsOp op) { expand(op); });
  }
};

} // namespace
