// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Consumer.h"

#include "../GpuCommon/NonFinite.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace fovea;

constexpr int64_t kConsumerBarrier = 1; // number 0 is that of the whole block

State Consumer::emit(Value first) {
  Values empty = State::empty(b, geometry.columns).values();
  SmallVector<Type> types(empty.size(), b.getF32Type());
  Value any = b.less(first, task.keyEnd);
  return State(b.choose(any, types, [&] { return visible(first); }, [&] { return empty; }));
}

Values Consumer::scores(Value key, Values products) {
  Value row = b.add(b.mul(thread.warp, kWarpRows), b.div(thread.lane, 4));
  const TileRows &rows = task.rows;
  Value isMasked = task.isMasked(key, thread.warp);
  Value first = b.add(rows.position, b.toIndex(row));
  Place place{rows.batch, {rows.head, rows.head}, {first, b.add(first, 8)}, key, problem.key.rows, isMasked};
  return softmax.scores(b, thread, place, products);
}

/// `acc` is what comes before the block's P V. In a block that is PARTIAL for the task, values that are not finite must
/// not reach rows that do not see them: what they add is taken here, and they become 0 (NonFinite.h). Two warpgroups
/// read the same values, so all consumers look, and together. A block that is FULL, for all of them, waits for nothing.
Values Consumer::addNonFinite(Value key, Slot slot, ValueRange weights, Values acc) {
  if (!attn::AttentionOp(problem.op).hasMask())
    return acc;
  auto search = [&] {
    pipeline.awaitFull(Source::Value, slot);
    Thread sharer = thread;
    sharer.id = b.add(thread.id, -kWarpgroupThreads);
    Value stage = pipeline.offset(Source::Value, slot.stage), found = b.i32(0);
    for (int64_t panel = 0; panel < geometry.panels(); ++panel)
      found = b.createOrFold<arith::OrIOp>(found, findNonFinite(b, sharer, geometry.consumerThreads(),
                                                                geometry.valuePanel(panel), geometry.element, stage));
    Value isMine = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, found, b.i32(0));
    Value isFound = b.barrierOfSomeOr(isMine, kConsumerBarrier, geometry.consumerThreads());
    return b.choose(
        isFound, ValueRange(acc).getTypes(), [&] { return takeNonFinite(sharer, stage, weights, acc); },
        [&] { return acc; });
  };
  return b.choose(task.isFull(key), ValueRange(acc).getTypes(), [&] { return acc; }, search);
}

Values Consumer::takeNonFinite(const Thread &sharer, Value stage, ValueRange weights, Values acc) {
  Values sums, seen = seenKeysOfPacked(b, weights, geometry.element);
  size_t perPanel = acc.size() / size_t(geometry.panels());
  for (int64_t panel = 0; panel < geometry.panels(); ++panel)
    llvm::append_range(sums, fovea::addNonFinite(b, sharer, geometry.valuePanel(panel), geometry.element, seen, stage,
                                                 Values(ValueRange(acc).slice(size_t(panel) * perPanel, perPanel))));
  Purpose purpose(b, "values that are not finite");
  b.barrierOfSome(kConsumerBarrier, geometry.consumerThreads()); // every warp has read them
  for (int64_t panel = 0; panel < geometry.panels(); ++panel)
    clearNonFinite(b, sharer, geometry.consumerThreads(), geometry.valuePanel(panel), geometry.element, stage);
  // Products read shared memory through another proxy, and so do copies write it.
  NVVM::FenceProxyOp::create(b, NVVM::ProxyKind::async_shared,
                             NVVM::SharedSpaceAttr::get(b.getContext(), NVVM::SharedSpace::shared_cta));
  b.barrierOfSome(kConsumerBarrier, geometry.consumerThreads());
  return sums;
}

/// The first block's scores have nothing to overlap with.
Values Consumer::visible(Value first) {
  Slot slot = pipeline.slot(b.i32(0));
  pipeline.awaitFull(Source::Query, {b.i32(0), b.i32(0)});
  pipeline.awaitFull(Source::Key, slot);
  matmul.fence({});
  Values products = matmul.await(0, matmul.startKeys(slot.stage));
  pipeline.release(Source::Key, slot);
  State state = State::empty(b, /*columns=*/0);
  Values weights = softmax.update(b, scores(first, products), state).weights;
  Values packed = packWeights(b, weights, geometry.element);
  state.acc = addNonFinite(first, slot, packed, State::empty(b, geometry.columns).acc);
  return rest(first, state, packed);
}

/// P V of the block at `first`, then the other blocks.
Values Consumer::rest(Value first, State state, Values weights) {
  // The block whose scores are next, and its number; the weights of the one before it; the state.
  Values carried = {task.nextVisible(b.add(first, geometry.keys)), b.i32(1)};
  size_t weightsBegin = carried.size(), weightsCount = weights.size();
  llvm::append_range(carried, weights);
  llvm::append_range(carried, state.values());

  auto before = [&](Value number) { return pipeline.slot(b.add(number, -1)); };
  auto body = [&](ValueRange now) -> Values {
    Value key = now[0], number = now[1];
    State state(now.drop_front(weightsBegin + weightsCount));
    Slot slot = pipeline.slot(number), old = before(number);
    pipeline.awaitFull(Source::Key, slot);
    state.acc = matmul.fence(state.acc);
    Values products = matmul.startKeys(slot.stage);
    pipeline.awaitFull(Source::Value, old);
    // Nothing has changed these registers since; ptxas would put a fence here itself.
    state.acc = matmul.fence(state.acc);
    Values acc = matmul.startValues(now.slice(weightsBegin, weightsCount), old.stage, state.acc);
    products = matmul.await(1, products);
    pipeline.release(Source::Key, slot);
    state.acc.clear();
    Softmax::Update update = softmax.update(b, scores(key, products), state);
    acc = matmul.await(0, acc);
    pipeline.release(Source::Value, old);
    for (int64_t row = 0; row < 2; ++row)
      Softmax::rescale(b, acc, update.alpha[row], row);
    Values packed = packWeights(b, update.weights, geometry.element);
    state.acc = addNonFinite(key, slot, packed, acc);
    Values next = {task.nextVisible(b.add(key, geometry.keys)), b.add(number, 1)};
    llvm::append_range(next, packed);
    llvm::append_range(next, state.values());
    return next;
  };
  Values last = b.loop(carried, [&](ValueRange now) { return b.less(now[0], task.keyEnd); }, body);

  State end(ValueRange(last).drop_front(weightsBegin + weightsCount));
  Slot slot = before(last[1]);
  pipeline.awaitFull(Source::Value, slot);
  Values acc = matmul.fence(end.acc);
  acc = matmul.startValues(ValueRange(last).slice(weightsBegin, weightsCount), slot.stage, acc);
  end.acc = matmul.await(0, acc);
  return end.values();
}
