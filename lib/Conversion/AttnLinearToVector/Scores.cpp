// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of the tokens of a chunk with each other: A of queries with keys, M of keys with keys.
#include "Chunk.h"

#include <numeric>

using namespace mlir;
using namespace fovea;

void ChunkEmitter::prepareKeys() {
  if (decay != Decay::PerChannel)
    return transpose(k, op.getValid(), b.index(0));
  b.loop(b.index(0), op.getValid(), blockRows, [&](Value first) {
    Value end = b.min(b.add(first, blockRows), op.getValid());
    scaleKeysTowards(first, end);
    transpose(scaled, end, blockOf(first));
  });
}

void ChunkEmitter::emitScores(Value source, Value to, bool isStrict) {
  if (decay == Decay::PerChannel)
    scaleRowsFrom(source);
  Value from = decay == Decay::PerChannel ? scaled : source;
  int64_t count = b.schedule.getMicroKeys();
  SmallVector<int32_t> iota(b.lanes());
  std::iota(iota.begin(), iota.end(), 0);
  VectorType integers = b.vectorType(b.getI32Type());
  Value lanes = arith::ConstantOp::create(b, DenseElementsAttr::get(integers, ArrayRef<int32_t>(iota)));
  auto asInteger = [&](Value x) { return Value(arith::IndexCastOp::create(b, b.getI32Type(), x)); };
  auto isSeen = isStrict ? arith::CmpIPredicate::slt : arith::CmpIPredicate::sle;
  b.loop(b.index(0), b.roundUp(op.getValid(), count), count, [&](Value i) {
    Value block = decay == Decay::PerChannel ? blockOf(i) : b.index(0);
    b.loop(b.index(0), b.add(i, count), b.schedule.getPanel(), [&](Value j) {
      Values sums = outer(
          zeros(count), b.index(0), b.index(keyColumns), count,
          [&](int64_t x, Value d) { return b.load(from, {b.add(i, x), d}); },
          [&](int64_t c, Value d) { return b.loadVector(kTransposed, {block, d, b.add(j, lane(c))}); });
      for (int64_t x = 0; x < count; ++x)
        for (int64_t c = 0; c < b.vectorsPerPanel(); ++c) {
          Value token = b.add(i, x), key = b.add(j, lane(c)), product = sums[x * b.vectorsPerPanel() + c];
          if (decay == Decay::PerToken)
            product = b.mulf(product, keptBetween(token, key));
          Value keys = arith::AddIOp::create(b, b.broadcast(asInteger(key)), lanes);
          Value seen = b.compare(isSeen, keys, b.broadcast(asInteger(token)));
          b.storeVector(arith::SelectOp::create(b, seen, product, b.splat(0)), to, {token, key});
        }
    });
  });
  if (decay == Decay::PerChannel)
    emitScoresNearDiagonal(source, to, isStrict);
}
