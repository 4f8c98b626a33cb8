// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Panels.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace fovea;

void fovea::forVectors(VectorEmitter &b, int64_t columns, function_ref<void(Value, int64_t)> body) {
  constexpr int64_t kUnroll = 4; // vectors that share the constants of a feature map
  int64_t step = kUnroll * b.lanes(), whole = columns / step * step;
  if (whole)
    b.loop(b.index(0), b.index(whole), step, [&](Value c) {
      for (int64_t v = 0; v < kUnroll; ++v)
        body(b.add(c, v * b.lanes()), b.lanes());
    });
  for (int64_t c = whole; c < columns; c += b.lanes())
    body(b.index(c), std::min(b.lanes(), columns - c));
}

/// Calls body(panel, column of the panel, column, width) for vectors that cover `columns`; the last one may be narrow.
static void forPanels(VectorEmitter &b, int64_t columns, function_ref<void(Value, Value, Value, int64_t)> body) {
  int64_t panel = b.schedule.getPanel(), whole = columns / panel;
  if (whole)
    b.loop(b.index(whole), [&](Value p) {
      Value first = b.mul(p, panel);
      for (int64_t w = 0; w < panel; w += b.lanes())
        body(p, b.index(w), b.add(first, w), b.lanes());
    });
  for (int64_t w = 0; w < columns % panel; w += b.lanes())
    body(b.index(whole), b.index(w), b.index(whole * panel + w), std::min(b.lanes(), columns % panel - w));
}

/// Which panel a column is in, and where.
static std::pair<Value, Value> inPanel(VectorEmitter &b, Value column) {
  Value panel = b.createOrFold<arith::DivUIOp>(column, b.index(b.schedule.getPanel()));
  return {panel, b.sub(column, b.mul(panel, b.schedule.getPanel()))};
}

void fovea::prefetchRow(VectorEmitter &b, const MemoryRows &rows, const StridedRows &from, Value row, int64_t columns,
                        bool isWrite) {
  constexpr int64_t kLineElements = 16; // 64 bytes
  constexpr unsigned kSecondLevel = 2;  // a chunk is too much for the first one
  if (!rows.ahead)
    return;
  Value view = from.denseRow(b, b.add(row, rows.ahead), columns); // past the last row nothing faults
  for (int64_t c = 0; c < columns; c += kLineElements)
    memref::PrefetchOp::create(b, view, ValueRange{b.index(0), b.index(c)}, isWrite, kSecondLevel,
                               /*isDataCache=*/true);
}

void fovea::prefetchRows(VectorEmitter &b, const MemoryRows &rows, int64_t columns, bool isWrite) {
  StridedRows from(b, rows.memref, rows.batch, rows.head);
  b.loop(rows.begin, rows.end, 1,
         [&](Value r) { prefetchRow(b, rows, from, b.add(rows.position, r), columns, isWrite); });
}

Value fovea::isDirectlyPanels(VectorEmitter &b, const MemoryRows &rows, int64_t columns) {
  StridedRows memory(b, rows.memref, rows.batch, rows.head);
  Value isWhole = b.compare(arith::CmpIPredicate::eq, b.sub(rows.end, rows.begin), b.index(b.schedule.getKeyBlock()));
  // Addresses within a memref may not wrap, which a negative stride would make them do.
  Value isForward = b.compare(arith::CmpIPredicate::sge, memory.rowStride, b.index(0));
  return b.both(memory.isUnit(b, columns), b.both(isWhole, isForward));
}

Value fovea::viewPanels(VectorEmitter &b, const MemoryRows &rows, int64_t columns, Value buffer, Value isDirect) {
  StridedRows memory(b, rows.memref, rows.batch, rows.head);
  auto shape = cast<MemRefType>(buffer.getType()).getShape();
  int64_t panel = shape[2];
  Value packed = memref::ExtractStridedMetadataOp::create(b, buffer).getBaseBuffer();
  auto choose = [&](Value direct, Value other) { return Value(arith::SelectOp::create(b, isDirect, direct, other)); };
  Value base = choose(memory.base, packed);
  Value offset = choose(memory.rowOffset(b, b.add(rows.position, rows.begin)), b.index(0));
  Value panelStride = choose(b.index(panel), b.index(shape[1] * panel));
  Value rowStride = choose(memory.rowStride, b.index(panel));
  auto layout =
      StridedLayoutAttr::get(b.getContext(), ShapedType::kDynamic, {ShapedType::kDynamic, ShapedType::kDynamic, 1});
  SmallVector<OpFoldResult> sizes, strides = {panelStride, rowStride, b.getIndexAttr(1)};
  for (int64_t size : shape)
    sizes.push_back(b.getIndexAttr(size));
  return memref::ReinterpretCastOp::create(b, MemRefType::get(shape, b.getF32Type(), layout), base,
                                           OpFoldResult(offset), sizes, strides);
}

void fovea::loadPanels(VectorEmitter &b, const MemoryRows &rows, int64_t columns, Value panels) {
  StridedRows from(b, rows.memref, rows.batch, rows.head);
  int64_t panel = b.schedule.getPanel(), last = columns / panel;
  b.loop(rows.begin, rows.end, 1, [&](Value r) {
    Value row = b.add(rows.position, r);
    for (int64_t w = columns % panel / b.lanes() * b.lanes(); columns % panel && w < panel; w += b.lanes())
      b.storeVector(b.splat(0), panels, {b.index(last), r, b.index(w)});
    auto dense = [&] {
      prefetchRow(b, rows, from, row, columns, /*isWrite=*/false);
      Value view = from.denseRow(b, row, columns);
      forPanels(b, columns, [&](Value p, Value w, Value c, int64_t width) {
        b.storeVector(b.loadLeading(view, {b.index(0), c}, width), panels, {p, r, w});
      });
    };
    auto strided = [&] {
      b.loop(b.index(columns), [&](Value c) {
        auto [p, w] = inPanel(b, c);
        b.store(b.load(rows.memref, {rows.batch, rows.head, row, c}), panels, {p, r, w});
      });
    };
    b.when(from.isUnit(b, columns), dense, strided);
  });
}

void fovea::storePanels(VectorEmitter &b, const MemoryRows &rows, int64_t columns, Value panels,
                        function_ref<Value(Value)> factor) {
  StridedRows to(b, rows.memref, rows.batch, rows.head);
  b.loop(rows.begin, rows.end, 1, [&](Value r) {
    Value row = b.add(rows.position, r), scale = factor ? factor(r) : Value();
    auto dense = [&] {
      prefetchRow(b, rows, to, row, columns, /*isWrite=*/true);
      Value view = to.denseRow(b, row, columns);
      forPanels(b, columns, [&](Value p, Value w, Value c, int64_t width) {
        Value x = b.loadVector(panels, {p, r, w});
        b.storeLeading(scale ? b.mulf(x, scale) : x, view, {b.index(0), c}, width);
      });
    };
    auto strided = [&] {
      if (scale)
        forPanels(b, columns, [&](Value p, Value w, Value, int64_t) {
          b.storeVector(b.mulf(b.loadVector(panels, {p, r, w}), scale), panels, {p, r, w});
        });
      b.loop(b.index(columns), [&](Value c) {
        auto [p, w] = inPanel(b, c);
        b.store(b.load(panels, {p, r, w}), rows.memref, {rows.batch, rows.head, row, c});
      });
    };
    b.when(to.isUnit(b, columns), dense, strided);
  });
}
