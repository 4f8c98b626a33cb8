// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "TileRows.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace fovea;

TileRows::TileRows(WarpEmitter &b, const Problem &problem, ValueRange ids, int64_t rows, Value group)
    : batch(ids[0]), head(ids[1]), row(b.mul(ids[2], rows)), group(group) {
  count = b.least(b.index(rows), b.sub(problem.query.rows, row));
  valid = group ? b.mul(count, group) : count;
  position = b.add(row, problem.queryOffset(b, batch));
  end = b.add(position, count);
}

std::pair<Value, Value> TileRows::locate(WarpEmitter &b, Value number) const {
  if (!group)
    return {head, b.add(row, b.toIndex(number))};
  Value rows = b.toI32(count), heads = b.createOrFold<arith::DivUIOp>(number, rows);
  Value rest = b.sub(number, b.mul(heads, rows));
  return {b.add(head, b.toIndex(heads)), b.add(row, b.toIndex(rest))};
}

std::pair<Value, Value> TileRows::positionsOf(WarpEmitter &b, Value warp) const {
  Value first = b.add(position, b.toIndex(b.mul(warp, kWarpRows)));
  Value last = b.least(b.add(first, kWarpRows), end);
  if (!group)
    return {first, last};
  // Else a warp's rows may begin in one head and end in the next.
  Value isSingle = b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::sle, group, b.index(1));
  return {b.select(isSingle, first, position), b.select(isSingle, last, end)};
}

Value fovea::rowNumber(WarpEmitter &b, const Thread &thread, int64_t half) {
  return b.add(b.add(b.mul(thread.warp, kWarpRows), b.div(thread.lane, 4)), 8 * half);
}

Value fovea::isFirstOfRow(WarpEmitter &b, const Thread &thread) {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, b.rem(thread.lane, 4), b.i32(0));
}
