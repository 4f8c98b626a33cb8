// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Task.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace fovea;
using namespace fovea::attn;

Task::Task(WarpEmitter &b, const Problem &problem, const TileRows &rows, int64_t keyBlock, Value first, Value last)
    : rows(rows), b(b), problem(problem), op(problem.op), keyBlock(keyBlock) {
  auto bounds = tileBounds(rows.position, rows.end, first, last);
  keyBegin = bounds.getBegin();
  keyEnd = bounds.getEnd();
}

/// The mask for attn.tile_bounds; without one, every key is visible.
TileBoundsOp Task::tileBounds(Value rowBegin, Value rowEnd, Value begin, Value end) {
  Type index = b.getIndexType();
  auto bounds = TileBoundsOp::create(b, index, index, index, b.getI1Type(), rows.batch, rows.head, rowBegin, rowEnd,
                                     begin, end, keyBlock);
  if (op.hasMask()) {
    IRMapping mapping;
    op.getMask().cloneInto(&bounds.getMask(), mapping);
    return bounds;
  }
  OpBuilder::InsertionGuard guard(b);
  b.createBlock(&bounds.getMask(), {}, SmallVector<Type>(4, index), SmallVector<Location>(4, b.getLoc()));
  YieldOp::create(b, Value(arith::ConstantIntOp::create(b, 1, 1)));
  return bounds;
}

/// The block at `key`, from all of the task's rows.
Value Task::isHidden(Value key) {
  Value end = b.least(b.add(key, keyBlock), problem.key.rows);
  auto bounds = tileBounds(rows.position, rows.end, key, end);
  return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, bounds.getVisited(), b.index(0));
}

Value Task::nextVisible(Value key) {
  if (!op.hasMask())
    return key;
  auto isHole = [&](ValueRange carried) {
    Value inside = b.less(carried[0], keyEnd);
    auto ask = [&]() -> Values { return {isHidden(carried[0])}; };
    return b.choose(inside, b.getI1Type(), ask, [&]() -> Values { return {arith::ConstantIntOp::create(b, 0, 1)}; })[0];
  };
  return b.loop(key, isHole, [&](ValueRange carried) -> Values { return {b.add(carried[0], keyBlock)}; })[0];
}

Value Task::isMasked(Value key, Value warp) {
  Value end = b.add(key, keyBlock);
  Value isShort = b.less(problem.key.rows, end);
  if (!op.hasMask())
    return isShort;
  auto [first, last] = rows.positionsOf(b, warp);
  auto bounds = tileBounds(first, last, key, b.least(end, problem.key.rows));
  return b.select(bounds.getFull(), isShort, arith::ConstantIntOp::create(b, 1, 1));
}

Value Task::isFull(Value key) {
  return tileBounds(rows.position, rows.end, key, b.least(b.add(key, keyBlock), problem.key.rows)).getFull();
}
