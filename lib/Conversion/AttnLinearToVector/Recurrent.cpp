// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The recurrent form: a token enters the state, then its queries read it. Lanes are value columns, as in a chunk.
#include "Chunk.h"

using namespace mlir;
using namespace fovea;
using namespace fovea::attn;

void ChunkEmitter::emitRecurrent() {
  Value firstHead = arith::MulIOp::create(b, op.getHead(), op.getGroup());
  b.loop(op.getValid(), [&](Value t) {
    Value next = b.add(t, 1);
    loadRows(memoryRows(op.getKey(), op.getHead(), t, next), k, /*isFeature=*/true, /*scale=*/1);
    loadPanels(b, memoryRows(op.getValue(), op.getHead(), t, next), valueColumns, v);
    if (decay != Decay::None)
      loadTokenDecay(t);
    if (op.getBeta())
      emitTokenWrite(t);
    emitTokenUpdate(t);
    b.loop(op.getGroup(), [&](Value member) {
      Value head = b.add(firstHead, member);
      loadQueries(head, t, next);
      if (divisors)
        emitDivisors(t, next);
      b.loop(b.index(panels), [&](Value panel) {
        Values sums = dotState(q, t, panel);
        Value factor = divisors ? b.broadcast(b.load(divisors, t)) : Value();
        for (int64_t c = 0; c < b.vectorsPerPanel(); ++c)
          b.storeVector(factor ? b.mulf(sums[c], factor) : sums[c], o, {panel, t, lane(c)});
      });
      storeOutput(head, t, next);
    });
  });
}

/// e^{g_t}: keptAll, or row t of `sums`.
void ChunkEmitter::loadTokenDecay(Value t) {
  if (decay == Decay::PerToken) {
    keptAll = b.exp(b.broadcast(decayOf(t)));
    return;
  }
  loadRows(memoryRows(op.getDecay(), op.getHead(), t, b.add(t, 1)), sums, /*isFeature=*/false, /*scale=*/1);
  forColumns([&](Value c) { b.storeVector(b.exp(b.loadVector(sums, {t, c})), sums, {t, c}); });
}

/// v = beta (v - (k e^g)^T S)
void ChunkEmitter::emitTokenWrite(Value t) {
  if (kDecayed)
    forColumns([&](Value c) {
      Value kept = decay == Decay::PerToken ? keptAll : b.loadVector(sums, {t, c});
      b.storeVector(b.mulf(b.loadVector(k, {t, c}), kept), kDecayed, {t, c});
    });
  Value beta = b.broadcast(b.load(op.getBeta(), {op.getBatch(), op.getHead(), b.add(op.getPosition(), t)}));
  b.loop(b.index(panels), [&](Value panel) {
    Values recalled = dotState(kDecayed ? kDecayed : k, t, panel);
    for (int64_t c = 0; c < b.vectorsPerPanel(); ++c) {
      Value value = b.loadVector(v, {panel, t, lane(c)});
      b.storeVector(b.mulf(beta, b.subf(value, recalled[c])), v, {panel, t, lane(c)});
    }
  });
}

/// S = e^g S + k v^T, z = e^g z + k
void ChunkEmitter::emitTokenUpdate(Value t) {
  b.loop(b.index(panels), [&](Value panel) {
    Values values;
    for (int64_t c = 0; c < b.vectorsPerPanel(); ++c)
      values.push_back(b.loadVector(v, {panel, t, lane(c)}));
    b.loop(b.index(keyColumns), [&](Value d) {
      Value key = b.broadcast(b.load(k, {t, d})), kept = keptAll;
      if (decay == Decay::PerChannel)
        kept = b.broadcast(b.load(sums, {t, d}));
      for (int64_t c = 0; c < b.vectorsPerPanel(); ++c) {
        Value before = b.loadVector(s, {panel, d, lane(c)});
        b.storeVector(b.fma(key, values[c], kept ? b.mulf(before, kept) : before), s, {panel, d, lane(c)});
      }
    });
  });
  if (!op.keepsKeySum())
    return;
  forColumns([&](Value c) {
    Value before = b.loadVector(z, c), kept = decay == Decay::PerChannel ? b.loadVector(sums, {t, c}) : keptAll;
    b.storeVector(b.addf(kept ? b.mulf(before, kept) : before, b.loadVector(k, {t, c})), z, c);
  });
}

/// <row t of vectors, S[:, panel]>, in four sums for each vector: one would wait for itself.
Values ChunkEmitter::dotState(Value vectors, Value t, Value panel) {
  constexpr int64_t kWays = 4;
  int64_t count = b.vectorsPerPanel(), whole = keyColumns / kWays * kWays;
  auto accumulate = [&](Values &sums, int64_t way, Value d) {
    Value element = b.broadcast(b.load(vectors, {t, d}));
    for (int64_t c = 0; c < count; ++c)
      sums[way * count + c] = b.fma(element, b.loadVector(s, {panel, d, lane(c)}), sums[way * count + c]);
  };
  Values sums = zeros(kWays);
  if (whole)
    sums = b.loop(b.index(0), b.index(whole), kWays, sums, [&](Value d, ValueRange running) {
      Values next(running.begin(), running.end());
      for (int64_t way = 0; way < kWays; ++way)
        accumulate(next, way, b.add(d, way));
      return next;
    });
  for (int64_t d = whole; d < keyColumns; ++d)
    accumulate(sums, d - whole, b.index(d));
  Values result;
  for (int64_t c = 0; c < count; ++c)
    result.push_back(b.reduce({sums[c], sums[count + c], sums[2 * count + c], sums[3 * count + c]},
                              [&](Value x, Value y) { return b.addf(x, y); }));
  return result;
}
