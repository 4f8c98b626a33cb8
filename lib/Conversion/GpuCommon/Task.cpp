// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Task.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace fovea;
using namespace fovea::attn;

Task::Task(WarpEmitter &b, const Problem &problem, ScheduleAttr schedule, ValueRange ids)
    : batch(ids[0]), head(ids[1]), b(b), problem(problem), op(problem.op), keyBlock(schedule.getKeyBlock()) {
  row = b.mul(ids[2], schedule.getQueryTile());
  validRows = least(b.index(schedule.getQueryTile()), b.sub(problem.query.rows, row));
  position = b.add(row, problem.queryOffset(b, batch));
  positionEnd = b.add(position, validRows);
  auto bounds = tileBounds(position, positionEnd, b.index(0), problem.key.rows);
  keyBegin = bounds.getBegin();
  keyEnd = bounds.getEnd();
}

Value Task::least(Value x, Value y) { return b.createOrFold<arith::MinSIOp>(x, y); }

/// The mask for attn.tile_bounds; without one, every key is visible.
TileBoundsOp Task::tileBounds(Value rowBegin, Value rowEnd, Value begin, Value end) {
  Type index = b.getIndexType();
  auto bounds =
      TileBoundsOp::create(b, index, index, index, b.getI1Type(), batch, head, rowBegin, rowEnd, begin, end, keyBlock);
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
  Value end = least(b.add(key, keyBlock), problem.key.rows);
  auto bounds = tileBounds(position, positionEnd, key, end);
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

Value Task::isMasked(Value key, Value first, int64_t rows) {
  Value end = b.add(key, keyBlock);
  Value isShort = b.less(problem.key.rows, end);
  if (!op.hasMask())
    return isShort;
  auto bounds = tileBounds(first, least(b.add(first, rows), positionEnd), key, least(end, problem.key.rows));
  return b.select(bounds.getFull(), isShort, arith::ConstantIntOp::create(b, 1, 1));
}

void Task::storeRows(const Thread &thread, const Softmax &softmax, const State &state) {
  Purpose purpose(b, "output");
  GlobalRows output = problem.output.head(b, batch, head);
  for (int64_t half = 0; half < 2; ++half) {
    Softmax::Row totals = softmax.finalize(b, state, half);
    Value inTile = b.add(b.add(b.mul(thread.warp, kWarpRows), b.div(thread.lane, 4)), 8 * half);
    Value exists = b.less(inTile, b.toI32(validRows));
    b.when(exists, [&] { storeRow(thread, output, state, half, b.add(row, b.toIndex(inTile)), totals.sum); });
    if (!problem.lse)
      continue;
    Value isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, b.rem(thread.lane, 4), b.i32(0));
    b.when(b.both(exists, isFirst), [&] {
      memref::StoreOp::create(b, totals.lse, problem.lse, ValueRange{batch, head, b.add(row, b.toIndex(inTile))});
    });
  }
}

/// acc / l; a row without weight gives 0, whatever its accumulator holds.
void Task::storeRow(const Thread &thread, const GlobalRows &output, const State &state, int64_t half, Value at,
                    Value sum) {
  Type element = cast<MemRefType>(op.getOuts()[0].getType()).getElementType();
  int64_t elementBytes = element.getIntOrFloatBitWidth() / 8;
  Value inverse = arith::DivFOp::create(b, b.real(1), sum), empty = b.equals(sum, 0);
  Value column = b.toIndex(b.mul(b.rem(thread.lane, 4), 2 * elementBytes));
  Value address = b.add(b.add(output.address, b.mul(at, output.rowBytes)), column);
  for (size_t n = 0; n < state.acc.size() / kFragmentValues; ++n) {
    Value pair[2];
    for (int64_t k = 0; k < 2; ++k)
      pair[k] = b.select(empty, b.real(0), b.mulf(state.acc[n * kFragmentValues + 2 * half + k], inverse));
    Value stored = element.isF32()
                       ? Value(vector::FromElementsOp::create(b, VectorType::get({2}, element), ValueRange(pair)))
                       : b.pack(pair[0], pair[1], element);
    Value to = b.globalPointer(b.add(address, n * kFragmentColumns * elementBytes));
    LLVM::StoreOp::create(b, stored, to, unsigned(2 * elementBytes));
  }
}
