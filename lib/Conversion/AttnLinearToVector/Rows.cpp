// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of features on the way in, rows of the output on the way out, and keys transposed.
#include "Chunk.h"

#include "../AttnTileToVector/VectorizeRegion.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fovea;
using namespace fovea::attn;

MemoryRows ChunkEmitter::memoryRows(Value memref, Value head, Value begin, Value end) {
  int64_t ahead = op.getForm() == LinearForm::Chunked ? b.schedule.getKeyBlock() : 0;
  return {memref, op.getBatch(), head, op.getPosition(), begin, end, ahead};
}

void ChunkEmitter::forColumns(function_ref<void(Value)> body) {
  b.loop(b.index(0), b.index(keyVectors * b.lanes()), b.lanes(), body);
}

Value ChunkEmitter::sumOf(Value vector) {
  return vector::ReductionOp::create(b, vector::CombiningKind::ADD, vector, arith::FastMathFlags::reassoc);
}

Value ChunkEmitter::largestOf(Value vector) {
  return vector::ReductionOp::create(b, vector::CombiningKind::MAXNUMF, vector);
}

/// Dense rows, features taken if asked for. What pads a row to whole vectors is 0.
void ChunkEmitter::loadRows(const MemoryRows &rows, Value to, bool isFeature, float scale) {
  isFeature &= !op.getFeature().empty();
  StridedRows from(b, rows.memref, rows.batch, rows.head);
  b.loop(rows.begin, rows.end, 1, [&](Value r) {
    Value row = b.add(rows.position, r);
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
      prefetchRow(b, rows, from, row, keyColumns, /*isWrite=*/false);
      Value view = from.denseRow(b, row, keyColumns);
      finish([&](Value c, int64_t width) { return b.loadLeading(view, {b.index(0), c}, width); });
    };
    auto strided = [&] {
      b.loop(b.index(keyColumns),
             [&](Value c) { b.store(b.load(rows.memref, {rows.batch, rows.head, row, c}), to, {r, c}); });
      finish([&](Value c, int64_t) { return b.loadVector(to, {r, c}); });
    };
    b.when(from.isUnit(b, keyColumns), dense, strided);
  });
}

void ChunkEmitter::loadQueries(Value head, Value begin, Value end) {
  loadRows(memoryRows(op.getQuery(), head, begin, end), q, /*isFeature=*/true,
           static_cast<float>(op.getScale().convertToDouble()));
  if (op.getNormalizer() == Normalizer::Z || op.getNormalizer() == Normalizer::NormZ)
    normalizeQueries(begin, end);
}

/// Values as they lie, where that is panels; the delta rule writes over its copy.
void ChunkEmitter::loadValues() {
  MemoryRows from = memoryRows(op.getValue(), op.getHead(), b.index(0), op.getValid());
  if (op.getBeta() || valueColumns % b.schedule.getPanel() != 0)
    return loadPanels(b, from, valueColumns, v);
  Value isDirect = isDirectlyPanels(b, from, valueColumns), buffer = v;
  b.when(
      isDirect, [&] { prefetchRows(b, from, valueColumns, /*isWrite=*/false); },
      [&] { loadPanels(b, from, valueColumns, buffer); });
  v = viewPanels(b, from, valueColumns, buffer, isDirect);
}

void ChunkEmitter::storeOutput(Value head, Value begin, Value end) {
  auto norm = [&](Value row) { return outputNorm(row); };
  MemoryRows to = memoryRows(op.getOutput(), head, begin, end);
  if (op.getNormalizer() == Normalizer::Norm)
    storePanels(b, to, valueColumns, o, norm);
  else
    storePanels(b, to, valueColumns, o);
}

/// Rows [0, count) of a buffer of features, into one block of kTransposed.
void ChunkEmitter::transpose(Value rowsBuffer, Value count, Value block) {
  auto flat = [&](Value buffer) { return Value(memref::ExtractStridedMetadataOp::create(b, buffer).getBaseBuffer()); };
  auto toShape = cast<MemRefType>(kTransposed.getType()).getShape();
  int64_t fromStride = cast<MemRefType>(rowsBuffer.getType()).getDimSize(1), toStride = toShape[2];
  Value from = flat(rowsBuffer), to = flat(kTransposed), first = b.mul(block, toShape[1] * toStride);
  b.loop(b.index(0), b.roundUp(count, b.lanes()), b.lanes(), [&](Value r) {
    forColumns([&](Value d) {
      b.transposeBlock(b.block(from, b.add(b.mul(r, fromStride), d), b.getIndexAttr(fromStride)),
                       b.block(to, b.add(first, b.add(b.mul(d, toStride), r)), b.getIndexAttr(toStride)));
    });
  });
}
