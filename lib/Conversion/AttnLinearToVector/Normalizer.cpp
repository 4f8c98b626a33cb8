// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What outputs, or queries, are divided by.
#include "Chunk.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace fovea;
using namespace fovea::attn;

/// z_t = e^{g_t} z_{t-1} + k_t: row t + 1 of keySums, row 0 being z before the chunk. Per channel e^{g_t} lies there.
void ChunkEmitter::emitKeySums() {
  forColumns([&](Value c) { b.storeVector(isParallel() ? b.splat(0) : b.loadVector(z, c), keySums, {b.index(0), c}); });
  b.loop(op.getValid(), [&](Value t) {
    Value next = b.add(t, 1), perToken = decay == Decay::PerToken ? b.exp(b.broadcast(decayOf(t))) : Value();
    forColumns([&](Value c) {
      Value before = b.loadVector(keySums, {t, c}), key = b.loadVector(k, {t, c});
      if (decay != Decay::None)
        before = b.mulf(before, perToken ? perToken : b.loadVector(keySums, {next, c}));
      b.storeVector(b.addf(before, key), keySums, {next, c});
    });
  });
  if (!isParallel())
    forColumns([&](Value c) { b.storeVector(b.loadVector(keySums, {op.getValid(), c}), z, c); });
}

Value ChunkEmitter::inverseRootMeanSquare(Value sumOfSquares, int64_t count) {
  Value mean = b.mulf(sumOfSquares, b.real(1.0f / static_cast<float>(count)));
  Value root = math::SqrtOp::create(b, b.addf(mean, b.real(op.getEpsilon().convertToDouble())));
  return b.broadcast(arith::DivFOp::create(b, b.real(1), root));
}

/// q / (z + epsilon), for <norm_z> of normalised queries. Padding stays 0.
void ChunkEmitter::normalizeQueries(Value begin, Value end) {
  Value epsilon = b.splat(op.getEpsilon().convertToDouble());
  b.loop(begin, end, 1, [&](Value i) {
    Value norm;
    if (op.getNormalizer() == Normalizer::NormZ) {
      Value squares = b.loop(b.index(0), b.index(keyVectors * b.lanes()), b.lanes(), b.splat(0),
                             [&](Value c, ValueRange sum) -> Values {
                               Value x = b.loadVector(q, {i, c});
                               return {b.fma(x, x, sum[0])};
                             })[0];
      norm = inverseRootMeanSquare(sumOf(squares), keyColumns);
    }
    forVectors(b, keyColumns, [&](Value c, int64_t width) {
      Value sum = keySums ? b.loadVector(keySums, {b.add(i, 1), c}) : b.loadVector(z, c);
      Value x = arith::DivFOp::create(b, b.loadVector(q, {i, c}), b.addf(sum, epsilon));
      if (norm)
        x = b.mulf(x, norm);
      if (width != b.lanes())
        x = arith::SelectOp::create(b, b.leading(width), x, b.splat(0));
      b.storeVector(x, q, {i, c});
    });
  });
}

/// 1 / (q . z + sum_j A_ij + epsilon)
void ChunkEmitter::emitDivisors(Value begin, Value end) {
  b.loop(begin, end, 1, [&](Value i) {
    Values sum = {b.splat(0)};
    if (!isParallel())
      sum = b.loop(b.index(0), b.index(keyVectors * b.lanes()), b.lanes(), sum,
                   [&](Value c, ValueRange running) -> Values {
                     return {b.fma(b.loadVector(q, {i, c}), b.loadVector(z, c), running[0])};
                   });
    if (scores)
      sum = b.loop(b.index(0), b.add(i, 1), b.lanes(), sum, [&](Value j, ValueRange running) -> Values {
        return {b.addf(running[0], b.loadVector(scores, {i, j}))};
      });
    Value divisor = b.addf(sumOf(sum[0]), b.real(op.getEpsilon().convertToDouble()));
    b.store(arith::DivFOp::create(b, b.real(1), divisor), divisors, i);
  });
}

/// What a row of O is multiplied by for <norm>.
Value ChunkEmitter::outputNorm(Value row) {
  Values squares = b.loop(b.index(0), b.index(panels), 1, b.splat(0), [&](Value panel, ValueRange sum) -> Values {
    Value next = sum[0];
    for (int64_t c = 0; c < b.vectorsPerPanel(); ++c) {
      Value x = b.loadVector(o, {panel, row, lane(c)});
      next = b.fma(x, x, next);
    }
    return {next};
  });
  return inverseRootMeanSquare(sumOf(squares[0]), valueColumns);
}

/// z = e^{G_C} z + sum_j k_j e^{G_C - G_j}
void ChunkEmitter::emitNormalizerUpdate() {
  forColumns([&](Value c) {
    Values sum = b.loop(b.index(0), op.getValid(), 1, b.splat(0), [&](Value j, ValueRange running) -> Values {
      return {b.addf(running[0], b.loadVector(k, {j, c}))};
    });
    Value before = b.loadVector(z, c), kept;
    if (decay != Decay::None)
      kept = decay == Decay::PerToken ? keptAll : b.loadVector(keptAll, c);
    b.storeVector(kept ? b.fma(before, kept, sum[0]) : b.addf(before, sum[0]), z, c);
  });
}
