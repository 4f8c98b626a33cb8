// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "KernelEmitter.h"

#include "../GpuCommon/Launches.h"
#include "../GpuCommon/NonFinite.h"
#include "../GpuCommon/Output.h"
#include "../GpuCommon/Task.h"
#include "Packing.h"
#include "Partials.h"
#include "TileCopy.h"
#include "WarpMatmul.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

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
    auto taskOp = TaskOp::create(b, problem.query.batches, problem.query.heads, tiles, *op.getSchedule(), packed);
    b.setInsertionPointToStart(&taskOp.getBody().front());
    ValueRange ids = taskOp.getBody().getArguments();
    TileRows rows(b, problem, ids, geometry.rows, packing.group);
    auto [first, last] =
        packing.isPlain() ? std::pair(b.index(0), problem.key.rows) : packing.keysOf(b, ids[3], problem.key.rows);
    Task task(b, problem, rows, geometry.keys, first, last);
    emitTask(task);
    op.erase();
  }

private:
  void copyQueries(const TileRows &rows);
  void copyBlock(const Task &task, Value key, Value stage);
  Value stageOffset(Value stage) { return b.add(b.mul(stage, geometry.stageBytes), geometry.stageBase); }
  Value awaitBlock(Task &task, Value key, Value stage);
  void emitTask(Task &task);
  void emitThread(const TileRows &rows);
  void emitOutput(const TileRows &rows, const State &state);
  State emitLoop(Task &task, ValueRange query, Values ahead);
  State computeBlock(Task &task, ValueRange query, Value key, Value stage, Value isNonFinite, State state);
  Values multiplyNonFinite(ValueRange weights, Value stage, Values acc);

  AttentionOp op;
  const Geometry &geometry;
  WarpEmitter b;
  Softmax softmax;
  Problem problem;
  Packing packing;
  // Of the task that is emitted:
  GlobalRows keys, values;
  Thread thread;
  Place place; // of this thread's rows; without a key block
};

void KernelEmitter::copyQueries(const TileRows &rows) {
  Purpose purpose(b, "copy of queries");
  auto addressOf = [&](Value number) {
    auto [head, row] = rows.locate(b, number);
    return problem.query.addressOf(b, rows.batch, head, row);
  };
  copyTile(b, thread, geometry.threads(), addressOf, b.toI32(rows.valid), geometry.query, b.i32(0));
}

/// Keys and values of the block at `key`, if there is one; then a group of copies ends, empty or not.
void KernelEmitter::copyBlock(const Task &task, Value key, Value stage) {
  b.when(b.less(key, task.keyEnd), [&] {
    Value valid = b.toI32(b.least(b.sub(problem.key.rows, key), b.index(geometry.keys)));
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

void KernelEmitter::emitTask(Task &task) {
  const TileRows &rows = task.rows;
  Value kvHead = problem.kvHead(b, rows.head);
  keys = problem.key.head(b, rows.batch, kvHead);
  values = problem.value.head(b, rows.batch, kvHead);
  emitThread(rows);

  copyQueries(rows);
  Values ahead; // blocks that are on their way
  for (int64_t stage = 0; stage + 1 < geometry.stages; ++stage) {
    ahead.push_back(task.nextVisible(ahead.empty() ? task.keyBegin : b.add(ahead.back(), geometry.keys)));
    copyBlock(task, ahead.back(), b.i32(stage)); // the first group has the queries too
  }
  Values query;
  {
    Purpose purpose(b, "wait for queries");
    awaitCopies(b, geometry.stages - 2);
  }
  if (geometry.query.columns <= kQueryInRegisters)
    query = loadQuery(b, thread, geometry);
  emitOutput(rows, emitLoop(task, query, ahead));
}

void KernelEmitter::emitOutput(const TileRows &rows, const State &state) {
  auto store = [&](const State &whole) { storeOutput(b, problem, softmax, thread, rows, whole); };
  if (packing.splits)
    meetPieces(b, geometry, softmax, thread, rows, state, store);
  else
    store(state);
}

/// Who this thread is, and where its two rows are.
void KernelEmitter::emitThread(const TileRows &rows) {
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

State KernelEmitter::emitLoop(Task &task, ValueRange query, Values ahead) {
  size_t depth = ahead.size();
  Values carried = ahead; // the blocks ahead, the stage of the first, the state
  carried.push_back(b.i32(0));
  llvm::append_range(carried, State::empty(b, geometry.value.columns).values());
  auto body = [&](ValueRange now) {
    Value stage = now[depth];
    Value isNonFinite = awaitBlock(task, now[0], stageOffset(stage));
    // Every warp is past the block before this one: its stage takes the block that is `depth` ahead.
    auto following = [&](int64_t steps) { return b.rem(b.add(stage, steps), geometry.stages); };
    Value incoming = task.nextVisible(b.add(now[depth - 1], geometry.keys));
    copyBlock(task, incoming, following(depth));
    State state = computeBlock(task, query, now[0], stageOffset(stage), isNonFinite, State(now.drop_front(depth + 1)));
    Values next(now.slice(1, depth - 1));
    next.append({incoming, following(1)});
    llvm::append_range(next, state.values());
    return next;
  };
  Values result = b.loop(carried, [&](ValueRange now) { return b.less(now[0], task.keyEnd); }, body);
  return State(ValueRange(result).drop_front(depth + 1));
}

/// The block's copies, of all threads. If some row of the task may not see some of its keys: whether values are there
/// that are not finite, as i1.
Value KernelEmitter::awaitBlock(Task &task, Value key, Value stage) {
  Purpose purpose(b, "wait for keys and values");
  if (!op.hasMask()) {
    awaitCopies(b, geometry.stages - 2);
    return {};
  }
  awaitOwnCopies(b, geometry.stages - 2);
  Value isFull = task.isFull(key);
  auto search = [&]() -> Values {
    return {findNonFinite(b, thread, geometry.threads(), geometry.value, geometry.element, stage)};
  };
  Value found = b.choose(isFull, b.getI32Type(), [&]() -> Values { return {b.i32(0)}; }, search)[0];
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, b.barrierOr(found), b.i32(0));
}

State KernelEmitter::computeBlock(Task &task, ValueRange query, Value key, Value stage, Value isNonFinite,
                                  State state) {
  Values products = multiplyKeys(b, thread, geometry, query, stage);
  place.key = key;
  place.masked = task.isMasked(key, thread.warp);
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
  Values seen = seenKeys(b, weights, geometry.element);
  acc = addNonFinite(b, thread, geometry.value, geometry.element, seen, stage, acc);
  Purpose purpose(b, "values that are not finite");
  NVVM::Barrier0Op::create(b); // every warp has read them
  clearNonFinite(b, thread, geometry.threads(), geometry.value, geometry.element, stage);
  NVVM::Barrier0Op::create(b);
  return acc;
}

} // namespace

void fovea::emitKernel(AttentionOp op, const Geometry &geometry, bool mayPack, OpBuilder &builder) {
  KernelEmitter(op, geometry, mayPack, builder).run();
}
