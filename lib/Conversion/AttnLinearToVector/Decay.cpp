// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Decays within a chunk: G is the sum of g up to a token, that token included. Exponents are differences of such sums:
// e^{-G} by itself overflows where decays are strong.
//
// A decay per token scales whole elements of A. One per channel does not: A_ij = sum_d q_id k_jd e^{G_id - G_jd}. Rows
// come in blocks, secondary chunks, with the first row f of a block as the reference for it and all tokens before:
//
//   A_ij = sum_d (q_id e^{G_id - G_fd}) (k_jd e^{G_fd - G_jd})
//
// For j < f neither exponent is above 0. For j in the block the second one is, by what the block decays; where that is
// more than fp32 can take back without a loss, these elements are computed once more, with an exponential for each pair
// of tokens and channel.
#include "Chunk.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace fovea;

/// e^-104 is 0 in f32. More than that, -inf included, would leave nothing of the differences between sums.
static constexpr float kVanished = -104;

/// e^40 times features, and e^-40 times features, are far from both ends of fp32.
static constexpr float kLargestSpan = 40;

Value ChunkEmitter::decayOf(Value r) {
  if (cast<MemRefType>(op.getDecay().getType()).getRank() == 1)
    return b.load(op.getDecay(), op.getHead());
  return b.load(op.getDecay(), {op.getBatch(), op.getHead(), b.add(op.getPosition(), r)});
}

void ChunkEmitter::loadDecay() {
  if (decay == Decay::PerToken)
    decayPerToken();
  if (decay == Decay::PerChannel)
    decayPerChannel();
}

void ChunkEmitter::decayPerToken() {
  Value total = b.loop(b.index(0), op.getValid(), 1, b.real(0), [&](Value r, ValueRange sum) -> Values {
    Value next = b.addf(sum[0], b.larger(b.real(kVanished), decayOf(r)));
    b.store(next, sums, r);
    return {next};
  })[0];
  keptAll = b.exp(b.broadcast(total));
}

void ChunkEmitter::decayPerChannel() {
  loadRows(memoryRows(op.getDecay(), op.getHead(), b.index(0), op.getValid()), sums, /*isFeature=*/false, /*scale=*/1);
  forColumns([&](Value c) {
    Value total = b.loop(b.index(0), op.getValid(), 1, b.splat(0), [&](Value r, ValueRange sum) -> Values {
      Value g = b.larger(b.splat(kVanished), b.loadVector(sums, {r, c})), next = b.addf(sum[0], g);
      if (keySums) // where emitKeySums wants it
        b.storeVector(b.exp(g), keySums, {b.add(r, 1), c});
      b.storeVector(next, sums, {r, c});
      return {next};
    })[0];
    b.storeVector(b.exp(total), keptAll, c);
  });
}

Value ChunkEmitter::keptBetween(Value i, Value j) {
  return b.exp(b.subf(b.broadcast(b.load(sums, i)), b.loadVector(sums, j)));
}

/// k_j e^{G_f - G_j} for all tokens up to the end of f's block, and how far the exponent gets within the block.
void ChunkEmitter::scaleKeysTowards(Value first, Value end) {
  auto exponent = [&](Value j, Value c) { return b.subf(b.loadVector(sums, {first, c}), b.loadVector(sums, {j, c})); };
  b.loop(end, [&](Value j) {
    forColumns([&](Value c) { b.storeVector(b.mulf(b.loadVector(k, {j, c}), b.exp(exponent(j, c))), scaled, {j, c}); });
  });
  Value zero = b.index(0), columns = b.index(keyVectors * b.lanes());
  Values span = b.loop(first, end, 1, b.splat(0), [&](Value j, ValueRange largest) {
    return b.loop(zero, columns, b.lanes(), largest, [&](Value c, ValueRange running) -> Values {
      Value x = exponent(j, c);
      return {b.larger(b.larger(x, b.subf(b.splat(0), x)), running[0])};
    });
  });
  b.store(largestOf(span[0]), spans, blockOf(first));
}

/// source_i e^{G_i - G_f}
void ChunkEmitter::scaleRowsFrom(Value source) {
  b.loop(op.getValid(), [&](Value i) {
    Value first = b.mul(blockOf(i), blockRows);
    forColumns([&](Value c) {
      Value kept = b.exp(b.subf(b.loadVector(sums, {i, c}), b.loadVector(sums, {first, c})));
      b.storeVector(b.mulf(b.loadVector(source, {i, c}), kept), scaled, {i, c});
    });
  });
}

void ChunkEmitter::emitScoresNearDiagonal(Value source, Value to, bool isStrict) {
  b.loop(b.index(0), op.getValid(), blockRows, [&](Value first) {
    Value span = b.load(spans, blockOf(first)), end = b.min(b.add(first, blockRows), op.getValid());
    Value isWide = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, span, b.real(kLargestSpan));
    auto exactly = [&](Value i, Value j) {
      Values sum = b.loop(b.index(0), b.index(keyVectors * b.lanes()), b.lanes(), b.splat(0),
                          [&](Value c, ValueRange running) -> Values {
                            Value kept = b.exp(b.subf(b.loadVector(sums, {i, c}), b.loadVector(sums, {j, c})));
                            Value product = b.mulf(b.loadVector(source, {i, c}), b.loadVector(k, {j, c}));
                            return {b.fma(product, kept, running[0])};
                          });
      b.store(sumOf(sum[0]), to, {i, j});
    };
    b.when(isWide, [&] {
      b.loop(first, end, 1, [&](Value i) { b.loop(first, b.add(i, !isStrict), 1, [&](Value j) { exactly(i, j); }); });
    });
  });
}

void ChunkEmitter::scaleToChunk(Value source, Value to) {
  b.loop(op.getValid(), [&](Value i) {
    Value perToken = decay == Decay::PerToken ? b.exp(b.broadcast(b.load(sums, i))) : Value();
    Value first = perToken ? Value() : b.mul(blockOf(i), blockRows);
    forColumns([&](Value c) {
      if (perToken)
        return b.storeVector(b.mulf(b.loadVector(source, {i, c}), perToken), to, {i, c});
      // `scaled` is the source, as far as the first row of the block.
      Value kept = b.exp(b.loadVector(sums, {first, c}));
      b.storeVector(b.mulf(b.loadVector(scaled, {i, c}), kept), to, {i, c});
    });
  });
}

void ChunkEmitter::scaleKeys() {
  Value last = b.sub(op.getValid(), b.index(1));
  Value total = decay == Decay::PerToken ? b.broadcast(b.load(sums, last)) : Value();
  b.loop(op.getValid(), [&](Value j) {
    Value perToken = total ? b.exp(b.subf(total, b.broadcast(b.load(sums, j)))) : Value();
    forColumns([&](Value c) {
      Value kept = perToken ? perToken : b.exp(b.subf(b.loadVector(sums, {last, c}), b.loadVector(sums, {j, c})));
      b.storeVector(b.mulf(b.loadVector(k, {j, c}), kept), k, {j, c});
    });
  });
}
