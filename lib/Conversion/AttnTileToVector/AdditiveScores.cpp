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

constexpr int64_t kGroup = 4; // columns that share a division
constexpr float kLargestDenominator = 0x1p31f;
constexpr float kLarge = 43; // e^86 is finite, e^-86 a normal number
constexpr float kHugeWeight = 0x1p20f;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

Value atMost(VectorEmitter &b, Value x, Value limit) {
  return arith::CmpFOp::create(b, arith::CmpFPredicate::OLE, x, limit);
}

Value largestLane(VectorEmitter &b, Value x) {
  return vector::ReductionOp::create(b, vector::CombiningKind::MAXNUMF, x);
}

/// A NaN in x is no reason to avoid the exponential, which keeps it.
Value largerSize(VectorEmitter &b, Value x, Value than) { return b.larger(math::AbsFOp::create(b, x), than); }

/// e^2x; 2x is exact.
Value expOfTwice(VectorEmitter &b, Value x) { return b.exp(b.addf(x, x)); }

/// 1 - 2 / (1 + e^2x), exactly 1 and -1 at the ends; a NaN stays.
Value tanh(VectorEmitter &b, Value x) {
  Value quotient = arith::DivFOp::create(b, b.splat(2), b.addf(expOfTwice(b, x), b.splat(1)));
  return b.subf(b.splat(1), quotient);
}

struct Fraction {
  Value numerator, denominator;
};

Fraction add(VectorEmitter &b, const Fraction &x, const Fraction &y) {
  return {b.fma(x.numerator, y.denominator, b.mulf(y.numerator, x.denominator)), b.mulf(x.denominator, y.denominator)};
}

/// A division of 16 lanes takes 16 cycles of an Intel core, more than all else of a group; a refined estimate does not.
/// arcp allows it, ninf because the estimate of a reciprocal of infinity would become NaN. Of narrower vectors a
/// division is as fast.
Value quotient(VectorEmitter &b, const Fraction &x) {
  auto flags = b.lanes() < 16 ? arith::FastMathFlags::none : arith::FastMathFlags::arcp | arith::FastMathFlags::ninf;
  return arith::DivFOp::create(b, x.numerator, x.denominator, flags);
}

} // namespace

AdditiveScores::AdditiveScores(VectorEmitter &b, UpdateOp op, Value query, Value key)
    : b(b), op(op), query(query), key(key), columns(op.getQuery().getType().getColumns()),
      padded(llvm::alignTo(columns, kGroup)) {
  int64_t keyRows = op.getKey().getType().getRows(), width = b.schedule.getPanel();
  numerators = b.buffer({padded});
  queries = b.buffer({padded, width});
  keys = b.buffer({keyRows, padded});
  largestOfKeys = b.buffer({keyRows});
  readWeights();
  exponentiateKeys();
}

void AdditiveScores::readWeights() {
  Values zero = {b.real(0), b.real(0)};
  Values sums = b.loop(b.index(0), b.index(columns), 1, zero, [&](Value d, ValueRange running) {
    Value weight = b.load(op.getAdditive(), {op.getHead(), d});
    b.store(b.mulf(weight, b.real(-2)), numerators, d);
    Value size = math::AbsFOp::create(b, weight);
    return Values{b.addf(running[0], weight), arith::MaximumFOp::create(b, running[1], size)}; // a NaN stays
  });
  for (int64_t d = columns; d < padded; ++d)
    b.store(b.real(0), numerators, b.index(d));
  total = sums[0];
  largestWeight = sums[1];
}

void AdditiveScores::exponentiateKeys() {
  Value isUsual = atMost(b, largestWeight, b.real(kHugeWeight));
  int64_t whole = columns / b.lanes() * b.lanes();
  auto chunk = [&](Value k, Value d, Value largest, int64_t count) {
    Value x = b.loadLeading(key, {k, d}, count);
    b.storeLeading(expOfTwice(b, x), keys, {k, d}, count);
    return largerSize(b, x, largest);
  };
  b.loop(b.roundUp(op.getValidKeys(), b.schedule.getMicroKeys()), [&](Value k) {
    Values largest = {b.splat(0)};
    if (whole != 0)
      largest = b.loop(b.index(0), b.index(whole), b.lanes(), largest,
                       [&](Value d, ValueRange so) -> Values { return {chunk(k, d, so[0], b.lanes())}; });
    if (whole != columns)
      largest = {chunk(k, b.index(whole), largest[0], columns - whole)};
    for (int64_t d = columns; d < padded; ++d)
      b.store(b.real(0), keys, {k, b.index(d)});
    b.store(arith::SelectOp::create(b, isUsual, largestLane(b, largest[0]), b.real(kInfinity)), largestOfKeys, k);
  });
}

void AdditiveScores::enterPanel(Value entered, Value rows) {
  panel = entered;
  isOneVector = b.compare(arith::CmpIPredicate::ule, rows, b.index(b.lanes()));
  Values zero(b.vectorsPerPanel(), b.splat(0));
  largestOfRows = b.loop(b.index(0), b.index(columns), 1, zero, [&](Value d, ValueRange largest) {
    Values next;
    for (int64_t c = 0; c < b.vectorsPerPanel(); ++c) {
      Value x = b.loadVector(query, {panel, d, lane(c)});
      b.storeVector(expOfTwice(b, x), queries, {d, lane(c)});
      next.push_back(largerSize(b, x, largest[c]));
    }
    return next;
  });
  for (int64_t d = columns; d < padded; ++d)
    for (int64_t c = 0; c < b.vectorsPerPanel(); ++c)
      b.storeVector(b.splat(0), queries, {b.index(d), lane(c)});
  largestOfAll = largestLane(b, b.reduce(largestOfRows, [&](Value x, Value y) { return b.larger(x, y); }));
}

Value AdditiveScores::isUsualKey(Value k) { return atMost(b, b.load(largestOfKeys, k), b.real(kLarge)); }

Values AdditiveScores::at(Value k) {
  SmallVector<Type> types(b.vectorsPerPanel(), b.vectorType());
  Value isUsual = b.both(isUsualKey(k), atMost(b, largestOfAll, b.real(kLarge)));
  auto many = [&] { return byFractions(k, b.vectorsPerPanel()); };
  auto few = [&] {
    Values result = byFractions(k, 1);
    result.resize(b.vectorsPerPanel(), b.splat(0));
    return result;
  };
  auto fractions = [&] { return b.vectorsPerPanel() == 1 ? many() : b.choose(isOneVector, types, few, many); };
  return b.choose(isUsual, types, fractions, [&] { return mixed(k); });
}

Values AdditiveScores::mixed(Value k) {
  Values direct = byTanh(k);
  auto someRows = [&] {
    Values result = byFractions(k, b.vectorsPerPanel());
    for (auto [score, other, largest] : llvm::zip_equal(result, direct, largestOfRows))
      score = arith::SelectOp::create(b, atMost(b, largest, b.splat(kLarge)), score, other);
    return result;
  };
  SmallVector<Type> types(b.vectorsPerPanel(), b.vectorType());
  return b.choose(isUsualKey(k), types, someRows, [&] { return direct; });
}

/// Two columns at a time for all vectors, which share the broadcasts, so that few registers are needed at once.
Values AdditiveScores::byFractions(Value k, int64_t vectors) {
  struct Column {
    Value at, ofKey, numerator;
  };
  auto column = [&](Value d) -> Column {
    return {d, b.broadcast(b.load(keys, {k, d})), b.broadcast(b.load(numerators, d))};
  };
  auto fraction = [&](const Column &own, int64_t c) -> Fraction {
    Value denominator = b.fma(b.loadVector(queries, {own.at, lane(c)}), own.ofKey, b.splat(1));
    return {own.numerator, b.smaller(b.splat(kLargestDenominator), denominator)}; // a NaN stays
  };
  Values zero(vectors, b.splat(0));
  Values sums = b.loop(b.index(0), b.index(padded), kGroup, zero, [&](Value d, ValueRange running) {
    SmallVector<Fraction> left;
    Column first = column(d), second = column(b.add(d, 1));
    for (int64_t c = 0; c < vectors; ++c)
      left.push_back(add(b, fraction(first, c), fraction(second, c)));
    first = column(b.add(d, 2)), second = column(b.add(d, 3));
    Values next;
    for (int64_t c = 0; c < vectors; ++c) {
      Fraction right = add(b, fraction(first, c), fraction(second, c));
      next.push_back(b.addf(running[c], quotient(b, add(b, left[c], right))));
    }
    return next;
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
