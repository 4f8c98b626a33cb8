// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Panels.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace fovea;

void fovea::forVectors(VectorEmitter &b, int64_t columns, function_ref<void(Value, int64_t)> body) {
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
      forVectors(b, columns, [&](Value c, int64_t width) {
        auto [p, w] = inPanel(b, c);
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
      forVectors(b, columns, [&](Value c, int64_t width) {
        auto [p, w] = inPanel(b, c);
        Value x = b.loadVector(panels, {p, r, w});
        b.storeLeading(scale ? b.mulf(x, scale) : x, view, {b.index(0), c}, width);
      });
    };
    auto strided = [&] {
      if (scale)
        forVectors(b, columns, [&](Value c, int64_t) {
          auto [p, w] = inPanel(b, c);
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
