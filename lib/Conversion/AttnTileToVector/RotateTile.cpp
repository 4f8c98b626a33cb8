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

RowRotator::RowRotator(VectorEmitter &b, attn::LoadTileOp op)
    : b(b), op(op), source(b, op.getSource(), op.getBatch(), op.getHead()), pairs(op.getRopePairs()),
      columns(op.getTile().getType().getColumns()) {
  dense = b.both(source.isUnit(b, columns), b.both(isUnit(op.getRope()[0]), isUnit(op.getRope()[1])));
}

Value RowRotator::isUnit(Value table) {
  Value stride = memref::ExtractStridedMetadataOp::create(b, table).getStrides().back();
  return b.compare(arith::CmpIPredicate::eq, stride, b.index(1));
}

/// memref<1 x pairs>, as if it were dense.
Value RowRotator::tableRow(Value table, ValueRange angle) {
  auto metadata = memref::ExtractStridedMetadataOp::create(b, table);
  Value offset = metadata.getOffset();
  for (auto [index, stride] : llvm::zip(angle, metadata.getStrides())) // strides may be negative
    offset = arith::AddIOp::create(b, offset, arith::MulIOp::create(b, index, stride));
  auto layout = StridedLayoutAttr::get(b.getContext(), ShapedType::kDynamic, {pairs, 1});
  auto type = MemRefType::get({1, pairs}, b.getF32Type(), layout);
  return memref::ReinterpretCastOp::create(b, type, metadata.getBaseBuffer(), OpFoldResult(offset),
                                           ArrayRef<OpFoldResult>{b.getIndexAttr(1), b.getIndexAttr(pairs)},
                                           ArrayRef<OpFoldResult>{b.getIndexAttr(pairs), b.getIndexAttr(1)});
}

void RowRotator::rotateHalves(Value row, Value cos, Value sin, Value destination, Value to) {
  Value zero = b.index(0);
  b.chunks(pairs, [&](Value f, int64_t width) {
    Value second = b.add(f, pairs);
    Value x = b.loadLeading(row, {zero, f}, width), y = b.loadLeading(row, {zero, second}, width);
    Value c = b.loadLeading(cos, {zero, f}, width), s = b.loadLeading(sin, {zero, f}, width);
    b.storeLeading(b.subf(b.mulf(x, c), b.mulf(y, s)), destination, {to, f}, width);
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
  b.chunks(2 * pairs, [&](Value column, int64_t) {
    Value f = arith::DivUIOp::create(b, column, b.index(2));
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
    rotateRow(loops, op, r, [&](Value element, Value column) { loops.store(element, destination, {to, column}); });
  };
  bool isHalf = op.getPairing() == Pairing::Half;
  if (!isHalf && 2 * pairs < b.lanes())
    return oneByOne();
  auto byVectors = [&] {
    SmallVector<Value, 2> angle = op.ropeIndices(b, r);
    Value row = source.denseRow(b, b.add(op.getRow(), r), columns);
    Value cos = tableRow(op.getRope()[0], angle), sin = tableRow(op.getRope()[1], angle);
    isHalf ? rotateHalves(row, cos, sin, destination, to) : rotateNeighbours(row, cos, sin, destination, to);
    if (columns > 2 * pairs)
      b.chunks(columns - 2 * pairs, [&](Value c, int64_t width) {
        Value column = b.add(c, 2 * pairs);
        b.storeLeading(b.loadLeading(row, {b.index(0), column}, width), destination, {to, column}, width);
      });
  };
  b.when(dense, byVectors, oneByOne);
}
