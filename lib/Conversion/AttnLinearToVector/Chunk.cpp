// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Chunk.h"

#include "../AttnTileToVector/VectorizeRegion.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fovea;

/// Calls body(column, width) for vectors that cover `columns`; the last one may be narrow.
static void forVectors(VectorEmitter &b, int64_t columns, function_ref<void(Value, int64_t)> body) {
  int64_t whole = columns / b.lanes() * b.lanes();
  if (whole)
    b.loop(b.index(0), b.index(whole), b.lanes(), [&](Value c) { body(c, b.lanes()); });
  if (whole != columns)
    body(b.index(whole), columns - whole);
}

/// Which panel a column is in, and where.
static std::pair<Value, Value> inPanel(VectorEmitter &b, Value column) {
  Value panel = b.createOrFold<arith::DivUIOp>(column, b.index(b.schedule.getPanel()));
  return {panel, b.sub(column, b.mul(panel, b.schedule.getPanel()))};
}

ChunkEmitter::ChunkEmitter(VectorEmitter &b, attn::LinearChunkOp op, Value s, Value z)
    : b(b), op(op), s(s), z(z), keyColumns(op.getKeyHeadSize()), keyVectors(llvm::divideCeil(keyColumns, b.lanes())),
      valueColumns(op.getValueHeadSize()), panels(llvm::divideCeil(valueColumns, b.schedule.getPanel())),
      rows(b.schedule.getQueryTile()) {
  if (op.getDecay())
    decay = cast<MemRefType>(op.getDecay().getType()).getRank() == 4 ? Decay::PerChannel : Decay::PerToken;
  // A power of two between rows would map the rows of a column to a few sets of the cache.
  int64_t stride = (keyVectors + 1) * b.lanes();
  if (op.getKey()) {
    k = b.buffer({rows, stride});
    v = b.buffer({panels, rows, b.schedule.getPanel()});
  }
  if (op.getQuery()) {
    q = b.buffer({rows, stride});
    tile = b.buffer({b.schedule.getMicroKeys(), b.schedule.getPanel()});
    divisors = op.isNormalized() ? b.buffer({rows}) : Value();
  }
  if (op.getKey() && op.getQuery()) {
    scores = b.buffer({rows, rows + b.lanes()});
    if (decay != Decay::PerChannel)
      kTransposed = b.buffer({keyVectors * b.lanes(), rows + b.lanes()});
  }
}

void ChunkEmitter::emit() {
  if (op.getKey()) {
    loadRows(op.getKey(), op.getHead(), k, /*isFeature=*/true, /*scale=*/1);
    loadValues();
    loadDecay();
  }
  if (kTransposed)
    transposeKeys();
  if (op.getQuery()) {
    Value first = arith::MulIOp::create(b, op.getHead(), op.getGroup());
    b.loop(op.getGroup(), [&](Value member) { emitQueries(b.add(first, member)); });
  }
  if (op.getKey()) {
    if (decay != Decay::None)
      scaleKeys();
    emitUpdate();
    if (op.isNormalized())
      emitNormalizerUpdate();
  }
}

/// The chunk's rows of one head as dense rows, features taken if asked for. What pads a row to whole vectors is 0.
void ChunkEmitter::loadRows(Value source, Value head, Value to, bool isFeature, float scale) {
  isFeature &= !op.getFeature().empty();
  StridedRows from(b, source, op.getBatch(), head);
  b.loop(op.getValid(), [&](Value r) {
    Value row = b.add(op.getPosition(), r);
    auto finish = [&](function_ref<Value(Value, int64_t)> load) {
      forVectors(b, keyColumns, [&](Value c, int64_t width) {
        Value x = load(c, width);
        if (isFeature)
          x = vectorizeRegion(b, op.getFeature(), x);
        if (scale != 1)
          x = b.mulf(x, b.splat(scale));
        if (width != b.lanes())
          x = arith::SelectOp::create(b, b.leading(width), x, b.splat(0));
        b.storeVector(x, to, {r, c});
      });
    };
    auto dense = [&] {
      Value view = from.denseRow(b, row, keyColumns);
      finish([&](Value c, int64_t width) { return b.loadLeading(view, {b.index(0), c}, width); });
    };
    auto strided = [&] {
      b.loop(b.index(keyColumns), [&](Value c) { b.store(b.load(source, {op.getBatch(), head, row, c}), to, {r, c}); });
      finish([&](Value c, int64_t) { return b.loadVector(to, {r, c}); });
    };
    b.when(from.isUnit(b, keyColumns), dense, strided);
  });
}

/// Values panel by panel; columns past the last are 0.
void ChunkEmitter::loadValues() {
  StridedRows from(b, op.getValue(), op.getBatch(), op.getHead());
  int64_t panel = b.schedule.getPanel();
  b.loop(op.getValid(), [&](Value r) {
    Value row = b.add(op.getPosition(), r);
    if (valueColumns % panel)
      for (int64_t w = valueColumns % panel / b.lanes() * b.lanes(); w < panel; w += b.lanes())
        b.storeVector(b.splat(0), v, {b.index(panels - 1), r, b.index(w)});
    auto dense = [&] {
      Value view = from.denseRow(b, row, valueColumns);
      forVectors(b, valueColumns, [&](Value c, int64_t width) {
        auto [p, w] = inPanel(b, c);
        b.storeVector(b.loadLeading(view, {b.index(0), c}, width), v, {p, r, w});
      });
    };
    auto strided = [&] {
      b.loop(b.index(valueColumns), [&](Value c) {
        auto [p, w] = inPanel(b, c);
        b.store(b.load(op.getValue(), {op.getBatch(), op.getHead(), row, c}), v, {p, r, w});
      });
    };
    b.when(from.isUnit(b, valueColumns), dense, strided);
  });
}

void ChunkEmitter::transposeKeys() {
  auto flat = [&](Value buffer) { return Value(memref::ExtractStridedMetadataOp::create(b, buffer).getBaseBuffer()); };
  auto strideOf = [](Value buffer) { return cast<MemRefType>(buffer.getType()).getDimSize(1); };
  Value from = flat(k), to = flat(kTransposed);
  int64_t fromStride = strideOf(k), toStride = strideOf(kTransposed);
  b.loop(b.index(0), b.roundUp(op.getValid(), b.lanes()), b.lanes(), [&](Value r) {
    b.loop(b.index(0), b.index(keyVectors * b.lanes()), b.lanes(), [&](Value d) {
      b.transposeBlock(b.block(from, b.add(b.mul(r, fromStride), d), b.getIndexAttr(fromStride)),
                       b.block(to, b.add(b.mul(d, toStride), r), b.getIndexAttr(toStride)));
    });
  });
}

void ChunkEmitter::emitQueries(Value head) {
  loadRows(op.getQuery(), head, q, /*isFeature=*/true, static_cast<float>(op.getScale().convertToDouble()));
  if (scores && decay == Decay::PerChannel)
    emitScoresPerChannel();
  else if (scores)
    emitScores();
  if (decay != Decay::None)
    scaleQueries();
  if (op.isNormalized())
    emitDivisors();
  emitOutput(head);
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

Value ChunkEmitter::sumOf(Value vector) {
  return vector::ReductionOp::create(b, vector::CombiningKind::ADD, vector, arith::FastMathFlags::reassoc);
}

/// A = tril(q k^T), decayed: whole register tiles up to the diagonal, 0 past it.
void ChunkEmitter::emitScores() {
  int64_t count = b.schedule.getMicroKeys();
  VectorType integers = b.vectorType(b.getI32Type());
  SmallVector<int32_t> iota(b.lanes());
  std::iota(iota.begin(), iota.end(), 0);
  Value lanes = arith::ConstantOp::create(b, DenseElementsAttr::get(integers, ArrayRef<int32_t>(iota)));
  auto asInteger = [&](Value x) { return Value(arith::IndexCastOp::create(b, b.getI32Type(), x)); };
  b.loop(b.index(0), b.roundUp(op.getValid(), count), count, [&](Value i) {
    b.loop(b.index(0), b.add(i, count), b.schedule.getPanel(), [&](Value j) {
      Values products = outer(
          zeros(count), b.index(0), b.index(keyColumns), count,
          [&](int64_t x, Value d) { return b.load(q, {b.add(i, x), d}); },
          [&](int64_t c, Value d) { return b.loadVector(kTransposed, {d, b.add(j, lane(c))}); });
      for (int64_t x = 0; x < count; ++x)
        for (int64_t c = 0; c < b.vectorsPerPanel(); ++c) {
          Value token = b.add(i, x), key = b.add(j, lane(c)), product = products[x * b.vectorsPerPanel() + c];
          if (decay == Decay::PerToken)
            product = b.mulf(product, keptBetween(token, key));
          Value keys = arith::AddIOp::create(b, b.broadcast(asInteger(key)), lanes);
          Value seen = b.compare(arith::CmpIPredicate::sle, keys, b.broadcast(asInteger(token)));
          b.storeVector(arith::SelectOp::create(b, seen, product, b.splat(0)), scores, {token, key});
        }
    });
  });
}

/// 1 / (q . z + sum_j A_ij + epsilon)
void ChunkEmitter::emitDivisors() {
  b.loop(op.getValid(), [&](Value i) {
    Values sum = b.loop(b.index(0), b.index(keyVectors * b.lanes()), b.lanes(), b.splat(0),
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

void ChunkEmitter::emitOutput(Value head) {
  StridedRows output(b, op.getOutput(), op.getBatch(), head);
  int64_t panel = b.schedule.getPanel(), whole = valueColumns / panel, count = b.schedule.getMicroKeys();
  Value end = b.roundUp(op.getValid(), count);
  auto emitPanel = [&](Value p, int64_t columns) {
    b.loop(b.index(0), end, count, [&](Value i) { emitOutputTile(output, head, p, columns, i); });
  };
  if (whole)
    b.loop(b.index(whole), [&](Value p) { emitPanel(p, panel); });
  if (valueColumns % panel)
    emitPanel(b.index(whole), valueColumns % panel);
}

/// Rows [i, i + R) of one panel of O.
void ChunkEmitter::emitOutputTile(const StridedRows &output, Value head, Value panel, int64_t columns, Value i) {
  int64_t count = b.schedule.getMicroKeys(), vectors = b.vectorsPerPanel();
  Values o = outer(
      zeros(count), b.index(0), b.index(keyColumns), count,
      [&](int64_t x, Value d) { return b.load(q, {b.add(i, x), d}); },
      [&](int64_t c, Value d) { return b.loadVector(s, {panel, d, lane(c)}); });
  if (scores) {
    auto score = [&](int64_t x, Value j) { return b.load(scores, {b.add(i, x), j}); };
    auto value = [&](int64_t c, Value j) { return b.loadVector(v, {panel, j, lane(c)}); };
    o = outer(o, b.index(0), i, count, score, value);
    for (int64_t y = 0; y < count; ++y) // the triangle: row x reads rows up to itself
      for (int64_t c = 0; c < vectors; ++c) {
        Value column = value(c, b.add(i, y));
        for (int64_t x = y; x < count; ++x)
          o[x * vectors + c] = b.fma(b.broadcast(score(x, b.add(i, y))), column, o[x * vectors + c]);
      }
  }
  for (int64_t x = 0; x < count; ++x) {
    Value inverse = divisors ? b.broadcast(b.load(divisors, b.add(i, x))) : Value();
    for (int64_t c = 0; c < vectors; ++c) {
      Value sum = o[x * vectors + c];
      b.storeVector(inverse ? b.mulf(sum, inverse) : sum, tile, {b.index(x), lane(c)});
    }
  }
  Value first = b.mul(panel, b.schedule.getPanel());
  b.loop(b.min(b.sub(op.getValid(), i), b.index(count)), [&](Value x) {
    Value row = b.add(op.getPosition(), b.add(i, x));
    auto dense = [&] {
      Value view = output.denseRow(b, row, valueColumns);
      for (int64_t c = 0; c < columns; c += b.lanes())
        b.storeLeading(b.loadVector(tile, {x, b.index(c)}), view, {b.index(0), b.add(first, c)},
                       std::min(b.lanes(), columns - c));
    };
    auto strided = [&] {
      b.loop(b.index(columns), [&](Value c) {
        b.store(b.load(tile, {x, c}), op.getOutput(), {op.getBatch(), head, row, b.add(first, c)});
      });
    };
    b.when(output.isUnit(b, valueColumns), dense, strided);
  });
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

/// z = e^{G_C} z + sum_j k_j e^{G_C - G_j}
void ChunkEmitter::emitNormalizerUpdate() {
  b.loop(b.index(0), b.index(keyVectors * b.lanes()), b.lanes(), [&](Value c) {
    Values sum = b.loop(b.index(0), op.getValid(), 1, b.splat(0), [&](Value j, ValueRange running) -> Values {
      return {b.addf(running[0], b.loadVector(k, {j, c}))};
    });
    Value before = b.loadVector(z, c), kept;
    if (decay != Decay::None)
      kept = decay == Decay::PerToken ? keptAll : b.loadVector(keptAll, c);
    b.storeVector(kept ? b.fma(before, kept, sum[0]) : b.addf(before, sum[0]), z, c);
  });
}
