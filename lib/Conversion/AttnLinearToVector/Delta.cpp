// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The delta rule. Token i writes u_i = beta_i (v_i - S~^T k_i), where S~ is the state before it, decayed: S at the
// start of the chunk and what the tokens before i wrote,
//
//   u_i = beta_i (v_i - (k_i e^{G_i})^T S - sum_{j < i} M_ij u_j)         M_ij = sum_d k_id k_jd e^{G_id - G_jd}
//
// This is the triangular system of the WY form, (I + diag(beta) M) U = diag(beta) (V - (k e^G) S). Chunks follow each
// other here, so S is known, and forward substitution in fp32 solves for U at once: neither the inverse nor W is made.
// U takes the place of V; the rest is the additive rule.
#include "Chunk.h"

using namespace mlir;
using namespace fovea;

void ChunkEmitter::emitWrites() {
  int64_t count = b.schedule.getMicroKeys();
  b.loop(op.getValid(), [&](Value r) {
    b.store(b.load(op.getBeta(), {op.getBatch(), op.getHead(), b.add(op.getPosition(), r)}), betas, r);
  });
  emitScores(k, products, /*isStrict=*/true);
  if (kDecayed && !isParallel())
    scaleToChunk(k, kDecayed);
  b.loop(b.index(panels), [&](Value panel) {
    b.loop(b.index(0), b.roundUp(op.getValid(), count), count, [&](Value i) { emitWriteTile(panel, i); });
  });
}

/// Rows [i, i + R) of one panel of U. What rows past the last token hold is never read.
void ChunkEmitter::emitWriteTile(Value panel, Value i) {
  int64_t count = b.schedule.getMicroKeys(), vectors = b.vectorsPerPanel();
  Value keys = kDecayed ? kDecayed : k;
  Values recalled = zeros(count);
  if (!isParallel())
    recalled = outer(
        recalled, b.index(0), b.index(keyColumns), count,
        [&](int64_t x, Value d) { return b.load(keys, {b.add(i, x), d}); },
        [&](int64_t c, Value d) { return b.loadVector(s, {panel, d, lane(c)}); });
  triangle(recalled, products, panel, i, /*isStrict=*/true, [&](int64_t y, Values &sums) {
    Value row = b.add(i, y), beta = b.broadcast(b.load(betas, row));
    for (int64_t c = 0; c < vectors; ++c) {
      Value &sum = sums[y * vectors + c];
      sum = b.mulf(beta, b.subf(b.loadVector(v, {panel, row, lane(c)}), sum));
      b.storeVector(sum, v, {panel, row, lane(c)});
    }
  });
}
