// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "RotateRow.h"

using namespace mlir;
using fovea::attn::Pairing;

void fovea::rotateRow(Loops &b, attn::LoadTileOp op, Value r, LoadElement load, StoreElement store) {
  int64_t pairs = op.getRopePairs(), columns = op.getSourceColumns(), first = op.getFirstColumn();
  bool isHalf = op.getPairing() == Pairing::Half;
  SmallVector<Value, 2> angle = op.ropeIndices(b, r);
  auto plus = [&](Value a, int64_t c) { return arith::AddIOp::create(b, a, b.index(c)).getResult(); };
  b.loop(b.index(pairs), [&](Value f) {
    angle.push_back(f);
    Value cos = b.load(op.getRope()[0], angle), sin = b.load(op.getRope()[1], angle);
    angle.pop_back();
    Value low = plus(isHalf ? f : arith::MulIOp::create(b, f, b.index(2)).getResult(), first);
    Value high = plus(low, isHalf ? pairs : 1);
    Value x = load(low), y = load(high);
    store(b.sub(b.mul(x, cos), b.mul(y, sin)), low);
    store(b.add(b.mul(y, cos), b.mul(x, sin)), high);
  });
  auto copy = [&](int64_t begin, int64_t end) {
    b.loop(b.index(end - begin), [&](Value c) {
      Value column = plus(c, begin);
      store(load(column), column);
    });
  };
  copy(0, first);
  copy(first + 2 * pairs, columns);
}
