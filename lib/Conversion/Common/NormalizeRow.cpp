// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "NormalizeRow.h"

using namespace mlir;

static Value real64(ImplicitLocOpBuilder &b, double value) {
  return arith::ConstantFloatOp::create(b, b.getF64Type(), APFloat(value));
}

Value fovea::inverseRms(ImplicitLocOpBuilder &b, attn::LoadTileOp op, Value squares) {
  Value mean = arith::DivFOp::create(b, squares, real64(b, static_cast<double>(op.getSourceColumns())));
  Value shifted = arith::AddFOp::create(b, mean, real64(b, op.getEpsilon()->convertToDouble()));
  Value inverse = arith::DivFOp::create(b, real64(b, 1), math::SqrtOp::create(b, shifted));
  return arith::TruncFOp::create(b, b.getF32Type(), inverse);
}

void fovea::normalizeRow(Loops &b, attn::LoadTileOp op, LoadElement load, StoreElement store) {
  Value columns = b.index(op.getSourceColumns());
  Value squares = b.fold(columns, real64(b, 0), [&](Value c, Value sum) {
    Value x = arith::ExtFOp::create(b, b.getF64Type(), load(c));
    return b.add(sum, b.mul(x, x));
  });
  Value inverse = inverseRms(b, op, squares);
  b.loop(columns, [&](Value c) { store(b.mul(b.mul(load(c), inverse), b.load(op.getNorm(), c)), c); });
}
