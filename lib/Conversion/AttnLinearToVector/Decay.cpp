// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Decays within a chunk: G is the sum of g up to a token, that token included.
#include "Chunk.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace fovea;

/// e^-104 is 0 in f32. More than that, -inf included, would leave nothing of the differences between sums.
static constexpr float kVanished = -104;

Value ChunkEmitter::exp(Value x) { return math::ExpOp::create(b, x); }

void ChunkEmitter::loadDecay() {
  if (decay == Decay::PerToken)
    decayPerToken();
  if (decay == Decay::PerChannel)
    decayPerChannel();
}

void ChunkEmitter::decayPerToken() {
  sums = b.buffer({rows});
  bool perHead = cast<MemRefType>(op.getDecay().getType()).getRank() == 1;
  auto g = [&](Value r) {
    if (perHead)
      return b.load(op.getDecay(), op.getHead());
    return b.load(op.getDecay(), {op.getBatch(), op.getHead(), b.add(op.getPosition(), r)});
  };
  Value total = b.loop(b.index(0), op.getValid(), 1, b.real(0), [&](Value r, ValueRange sum) -> Values {
    Value next = b.addf(sum[0], b.larger(b.real(kVanished), g(r)));
    b.store(next, sums, r);
    return {next};
  })[0];
  keptAll = exp(b.broadcast(total));
}

void ChunkEmitter::decayPerChannel() {
  sums = b.buffer({rows, keyVectors * b.lanes()});
  loadRows(op.getDecay(), op.getHead(), sums, /*isFeature=*/false, /*scale=*/1);
  keptAll = b.buffer({keyVectors * b.lanes()});
  b.loop(b.index(0), b.index(keyVectors * b.lanes()), b.lanes(), [&](Value c) {
    Value total = b.loop(b.index(0), op.getValid(), 1, b.splat(0), [&](Value r, ValueRange sum) -> Values {
      Value next = b.addf(sum[0], b.larger(b.splat(kVanished), b.loadVector(sums, {r, c})));
      b.storeVector(next, sums, {r, c});
      return {next};
    })[0];
    b.storeVector(exp(total), keptAll, c);
  });
}

Value ChunkEmitter::keptBetween(Value i, Value j) {
  return exp(b.subf(b.broadcast(b.load(sums, i)), b.loadVector(sums, j)));
}

/// Every pair of tokens has exponentials of its own: nothing factors without e^{-G}.
void ChunkEmitter::emitScoresPerChannel() {
  b.loop(op.getValid(), [&](Value i) {
    b.loop(b.index(0), b.index(rows), b.lanes(), [&](Value j) { b.storeVector(b.splat(0), scores, {i, j}); });
    b.loop(b.add(i, 1), [&](Value j) {
      Values sum = b.loop(b.index(0), b.index(keyVectors * b.lanes()), b.lanes(), b.splat(0),
                          [&](Value c, ValueRange running) -> Values {
                            Value kept = exp(b.subf(b.loadVector(sums, {i, c}), b.loadVector(sums, {j, c})));
                            Value product = b.mulf(b.loadVector(q, {i, c}), b.loadVector(k, {j, c}));
                            return {b.fma(product, kept, running[0])};
                          });
      b.store(sumOf(sum[0]), scores, {i, j});
    });
  });
}

void ChunkEmitter::scaleQueries() {
  b.loop(op.getValid(), [&](Value i) {
    Value perToken = decay == Decay::PerToken ? exp(b.broadcast(b.load(sums, i))) : Value();
    b.loop(b.index(0), b.index(keyVectors * b.lanes()), b.lanes(), [&](Value c) {
      Value kept = perToken ? perToken : exp(b.loadVector(sums, {i, c}));
      b.storeVector(b.mulf(b.loadVector(q, {i, c}), kept), q, {i, c});
    });
  });
}

void ChunkEmitter::scaleKeys() {
  Value last = b.sub(op.getValid(), b.index(1));
  Value total = decay == Decay::PerToken ? b.broadcast(b.load(sums, last)) : Value();
  b.loop(op.getValid(), [&](Value j) {
    Value perToken = total ? exp(b.subf(total, b.broadcast(b.load(sums, j)))) : Value();
    b.loop(b.index(0), b.index(keyVectors * b.lanes()), b.lanes(), [&](Value c) {
      Value kept = perToken ? perToken : exp(b.subf(b.loadVector(sums, {last, c}), b.loadVector(sums, {j, c})));
      b.storeVector(b.mulf(b.loadVector(k, {j, c}), kept), k, {j, c});
    });
  });
}
