// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "RotateRow.h"

using namespace mlir;
using fovea::attn::Pairing;

void fovea::rotateRow(Loops &b, attn::LoadTileOp op, Value r, function_ref<void(Value, Value)> store) {
  int64_t pairs = op.getRopePairs(), columns = op.getTile().getType().getColumns();
  bool isHalf = op.getPairing() == Pairing::Half;
  Value row = arith::AddIOp::create(b, op.getRow(), r);
  SmallVector<Value, 2> angle = op.ropeIndices(b, r);
  auto load = [&](Value column) { return b.load(op.getSource(), {op.getBatch(), op.getHead(), row, column}); };
  auto plus = [&](Value a, int64_t c) { return arith::AddIOp::create(b, a, b.index(c)).getResult(); };
  b.loop(b.index(pairs), [&](Value f) {
    angle.push_back(f);
    Value cos = b.load(op.getRope()[0], angle), sin = b.load(op.getRope()[1], angle);
    angle.pop_back();
    Value low = isHalf ? f : arith::MulIOp::create(b, f, b.index(2)).getResult();
    Value high = plus(low, isHalf ? pairs : 1);
    Value x = load(low), y = load(high);
    store(b.sub(b.mul(x, cos), b.mul(y, sin)), low);
    store(b.add(b.mul(y, cos), b.mul(x, sin)), high);
  });
  b.loop(b.index(columns - 2 * pairs), [&](Value c) {
    Value column = plus(c, 2 * pairs);
    store(load(column), column);
  });
}
