// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "AdditiveScores.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

#include <limits>

using namespace mlir;
using namespace fovea;
using namespace fovea::attn;

namespace {

constexpr float kLargestArgument = 11;
constexpr float kLargestWeight = 0x1p40f; // times e^44 it is finite
constexpr float kInfinity = std::numeric_limits<float>::infinity();

Value isSmall(VectorEmitter &b, Value x, Value limit) {
  return arith::CmpFOp::create(b, arith::CmpFPredicate::OLE, x, limit);
}

/// e^2x; 2x is exact.
Value expOfTwice(VectorEmitter &b, Value x) { return b.exp(b.addf(x, x)); }

/// 1 - 2 / (1 + e^2x), exactly 1 and -1 at the ends; a NaN stays.
Value tanh(VectorEmitter &b, Value x) {
  Value quotient = arith::DivFOp::create(b, b.splat(2), b.addf(expOfTwice(b, x), b.splat(1)));
  return b.subf(b.splat(1), quotient);
}

/// 1 / x for x in [1, e^88]: the target may refine an estimate, which takes a fraction of a division's time.
Value reciprocal(VectorEmitter &b, Value x) {
  return arith::DivFOp::create(b, b.splat(1), x, arith::FastMathFlags::arcp);
}

} // namespace

AdditiveScores::AdditiveScores(VectorEmitter &b, UpdateOp op, Value query, Value key)
    : b(b), op(op), query(query), key(key), columns(op.getQuery().getType().getColumns()),
      even(llvm::alignTo(columns, 2)) {
  int64_t keyRows = op.getKey().getType().getRows();
  halves = b.buffer({even});
  queries = b.buffer({even, b.schedule.getPanel()});
  keys = b.buffer({keyRows, even});
  largestOfKeys = b.buffer({keyRows});
  readWeights();
  exponentiateKeys();
}

void AdditiveScores::readWeights() {
  Values zero = {b.real(0), b.real(0)};
  Values sums = b.loop(b.index(0), b.index(columns), 1, zero, [&](Value d, ValueRange running) {
    Value weight = b.load(op.getAdditive(), {op.getHead(), d});
    b.store(b.mulf(weight, b.real(-2)), halves, d);
    Value size = math::AbsFOp::create(b, weight);
    return Values{b.addf(running[0], weight), arith::MaximumFOp::create(b, running[1], size)}; // a NaN stays
  });
  if (even != columns)
    b.store(b.real(0), halves, b.index(columns));
  total = sums[0];
  largestWeight = sums[1];
}

/// A column past the last makes a = 1, and its weight is 0: what the key has there does not matter.
void AdditiveScores::exponentiateKeys() {
  Value weightsSmall = isSmall(b, largestWeight, b.real(kLargestWeight));
  int64_t whole = columns / b.lanes() * b.lanes();
  auto chunk = [&](Value k, Value d, Value largest, int64_t count) {
    Value x = b.loadLeading(key, {k, d}, count);
    b.storeLeading(expOfTwice(b, x), keys, {k, d}, llvm::alignTo(count, 2));
    return b.larger(math::AbsFOp::create(b, x), largest); // a NaN is no reason: it stays one either way
  };
  b.loop(b.roundUp(op.getValidKeys(), b.schedule.getMicroKeys()), [&](Value k) {
    Values largest = {b.splat(0)};
    if (whole != 0)
      largest = b.loop(b.index(0), b.index(whole), b.lanes(), largest,
                       [&](Value d, ValueRange so) -> Values { return {chunk(k, d, so[0], b.lanes())}; });
    if (whole != columns)
      largest = {chunk(k, b.index(whole), largest[0], columns - whole)};
    Value most = vector::ReductionOp::create(b, vector::CombiningKind::MAXNUMF, largest[0]);
    b.store(arith::SelectOp::create(b, weightsSmall, most, b.real(kInfinity)), largestOfKeys, k);
  });
}

void AdditiveScores::enterPanel(Value entered) {
  panel = entered;
  Values zero(b.vectorsPerPanel(), b.splat(0));
  Values largest = b.loop(b.index(0), b.index(columns), 1, zero, [&](Value d, ValueRange running) {
    Values next;
    for (int64_t c = 0; c < b.vectorsPerPanel(); ++c) {
      Value x = b.loadVector(query, {panel, d, lane(c)});
      b.storeVector(expOfTwice(b, x), queries, {d, lane(c)});
      next.push_back(b.larger(math::AbsFOp::create(b, x), running[c]));
    }
    return next;
  });
  for (int64_t c = 0; c < b.vectorsPerPanel() && even != columns; ++c)
    b.storeVector(b.splat(0), queries, {b.index(columns), lane(c)});
  smallRows.clear();
  for (Value most : largest)
    smallRows.push_back(isSmall(b, most, b.splat(kLargestArgument)));
  Value all = b.reduce(smallRows, [&](Value x, Value y) { return b.both(x, y); });
  allRowsSmall = vector::ReductionOp::create(b, vector::CombiningKind::AND, all);
}

Values AdditiveScores::at(Value k) {
  SmallVector<Type> types(b.vectorsPerPanel(), b.vectorType());
  Value keySmall = isSmall(b, b.load(largestOfKeys, k), b.real(kLargestArgument));
  auto mixed = [&] {
    Values direct = byTanh(k);
    auto choose = [&] {
      Values result = byQuotients(k);
      for (auto [fast, slow, small] : llvm::zip_equal(result, direct, smallRows))
        fast = arith::SelectOp::create(b, small, fast, slow);
      return result;
    };
    return b.choose(keySmall, types, choose, [&] { return direct; });
  };
  return b.choose(b.both(keySmall, allRowsSmall), types, [&] { return byQuotients(k); }, mixed);
}

Values AdditiveScores::byQuotients(Value k) {
  Values zero(b.vectorsPerPanel(), b.splat(0));
  Values sums = b.loop(b.index(0), b.index(even), 2, zero, [&](Value d, ValueRange running) {
    Value next = b.add(d, 1), one = b.splat(1);
    Value ofKey[] = {b.broadcast(b.load(keys, {k, d})), b.broadcast(b.load(keys, {k, next}))};
    Value half[] = {b.broadcast(b.load(halves, d)), b.broadcast(b.load(halves, next))};
    Values result;
    for (int64_t c = 0; c < b.vectorsPerPanel(); ++c) {
      Value first = b.fma(b.loadVector(queries, {d, lane(c)}), ofKey[0], one);
      Value second = b.fma(b.loadVector(queries, {next, lane(c)}), ofKey[1], one);
      Value both = b.fma(half[0], second, b.mulf(half[1], first));
      result.push_back(b.fma(both, reciprocal(b, b.mulf(first, second)), running[c]));
    }
    return result;
  });
  for (Value &sum : sums)
    sum = b.addf(sum, b.broadcast(total));
  return sums;
}

Values AdditiveScores::byTanh(Value k) {
  Values zero(b.vectorsPerPanel(), b.splat(0));
  return b.loop(b.index(0), b.index(columns), 1, zero, [&](Value d, ValueRange running) {
    Value ofKey = b.broadcast(b.load(key, {k, d}));
    Value weight = b.broadcast(b.load(op.getAdditive(), {op.getHead(), d}));
    Values next;
    for (int64_t c = 0; c < b.vectorsPerPanel(); ++c)
      next.push_back(b.fma(weight, tanh(b, b.addf(b.loadVector(query, {panel, d, lane(c)}), ofKey)), running[c]));
    return next;
  });
}
