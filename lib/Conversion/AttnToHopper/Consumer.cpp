// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Consumer.h"

using namespace mlir;
using namespace fovea;

State Consumer::emit(Value first) {
  Values empty = State::empty(b, geometry.columns).values();
  SmallVector<Type> types(empty.size(), b.getF32Type());
  Value any = b.less(first, task.keyEnd);
  return State(b.choose(any, types, [&] { return visible(first); }, [&] { return empty; }));
}

Values Consumer::scores(Value key, Values products) {
  Value row = b.add(b.mul(thread.warp, kWarpRows), b.div(thread.lane, 4));
  Value warpRow = b.add(task.position, b.toIndex(b.mul(thread.warp, kWarpRows)));
  Value isMasked = task.isMasked(key, warpRow, kWarpRows);
  Value first = b.add(task.position, b.toIndex(row));
  Place place{task.batch, {task.head, task.head}, {first, b.add(first, 8)}, key, problem.key.rows, isMasked};
  return softmax.scores(b, thread, place, products);
}

/// Where an accumulator holds a score, the next product wants a weight: two values of a register pair up.
Values Consumer::pack(ValueRange weights) {
  Values packed;
  for (size_t k = 0; k < weights.size(); k += 2)
    packed.push_back(b.pack(weights[k], weights[k + 1], geometry.element));
  return packed;
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
  return rest(first, state, pack(weights));
}

/// P V of the block at `first`, then the other blocks. `state` has no acc: P V begins it.
Values Consumer::rest(Value first, State state, Values weights) {
  state.acc = State::empty(b, geometry.columns).acc;
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
    state.acc = acc;
    Values next = {task.nextVisible(b.add(key, geometry.keys)), b.add(number, 1)};
    llvm::append_range(next, pack(update.weights));
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
