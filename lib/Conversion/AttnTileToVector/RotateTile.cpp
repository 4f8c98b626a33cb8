// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rotary embeddings on the way in: a few operations for each element that is loaded, none for each pair of query and
// key.
#include "RotateTile.h"

#include "../Common/RotateRow.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fovea;
using fovea::attn::Pairing;

RowRotator::RowRotator(VectorEmitter &b, attn::LoadTileOp op, Value made)
    : b(b), op(op), made(made), source(b, op), pairs(op.getRopePairs()), columns(op.getSourceColumns()),
      first(op.getFirstColumn()) {
  dense = b.both(hasUnitRows(b, op.getRope()[0]), hasUnitRows(b, op.getRope()[1]));
  if (!made)
    dense = b.both(source.isUnit(), dense);
}

void RowRotator::rotateHalves(Value row, Value cos, Value sin, Value destination, Value to) {
  Value zero = b.index(0);
  b.chunks(pairs, [&](Value f, int64_t width) {
    Value low = b.add(f, first), second = b.add(low, pairs);
    Value x = b.loadLeading(row, {zero, low}, width), y = b.loadLeading(row, {zero, second}, width);
    Value c = b.loadLeading(cos, {zero, f}, width), s = b.loadLeading(sin, {zero, f}, width);
    b.storeLeading(b.subf(b.mulf(x, c), b.mulf(y, s)), destination, {to, low}, width);
    b.storeLeading(b.fma(x, s, b.mulf(y, c)), destination, {to, second}, width);
  });
}

/// Columns 2 f and 2 f + 1 lie side by side: each lane takes its neighbour's, with a sign.
void RowRotator::rotateNeighbours(Value row, Value cos, Value sin, Value destination, Value to) {
  int64_t lanes = b.lanes();
  SmallVector<int64_t> neighbours, twice;
  SmallVector<float> signs;
  for (int64_t lane = 0; lane < lanes; ++lane) {
    neighbours.push_back(lane ^ 1);
    twice.push_back(lane / 2);
    signs.push_back(lane % 2 ? 1.0f : -1.0f);
  }
  Value sign = arith::ConstantOp::create(b, DenseElementsAttr::get(b.vectorType(), ArrayRef<float>(signs)));
  Value zero = b.index(0);
  b.chunks(2 * pairs, [&](Value turning, int64_t) {
    Value f = arith::DivUIOp::create(b, turning, b.index(2)), column = b.add(turning, first);
    auto spread = [&](Value table) -> Value {
      Value half = vector::LoadOp::create(b, VectorType::get(lanes / 2, b.getF32Type()), table, ValueRange{zero, f});
      return vector::ShuffleOp::create(b, half, half, twice);
    };
    Value x = b.loadVector(row, {zero, column});
    Value y = vector::ShuffleOp::create(b, x, x, neighbours);
    Value turned = b.fma(y, b.mulf(spread(sin), sign), b.mulf(x, spread(cos)));
    b.storeVector(turned, destination, {to, column});
  });
}

void RowRotator::rotate(Value r, Value destination, Value to) {
  auto oneByOne = [&] {
    Loops loops(b.getLoc(), b);
    std::function<Value(Value)> load = sourceRow(loops, op, r);
    if (made)
      load = [&](Value column) { return loops.load(made, {loops.index(0), column}); };
    rotateRow(loops, op, r, load,
              [&](Value element, Value column) { loops.store(element, destination, {to, column}); });
  };
  bool isHalf = op.getPairing() == Pairing::Half;
  if (!isHalf && 2 * pairs < b.lanes())
    return oneByOne();
  auto byVectors = [&] {
    SmallVector<Value, 2> angle = op.ropeIndices(b, r);
    Value row = made ? made : source.at(r);
    Value cos = denseRow(b, op.getRope()[0], angle), sin = denseRow(b, op.getRope()[1], angle);
    isHalf ? rotateHalves(row, cos, sin, destination, to) : rotateNeighbours(row, cos, sin, destination, to);
    copy(row, 0, first, destination, to);
    copy(row, first + 2 * pairs, columns, destination, to);
  };
  b.when(dense, byVectors, oneByOne);
}

void RowRotator::copy(Value row, int64_t begin, int64_t end, Value destination, Value to) {
  if (begin == end)
    return;
  b.chunks(end - begin, [&](Value c, int64_t width) {
    Value column = b.add(c, begin);
    b.storeLeading(b.loadLeading(row, {b.index(0), column}, width), destination, {to, column}, width);
  });
}
