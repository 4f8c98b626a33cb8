// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "VectorEmitter.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fovea;

// Addresses never wrap, which lets the code generator fold them.
static constexpr auto kNoWrap = arith::IntegerOverflowFlags::nsw | arith::IntegerOverflowFlags::nuw;

Value VectorEmitter::add(Value a, Value b) { return createOrFold<arith::AddIOp>(a, b, kNoWrap); }
Value VectorEmitter::sub(Value a, Value b) { return createOrFold<arith::SubIOp>(a, b); }
Value VectorEmitter::mul(Value a, int64_t b) { return createOrFold<arith::MulIOp>(a, index(b), kNoWrap); }

Value VectorEmitter::negate(Value flag) {
  return arith::XOrIOp::create(*this, flag, arith::ConstantIntOp::create(*this, 1, 1));
}

Value VectorEmitter::roundUp(Value a, int64_t unit) {
  return createOrFold<arith::MulIOp>(createOrFold<arith::DivUIOp>(add(a, unit - 1), index(unit)), index(unit));
}

Value VectorEmitter::splat(float value) {
  return arith::ConstantOp::create(*this, DenseElementsAttr::get(vectorType(), value));
}

Value VectorEmitter::broadcast(Value scalar) {
  return createOrFold<vector::BroadcastOp>(vectorType(scalar.getType()), scalar);
}

Value VectorEmitter::fma(Value a, Value b, Value c) { return vector::FMAOp::create(*this, a, b, c); }

Value VectorEmitter::larger(Value a, Value b) {
  return arith::SelectOp::create(*this, arith::CmpFOp::create(*this, arith::CmpFPredicate::OGT, a, b), a, b);
}

Value VectorEmitter::smaller(Value a, Value b) {
  return arith::SelectOp::create(*this, arith::CmpFOp::create(*this, arith::CmpFPredicate::OLT, a, b), a, b);
}

Values VectorEmitter::multiplyAdd(ValueRange sums, int64_t columns, function_ref<Value(int64_t)> row,
                                  function_ref<Value(int64_t)> column) {
  Values loaded, next;
  for (int64_t c = 0; c < columns; ++c)
    loaded.push_back(column(c));
  for (int64_t i = 0; next.size() < sums.size(); ++i) {
    Value same = broadcast(row(i));
    for (int64_t c = 0; c < columns; ++c)
      next.push_back(fma(same, loaded[c], sums[next.size()]));
  }
  return next;
}

Value VectorEmitter::reduce(Values values, function_ref<Value(Value, Value)> combine) {
  while (values.size() > 1) {
    Values next;
    for (size_t i = 0; i + 1 < values.size(); i += 2)
      next.push_back(combine(values[i], values[i + 1]));
    if (values.size() % 2)
      next.push_back(values.back());
    values = std::move(next);
  }
  return values.front();
}

// x = n + f, |f| <= 1/2: 2^x = 2^n p(f). Adding the magic number 1.5 * 2^23 rounds to an integer in the low mantissa
// bits; with the exponent bias added to it, shifting them up by 23 gives the bits of 2^n, and 0 for n = -127. The
// constant term of p is exactly 1: were it fitted, every block would rescale an unchanged accumulator by it. The
// remaining coefficients are a minimax fit, relative error 9.2e-8. Multiplying by 2^n, not adding to the exponent,
// keeps every NaN a NaN.
static constexpr float kMagic = 12582912.0f + 127.0f;

static Value powerOfTwo(VectorEmitter &b, Value fraction, Value shifted) {
  constexpr float kCoefficients[] = {0.0013264727f, 0.0096715130f, 0.0555073358f, 0.2402224243f, 0.6931470037f, 1.0f};
  Value polynomial = b.splat(kCoefficients[0]);
  for (float coefficient : ArrayRef(kCoefficients).drop_front())
    polynomial = b.fma(polynomial, fraction, b.splat(coefficient));
  VectorType bits = b.vectorType(b.getI32Type());
  Value exponent = arith::ShLIOp::create(b, arith::BitcastOp::create(b, bits, shifted),
                                         arith::ConstantOp::create(b, DenseElementsAttr::get(bits, int32_t(23))));
  return b.mulf(polynomial, arith::BitcastOp::create(b, b.vectorType(), exponent));
}

Value VectorEmitter::exp2(Value x) {
  Value clamped = larger(splat(-127.0f), x); // a NaN in x stays
  Value shifted = addf(clamped, splat(kMagic));
  return powerOfTwo(*this, subf(clamped, subf(shifted, splat(kMagic))), shifted);
}

// The fraction is what the whole powers of two leave of x itself: a product x log2(e) would round off more, the larger
// x is. n = 128 makes the bits of infinity.
Value VectorEmitter::exp(Value x) {
  constexpr float kLog2E = 1.44269504f, kLn2 = 0.693147181f;
  Value clamped = smaller(splat(88.8f), larger(splat(-88.02969f), x)); // a NaN in x stays
  Value shifted = fma(clamped, splat(kLog2E), splat(kMagic));
  Value whole = subf(shifted, splat(kMagic));
  Value rest = fma(whole, splat(-kLn2), clamped);
  return powerOfTwo(*this, mulf(rest, splat(kLog2E)), shifted);
}

Value VectorEmitter::buffer(ArrayRef<int64_t> shape) {
  return memref::AllocOp::create(*this, MemRefType::get(shape, getF32Type()));
}

Value VectorEmitter::load(Value memref, ValueRange indices) { return memref::LoadOp::create(*this, memref, indices); }

void VectorEmitter::store(Value value, Value memref, ValueRange indices) {
  memref::StoreOp::create(*this, value, memref, indices);
}

Value VectorEmitter::loadVector(Value memref, ValueRange indices) {
  return vector::LoadOp::create(*this, vectorType(), memref, indices);
}

void VectorEmitter::storeVector(Value vector, Value memref, ValueRange indices) {
  vector::StoreOp::create(*this, vector, memref, indices);
}

Value VectorEmitter::leading(int64_t count) {
  SmallVector<bool> mask(lanes(), false);
  std::fill_n(mask.begin(), count, true);
  return arith::ConstantOp::create(*this, DenseElementsAttr::get(vectorType(getI1Type()), ArrayRef<bool>(mask)));
}

Value VectorEmitter::loadLeading(Value memref, ValueRange indices, int64_t count) {
  if (count >= lanes())
    return loadVector(memref, indices);
  return vector::MaskedLoadOp::create(*this, vectorType(), memref, indices, leading(count), splat(0));
}

void VectorEmitter::storeLeading(Value vector, Value memref, ValueRange indices, int64_t count) {
  if (count >= lanes())
    return storeVector(vector, memref, indices);
  vector::MaskedStoreOp::create(*this, memref, indices, leading(count), vector);
}

void VectorEmitter::chunks(int64_t size, function_ref<void(Value, int64_t)> body) {
  if (size <= lanes())
    return body(index(0), size);
  loop(index(0), index(size), lanes(),
       [&](Value start) { body(size % lanes() == 0 ? start : min(start, index(size - lanes())), lanes()); });
}

void VectorEmitter::loop(Value begin, Value end, int64_t step, function_ref<void(Value)> body) {
  auto op = scf::ForOp::create(*this, begin, end, index(step));
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(op.getBody());
  body(op.getInductionVar());
}

Values VectorEmitter::loop(Value begin, Value end, int64_t step, ValueRange initial,
                           function_ref<Values(Value, ValueRange)> body) {
  auto op = scf::ForOp::create(*this, begin, end, index(step), initial);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(op.getBody());
  Values next = body(op.getInductionVar(), op.getRegionIterArgs());
  scf::YieldOp::create(*this, next);
  return Values(op.getResults());
}

void VectorEmitter::when(Value condition, function_ref<void()> yes, function_ref<void()> no) {
  auto op = scf::IfOp::create(*this, condition, /*withElseRegion=*/static_cast<bool>(no));
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(op.thenBlock());
  yes();
  if (!no)
    return;
  setInsertionPointToStart(op.elseBlock());
  no();
}

Values VectorEmitter::choose(Value condition, TypeRange types, function_ref<Values()> yes, function_ref<Values()> no) {
  auto op = scf::IfOp::create(*this, types, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(op.thenBlock());
  Values result = yes();
  scf::YieldOp::create(*this, result);
  setInsertionPointToStart(op.elseBlock());
  result = no();
  scf::YieldOp::create(*this, result);
  return Values(op.getResults());
}

Value fovea::hasUnitRows(VectorEmitter &b, Value memref) {
  Value stride = memref::ExtractStridedMetadataOp::create(b, memref).getStrides().back();
  return b.compare(arith::CmpIPredicate::eq, stride, b.index(1));
}

Value fovea::denseRow(VectorEmitter &b, Value memref, ValueRange indices) {
  int64_t columns = cast<MemRefType>(memref.getType()).getShape().back();
  auto metadata = memref::ExtractStridedMetadataOp::create(b, memref);
  Value offset = metadata.getOffset();
  for (auto [index, stride] : llvm::zip(indices, metadata.getStrides())) // strides may be negative
    offset = arith::AddIOp::create(b, offset, arith::MulIOp::create(b, index, stride));
  auto layout = StridedLayoutAttr::get(b.getContext(), ShapedType::kDynamic, {columns, 1});
  auto type = MemRefType::get({1, columns}, b.getF32Type(), layout);
  return memref::ReinterpretCastOp::create(b, type, metadata.getBaseBuffer(), OpFoldResult(offset),
                                           ArrayRef<OpFoldResult>{b.getIndexAttr(1), b.getIndexAttr(columns)},
                                           ArrayRef<OpFoldResult>{b.getIndexAttr(columns), b.getIndexAttr(1)});
}

StridedRows::StridedRows(VectorEmitter &b, Value memref, Value batch, Value head) {
  auto metadata = memref::ExtractStridedMetadataOp::create(b, memref);
  base = metadata.getBaseBuffer();
  offset = metadata.getConstifiedMixedOffset().dyn_cast<Value>();
  if (!offset)
    offset = metadata.getOffset();
  auto step = [&](Value position, Value stride) { return Value(arith::MulIOp::create(b, position, stride)); };
  ValueRange strides = metadata.getStrides();
  // Strides may be negative: plain arithmetic, without promises about wrapping.
  offset = arith::AddIOp::create(b, offset, arith::AddIOp::create(b, step(batch, strides[0]), step(head, strides[1])));
  rowStride = strides[2];
  columnStride = strides[3];
}

Value StridedRows::isUnit(VectorEmitter &b, int64_t columns) const {
  if (columns == 1)
    return arith::ConstantIntOp::create(b, 1, 1);
  return b.compare(arith::CmpIPredicate::eq, columnStride, b.index(1));
}

Value StridedRows::rowOffset(VectorEmitter &b, Value row) const {
  return arith::AddIOp::create(b, offset, arith::MulIOp::create(b, row, rowStride));
}

Value StridedRows::denseRow(VectorEmitter &b, Value row, int64_t columns) const {
  auto layout = StridedLayoutAttr::get(b.getContext(), ShapedType::kDynamic, {columns, 1});
  auto type = MemRefType::get({1, columns}, b.getF32Type(), layout);
  return memref::ReinterpretCastOp::create(b, type, base, OpFoldResult(rowOffset(b, row)),
                                           ArrayRef<OpFoldResult>{b.getIndexAttr(1), b.getIndexAttr(columns)},
                                           ArrayRef<OpFoldResult>{b.getIndexAttr(columns), b.getIndexAttr(1)});
}
