// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Softmax.h"

#include "fovea/Dialect/Attn/Utils/InlineRegion.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>

using namespace mlir;
using namespace fovea;

static constexpr float kNegativeInfinity = -std::numeric_limits<float>::infinity();
static constexpr double kLog2E = 1.44269504088896340736, kLn2 = 0.693147180559945309417;

State State::empty(WarpEmitter &b, int64_t columns) {
  Values values(columns / kFragmentColumns * kFragmentValues, b.real(0));
  values.append(2, b.real(kNegativeInfinity));
  values.append(2, b.real(0));
  return State(values);
}

/// The maximum of products is that of scores only under a positive factor.
Softmax::Softmax(attn::AttentionOp op)
    : op(op), isDeferred(!op.hasScore() && op.getEffectiveScale() > 0), scale(float(op.getEffectiveScale())),
      exponent(float(isDeferred ? op.getEffectiveScale() * kLog2E : kLog2E)) {}

Values Softmax::scores(WarpEmitter &b, const Thread &thread, const Place &place, Values products) const {
  attn::AttentionOp attention = op;
  Purpose purpose(b, "scores");
  Value key = b.add(place.key, b.toIndex(b.mul(b.rem(thread.lane, 4), 2)));
  auto keyOf = [&](size_t k) { return b.add(key, int64_t(k / kFragmentValues * kFragmentColumns + k % 2)); };
  auto rowOf = [&](size_t k) { return place.rows[k % kFragmentValues / 2]; };
  auto headOf = [&](size_t k) { return place.heads[k % kFragmentValues / 2]; };
  for (auto [k, score] : llvm::enumerate(products)) {
    if (!isDeferred)
      score = b.mulf(score, b.real(scale));
    if (attention.hasScore())
      score = attn::inlineRegion(b, attention.getScore(), {score, place.batch, headOf(k), rowOf(k), keyOf(k)});
  }
  auto asked = [&] {
    Values result;
    for (auto [k, score] : llvm::enumerate(products)) {
      Value visible = b.less(keyOf(k), place.keys);
      if (attention.hasMask())
        visible =
            b.both(visible, attn::inlineRegion(b, attention.getMask(), {place.batch, headOf(k), rowOf(k), keyOf(k)}));
      result.push_back(b.select(visible, score, b.real(kNegativeInfinity)));
    }
    return result;
  };
  SmallVector<Type> types(products.size(), b.getF32Type());
  return b.choose(place.masked, types, asked, [&] { return products; });
}

/// -inf - (-inf) is NaN: a row that has seen nothing subtracts 0 instead, and its weights are 2^-inf = 0.
static Value referenceOf(WarpEmitter &b, Value maximum) {
  return b.select(b.equals(maximum, kNegativeInfinity), b.real(0), maximum);
}

Value Softmax::decay(WarpEmitter &b, Value maximum, Value larger) const {
  return b.exp2(b.mulf(arith::SubFOp::create(b, maximum, referenceOf(b, larger)), b.real(exponent)));
}

void Softmax::rescale(WarpEmitter &b, Values &acc, Value alpha, int64_t row) {
  for (size_t k = 2 * row; k < acc.size(); k += kFragmentValues)
    for (size_t pair = 0; pair < 2; ++pair)
      acc[k + pair] = b.mulf(acc[k + pair], alpha);
}

Softmax::Update Softmax::update(WarpEmitter &b, ValueRange scores, State &state) const {
  Purpose purpose(b, "softmax");
  Update result{Values(scores), {}};
  for (int64_t row = 0; row < 2; ++row) {
    Value maximum = state.maximum[row];
    for (size_t k = 2 * row; k < scores.size(); k += kFragmentValues)
      for (size_t pair = 0; pair < 2; ++pair)
        maximum = b.maxf(maximum, scores[k + pair]);
    for (int64_t lane : {1, 2}) // the four lanes that share a row
      maximum = b.maxf(maximum, b.shuffleXor(maximum, lane));
    Value reference = referenceOf(b, maximum), factor = b.real(exponent);
    Value alpha = b.exp2(b.mulf(arith::SubFOp::create(b, state.maximum[row], reference), factor));
    Value shift = arith::NegFOp::create(b, b.mulf(reference, factor));
    Value sum = b.mulf(state.sum[row], alpha);
    for (size_t k = 2 * row; k < scores.size(); k += kFragmentValues)
      for (size_t pair = 0; pair < 2; ++pair) {
        result.weights[k + pair] = b.exp2(b.fma(scores[k + pair], factor, shift));
        sum = b.addf(sum, result.weights[k + pair]);
      }
    rescale(b, state.acc, alpha, row);
    result.alpha[row] = alpha;
    state.maximum[row] = maximum;
    state.sum[row] = sum;
  }
  return result;
}

Softmax::Row Softmax::finalize(WarpEmitter &b, const State &state, int64_t row) const {
  Value sum = state.sum[row];
  for (int64_t lane : {1, 2})
    sum = b.addf(sum, b.shuffleXor(sum, lane));
  // ln l + m, both by way of base 2: ln 2 (log2 l) + (exponent ln 2) m
  Value log = b.mulf(math::Log2Op::create(b, sum), b.real(float(kLn2)));
  Value lse = b.fma(state.maximum[row], b.real(float(isDeferred ? double(scale) : 1.0)), log);
  return {sum, b.select(b.equals(sum, 0), b.real(kNegativeInfinity), lse)};
}
