// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// QK-norm on the way in: g x / sqrt(mean(x^2) + epsilon), a row at a time.
#include "NormalizeTile.h"

#include "../Common/NormalizeRow.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fovea;

RowNormalizer::RowNormalizer(VectorEmitter &b, attn::LoadTileOp op) : b(b), op(op), source(b, op) {
  dense = b.both(source.isUnit(), hasUnitRows(b, op.getNorm()));
}

Value RowNormalizer::sumOfSquares(Value row) {
  int64_t columns = op.getSourceColumns(), whole = columns - columns % b.lanes();
  VectorType type = b.vectorType(b.getF64Type());
  auto add = [&](Value sums, Value column, int64_t width) -> Value {
    Value x = arith::ExtFOp::create(b, type, b.loadLeading(row, {b.index(0), column}, width));
    return b.addf(sums, b.mulf(x, x));
  };
  Value sums = arith::ConstantOp::create(b, DenseElementsAttr::get(type, 0.0));
  if (whole != 0)
    sums = b.loop(b.index(0), b.index(whole), b.lanes(), sums,
                  [&](Value column, ValueRange sums) -> Values { return {add(sums[0], column, b.lanes())}; })[0];
  if (whole != columns)
    sums = add(sums, b.index(whole), columns - whole);
  return vector::ReductionOp::create(b, vector::CombiningKind::ADD, sums, arith::FastMathFlags::reassoc);
}

void RowNormalizer::normalize(Value r, Value destination, Value to) {
  auto byVectors = [&] {
    Value row = source.at(r), zero = b.index(0);
    Value gains = denseRow(b, op.getNorm(), {});
    Value inverse = b.broadcast(inverseRms(b, op, sumOfSquares(row)));
    b.chunks(op.getSourceColumns(), [&](Value c, int64_t width) {
      Value x = b.mulf(b.loadLeading(row, {zero, c}, width), inverse);
      b.storeLeading(b.mulf(x, b.loadLeading(gains, {zero, c}, width)), destination, {to, c}, width);
    });
  };
  auto oneByOne = [&] {
    Loops loops(b.getLoc(), b);
    normalizeRow(loops, op, sourceRow(loops, op, r),
                 [&](Value element, Value column) { loops.store(element, destination, {to, column}); });
  };
  b.when(dense, byVectors, oneByOne);
}
