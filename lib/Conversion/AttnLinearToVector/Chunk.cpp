// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The chunked form: its buffers, the order of its products, the output and the state.
#include "Chunk.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace fovea;
using namespace fovea::attn;

ChunkEmitter::ChunkEmitter(VectorEmitter &b, LinearChunkOp op, Value s, Value z)
    : b(b), op(op), s(s), z(z), keyColumns(op.getKeyHeadSize()), keyVectors(llvm::divideCeil(keyColumns, b.lanes())),
      valueColumns(op.getValueHeadSize()), panels(llvm::divideCeil(valueColumns, b.schedule.getPanel())),
      rows(b.schedule.getQueryTile()), blockRows(rows) {
  constexpr int64_t kSecondaryChunk = 16; // tokens; not more decay than fp32 holds, as a rule
  if (op.getDecay())
    decay = cast<MemRefType>(op.getDecay().getType()).getRank() == 4 ? Decay::PerChannel : Decay::PerToken;
  if (decay == Decay::PerChannel)
    blockRows = llvm::alignTo(kSecondaryChunk, b.schedule.getMicroKeys());
  allocate();
}

void ChunkEmitter::allocate() {
  // A power of two between rows would map the rows of a column to a few sets of the cache.
  int64_t stride = (keyVectors + 1) * b.lanes(), panel = b.schedule.getPanel();
  bool isRecurrent = op.getForm() == LinearForm::Recurrent, isPerChannel = decay == Decay::PerChannel;
  bool hasKeySums = op.keepsKeySum() && op.getNormalizer() != Normalizer::QZ;
  if (op.getKey()) {
    k = b.buffer({rows, stride});
    v = b.buffer({panels, rows, panel});
  }
  if (op.getQuery()) {
    q = b.buffer({rows, stride});
    o = b.buffer({panels, rows, panel});
    divisors = op.getNormalizer() == Normalizer::QZ ? b.buffer({rows}) : Value();
  }
  if (isPerChannel)
    sums = b.buffer({rows, stride});
  else if (decay == Decay::PerToken && !isRecurrent)
    sums = b.buffer({rows});
  if (op.getBeta() && decay != Decay::None)
    kDecayed = b.buffer({rows, stride});
  if (isRecurrent || !op.getKey())
    return;
  if (isPerChannel)
    keptAll = b.buffer({keyVectors * b.lanes()});
  if (hasKeySums)
    keySums = b.buffer({rows + 1, stride});
  if (op.getBeta()) {
    products = b.buffer({rows, rows + b.lanes()});
    betas = b.buffer({rows});
  }
  if (op.getQuery())
    scores = b.buffer({rows, rows + b.lanes()});
  if (!op.getQuery() && !op.getBeta())
    return;
  int64_t blocks = llvm::divideCeil(rows, blockRows);
  kTransposed = b.buffer({blocks, keyVectors * b.lanes(), rows + b.lanes()});
  if (isPerChannel) {
    scaled = b.buffer({rows, stride});
    spans = b.buffer({blocks});
  }
}

void ChunkEmitter::emit() {
  if (op.getForm() == LinearForm::Recurrent)
    emitRecurrent();
  else
    emitChunk();
}

void ChunkEmitter::emitChunk() {
  if (op.getKey()) {
    loadRows(memoryRows(op.getKey(), op.getHead(), b.index(0), op.getValid()), k, /*isFeature=*/true, /*scale=*/1);
    loadValues();
    loadDecay();
    if (keySums)
      emitKeySums();
  }
  if (kTransposed)
    prepareKeys();
  if (op.getBeta())
    emitWrites();
  if (op.getQuery()) {
    Value first = arith::MulIOp::create(b, op.getHead(), op.getGroup());
    b.loop(op.getGroup(), [&](Value member) { emitQueries(b.add(first, member)); });
  }
  if (!op.getKey() || isParallel())
    return;
  if (decay != Decay::None)
    scaleKeys();
  emitUpdate();
  if (op.getNormalizer() == Normalizer::QZ)
    emitNormalizerUpdate();
}

void ChunkEmitter::emitQueries(Value head) {
  loadQueries(head, b.index(0), op.getValid());
  if (scores)
    emitScores(q, scores, /*isStrict=*/false);
  if (decay != Decay::None && !isParallel())
    scaleToChunk(q, q);
  if (divisors)
    emitDivisors(b.index(0), op.getValid());
  int64_t count = b.schedule.getMicroKeys();
  MemoryRows to = memoryRows(op.getOutput(), head, b.index(0), op.getValid());
  bool mayBeDirect = valueColumns % b.schedule.getPanel() == 0 && op.getNormalizer() != Normalizer::Norm;
  Value buffer = o, isDirect;
  if (mayBeDirect) {
    isDirect = isDirectlyPanels(b, to, valueColumns);
    o = viewPanels(b, to, valueColumns, buffer, isDirect);
  }
  b.loop(b.index(panels), [&](Value panel) {
    b.loop(b.index(0), b.roundUp(op.getValid(), count), count, [&](Value i) { emitOutputTile(panel, i); });
  });
  o = buffer;
  auto store = [&] { storeOutput(head, b.index(0), op.getValid()); };
  if (mayBeDirect)
    b.when(isDirect, [&] { prefetchRows(b, to, valueColumns, /*isWrite=*/true); }, store);
  else
    store();
}

Values ChunkEmitter::outer(Values sums, Value begin, Value end, int64_t count, Row row, Column column) {
  return b.loop(begin, end, 1, sums, [&](Value at, ValueRange running) {
    Values columns, next;
    for (int64_t c = 0; c < b.vectorsPerPanel(); ++c)
      columns.push_back(column(c, at));
    for (int64_t x = 0; x < count; ++x) {
      Value broadcast = b.broadcast(row(x, at));
      for (int64_t c = 0; c < b.vectorsPerPanel(); ++c)
        next.push_back(b.fma(broadcast, columns[c], running[next.size()]));
    }
    return next;
  });
}

Values ChunkEmitter::triangle(Values sums, Value matrix, Value panel, Value i, bool isStrict,
                              function_ref<void(int64_t, Values &)> finish) {
  int64_t count = b.schedule.getMicroKeys(), vectors = b.vectorsPerPanel();
  auto element = [&](int64_t x, Value j) { return b.load(matrix, {b.add(i, x), j}); };
  auto value = [&](int64_t c, Value j) { return b.loadVector(v, {panel, j, lane(c)}); };
  sums = outer(sums, b.index(0), i, count, element, value);
  for (int64_t y = 0; y < count; ++y) {
    if (finish)
      finish(y, sums);
    for (int64_t c = 0; c < vectors; ++c) {
      Value column = finish ? sums[y * vectors + c] : value(c, b.add(i, y));
      for (int64_t x = y + isStrict; x < count; ++x)
        sums[x * vectors + c] = b.fma(b.broadcast(element(x, b.add(i, y))), column, sums[x * vectors + c]);
    }
  }
  return sums;
}

/// Rows [i, i + R) of one panel of O.
void ChunkEmitter::emitOutputTile(Value panel, Value i) {
  int64_t count = b.schedule.getMicroKeys(), vectors = b.vectorsPerPanel();
  Values sums = zeros(count);
  if (!isParallel())
    sums = outer(
        sums, b.index(0), b.index(keyColumns), count, [&](int64_t x, Value d) { return b.load(q, {b.add(i, x), d}); },
        [&](int64_t c, Value d) { return b.loadVector(s, {panel, d, lane(c)}); });
  if (scores)
    sums = triangle(sums, scores, panel, i, /*isStrict=*/false);
  for (int64_t x = 0; x < count; ++x) {
    Value factor = divisors ? b.broadcast(b.load(divisors, b.add(i, x))) : Value();
    for (int64_t c = 0; c < vectors; ++c) {
      Value sum = sums[x * vectors + c];
      b.storeVector(factor ? b.mulf(sum, factor) : sum, o, {panel, b.add(i, x), lane(c)});
    }
  }
}

void ChunkEmitter::emitUpdate() {
  int64_t count = b.schedule.getMicroKeys(), whole = keyColumns / count * count;
  b.loop(b.index(panels), [&](Value panel) {
    if (whole)
      b.loop(b.index(0), b.index(whole), count, [&](Value d) { emitUpdateTile(panel, d, count); });
    if (whole != keyColumns)
      emitUpdateTile(panel, b.index(whole), keyColumns - whole);
  });
}

/// Rows [d, d + count) of one panel of S.
void ChunkEmitter::emitUpdateTile(Value panel, Value d, int64_t count) {
  Values products = outer(
      zeros(count), b.index(0), op.getValid(), count, [&](int64_t x, Value j) { return b.load(k, {j, b.add(d, x)}); },
      [&](int64_t c, Value j) { return b.loadVector(v, {panel, j, lane(c)}); });
  for (int64_t x = 0; x < count; ++x) {
    Value row = b.add(d, x), kept;
    if (decay != Decay::None)
      kept = decay == Decay::PerToken ? keptAll : b.broadcast(b.load(keptAll, row));
    for (int64_t c = 0; c < b.vectorsPerPanel(); ++c) {
      Value before = b.loadVector(s, {panel, row, lane(c)}), sum = products[x * b.vectorsPerPanel() + c];
      b.storeVector(kept ? b.fma(before, kept, sum) : b.addf(before, sum), s, {panel, row, lane(c)});
    }
  }
}
