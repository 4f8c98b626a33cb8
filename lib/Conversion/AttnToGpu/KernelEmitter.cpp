// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "KernelEmitter.h"

#include "../GpuCommon/Launches.h"
#include "NonFinite.h"
#include "Output.h"
#include "TileCopy.h"
#include "WarpMatmul.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace fovea;
using namespace fovea::attn;

namespace {

constexpr int64_t kQueryInRegisters = 128; // up to this head size; beyond, accumulators need the registers

class KernelEmitter {
public:
  KernelEmitter(AttentionOp op, const Geometry &geometry, bool mayPack, OpBuilder &builder)
      : op(op), geometry(geometry), b(op.getLoc(), builder), softmax(op), problem(b, op) {
    if (mayPack)
      packing = Packing(b, problem, geometry);
  }

  void run() {
    problem.check(b);
    Value tiles = arith::CeilDivUIOp::create(b, problem.query.rows, b.index(geometry.rows));
    Values packed;
    if (!packing.isPlain())
      packed = {packing.group ? packing.group : b.index(1), packing.splits ? packing.splits : b.index(1)};
    auto task = TaskOp::create(b, problem.query.batches, problem.query.heads, tiles, *op.getSchedule(), packed);
    b.setInsertionPointToStart(&task.getBody().front());
    emitTask(task.getBody().getArguments());
    op.erase();
  }

private:
  Value least(Value x, Value y) { return b.createOrFold<arith::MinSIOp>(x, y); }

  TileBoundsOp tileBounds(Value rowBegin, Value rowEnd, Value keyBegin, Value keyEnd);
  Value isHidden(Value key);
  Value nextVisible(Value key);
  void copyQueries();
  void copyBlock(Value key, Value stage);
  Value stageOffset(Value stage) { return b.add(b.mul(stage, geometry.stageBytes), geometry.stageBase); }
  Value isMasked(Value key);
  Value awaitBlock(Value key, Value stage);
  void emitTask(ValueRange ids);
  void emitThread();
  State emitLoop(ValueRange query, Values ahead);
  State computeBlock(ValueRange query, Value key, Value stage, Value isNonFinite, State state);
  Values multiplyNonFinite(ValueRange weights, Value stage, Values acc);

  AttentionOp op;
  const Geometry &geometry;
  WarpEmitter b;
  Softmax softmax;
  Problem problem;
  Packing packing;
  // Of the task that is emitted:
  TileRows rows;
  Value keyBegin, keyEnd; // that its rows can see
  GlobalRows keys, values;
  Thread thread;
  Place place; // of this thread's rows; without a key block
};

/// The mask for attn.tile_bounds; without one, every key is visible.
TileBoundsOp KernelEmitter::tileBounds(Value rowBegin, Value rowEnd, Value first, Value end) {
  Type index = b.getIndexType();
  auto bounds = TileBoundsOp::create(b, index, index, index, b.getI1Type(), rows.batch, rows.head, rowBegin, rowEnd,
                                     first, end, geometry.keys);
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
Value KernelEmitter::isHidden(Value key) {
  Value end = least(b.add(key, geometry.keys), problem.key.rows);
  auto bounds = tileBounds(rows.position, rows.end, key, end);
  return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, bounds.getVisited(), b.index(0));
}

/// The first block from `key` on with a visible key, or one past the end. Holes of a mask (between sinks and a window,
/// say) lie inside the task's bounds.
Value KernelEmitter::nextVisible(Value key) {
  if (!op.hasMask())
    return key;
  auto isHole = [&](ValueRange carried) {
    Value inside = b.less(carried[0], keyEnd);
    auto ask = [&]() -> Values { return {isHidden(carried[0])}; };
    return b.choose(inside, b.getI1Type(), ask, [&]() -> Values { return {arith::ConstantIntOp::create(b, 0, 1)}; })[0];
  };
  return b.loop(key, isHole, [&](ValueRange carried) -> Values { return {b.add(carried[0], geometry.keys)}; })[0];
}

void KernelEmitter::copyQueries() {
  Purpose purpose(b, "copy of queries");
  auto addressOf = [&](Value number) {
    auto [head, row] = rows.locate(b, number);
    return problem.query.addressOf(b, rows.batch, head, row);
  };
  copyTile(b, thread, geometry.threads(), addressOf, b.toI32(rows.valid), geometry.query, b.i32(0));
}

/// Keys and values of the block at `key`, if there is one; then a group of copies ends, empty or not.
void KernelEmitter::copyBlock(Value key, Value stage) {
  b.when(b.less(key, keyEnd), [&] {
    Value valid = b.toI32(least(b.sub(problem.key.rows, key), b.index(geometry.keys)));
    Value offset = stageOffset(stage);
    {
      Purpose purpose(b, "copy of keys");
      copyTile(b, thread, geometry.threads(), keys, key, valid, geometry.key, offset);
    }
    Purpose purpose(b, "copy of values");
    copyTile(b, thread, geometry.threads(), values, key, valid, geometry.value, offset);
  });
  Purpose purpose(b, "end of a group of copies");
  commitCopies(b);
}

void KernelEmitter::emitTask(ValueRange ids) {
  rows.batch = ids[0];
  rows.head = ids[1];
  rows.row = b.mul(ids[2], geometry.rows);
  rows.count = least(b.index(geometry.rows), b.sub(problem.query.rows, rows.row));
  rows.group = packing.group;
  rows.valid = packing.group ? b.mul(rows.count, packing.group) : rows.count;
  rows.position = b.add(rows.row, problem.queryOffset(b, rows.batch));
  rows.end = b.add(rows.position, rows.count);
  auto [first, last] =
      packing.isPlain() ? std::pair(b.index(0), problem.key.rows) : packing.keysOf(b, ids[3], problem.key.rows);
  auto bounds = tileBounds(rows.position, rows.end, first, last);
  keyBegin = bounds.getBegin();
  keyEnd = bounds.getEnd();
  Value kvHead = problem.kvHead(b, rows.head);
  keys = problem.key.head(b, rows.batch, kvHead);
  values = problem.value.head(b, rows.batch, kvHead);
  emitThread();

  copyQueries();
  Values ahead; // blocks that are on their way
  for (int64_t stage = 0; stage + 1 < geometry.stages; ++stage) {
    ahead.push_back(nextVisible(ahead.empty() ? keyBegin : b.add(ahead.back(), geometry.keys)));
    copyBlock(ahead.back(), b.i32(stage)); // the first group has the queries too
  }
  Values query;
  {
    Purpose purpose(b, "wait for queries");
    awaitCopies(b, geometry.stages - 2);
  }
  if (geometry.query.columns <= kQueryInRegisters)
    query = loadQuery(b, thread, geometry);
  State state = emitLoop(query, ahead);
  Output output(op, problem, softmax, geometry, thread, rows);
  if (packing.splits)
    output.storeSplit(b, state);
  else
    output.store(b, state);
}

/// Who this thread is, and where its two rows are.
void KernelEmitter::emitThread() {
  auto sharedType = LLVM::LLVMPointerType::get(b.getContext(), unsigned(NVVM::NVVMMemorySpace::Shared));
  thread.id = NVVM::ThreadIdXOp::create(b, b.getI32Type());
  thread.lane = b.rem(thread.id, kWarpLanes);
  thread.warp = b.div(thread.id, kWarpLanes);
  thread.shared = LLVM::AddressOfOp::create(b, sharedType, kSharedName);
  place.batch = rows.batch;
  place.keys = problem.key.rows;
  Value offset = b.sub(rows.position, rows.row);
  for (int64_t half = 0; half < 2; ++half) {
    auto [head, row] = rows.locate(b, rowNumber(b, thread, half));
    place.heads[half] = head;
    place.rows[half] = b.add(row, offset);
  }
}

State KernelEmitter::emitLoop(ValueRange query, Values ahead) {
  size_t depth = ahead.size();
  Values carried = ahead; // the blocks ahead, the stage of the first, the state
  carried.push_back(b.i32(0));
  llvm::append_range(carried, State::empty(b, geometry.value.columns).values());
  auto body = [&](ValueRange now) {
    Value stage = now[depth];
    Value isNonFinite = awaitBlock(now[0], stageOffset(stage));
    // Every warp is past the block before this one: its stage takes the block that is `depth` ahead.
    auto following = [&](int64_t steps) { return b.rem(b.add(stage, steps), geometry.stages); };
    Value incoming = nextVisible(b.add(now[depth - 1], geometry.keys));
    copyBlock(incoming, following(depth));
    State state = computeBlock(query, now[0], stageOffset(stage), isNonFinite, State(now.drop_front(depth + 1)));
    Values next(now.slice(1, depth - 1));
    next.append({incoming, following(1)});
    llvm::append_range(next, state.values());
    return next;
  };
  Values result = b.loop(carried, [&](ValueRange now) { return b.less(now[0], keyEnd); }, body);
  return State(ValueRange(result).drop_front(depth + 1));
}

/// Whether some of this warp's rows may not see some of the block's keys, or the block is cut short.
Value KernelEmitter::isMasked(Value key) {
  Value end = b.add(key, geometry.keys);
  Value isShort = b.less(problem.key.rows, end);
  if (!op.hasMask())
    return isShort;
  auto [first, last] = rows.positionsOf(b, thread.warp);
  auto bounds = tileBounds(first, last, key, least(end, problem.key.rows));
  return b.select(bounds.getFull(), isShort, arith::ConstantIntOp::create(b, 1, 1));
}

/// The block's copies, of all threads. If some row of the task may not see some of its keys: whether values are there
/// that are not finite, as i1.
Value KernelEmitter::awaitBlock(Value key, Value stage) {
  Purpose purpose(b, "wait for keys and values");
  if (!op.hasMask()) {
    awaitCopies(b, geometry.stages - 2);
    return {};
  }
  awaitOwnCopies(b, geometry.stages - 2);
  auto bounds = tileBounds(rows.position, rows.end, key, least(b.add(key, geometry.keys), problem.key.rows));
  auto search = [&]() -> Values { return {findNonFinite(b, thread, geometry, geometry.value, stage)}; };
  Value found = b.choose(bounds.getFull(), b.getI32Type(), [&]() -> Values { return {b.i32(0)}; }, search)[0];
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, b.barrierOr(found), b.i32(0));
}

State KernelEmitter::computeBlock(ValueRange query, Value key, Value stage, Value isNonFinite, State state) {
  Values products = multiplyKeys(b, thread, geometry, query, stage);
  place.key = key;
  place.masked = isMasked(key);
  Values scores = softmax.scores(b, thread, place, products);
  Values weights = softmax.update(b, scores, state).weights;
  if (isNonFinite)
    state.acc = b.choose(
        isNonFinite, ValueRange(state.acc).getTypes(), [&] { return multiplyNonFinite(weights, stage, state.acc); },
        [&] { return state.acc; });
  state.acc = multiplyValues(b, thread, geometry, weights, stage, state.acc);
  return state;
}

/// What values that are not finite add. Then none of them is in the stage any more.
Values KernelEmitter::multiplyNonFinite(ValueRange weights, Value stage, Values acc) {
  acc = addNonFinite(b, thread, geometry, weights, stage, acc);
  Purpose purpose(b, "values that are not finite");
  NVVM::Barrier0Op::create(b); // every warp has read them
  clearNonFinite(b, thread, geometry, geometry.value, stage);
  NVVM::Barrier0Op::create(b);
  return acc;
}

} // namespace

void fovea::emitKernel(AttentionOp op, const Geometry &geometry, bool mayPack, OpBuilder &builder) {
  KernelEmitter(op, geometry, mayPack, builder).run();
}
