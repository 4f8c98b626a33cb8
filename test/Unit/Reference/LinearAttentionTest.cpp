// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linear attention of the reference, a recurrence, against its sum over pairs of tokens:
// o_t = sum_{s <= t} <q_t, e^{g_{s+1} + ... + g_t} k_s> v_s, divided by the same sum without v.
#include "Fixture.h"

#include <cstring>

using namespace fovea::reference;

namespace {

constexpr int64_t kTokens = 7, kKeys = 3, kValues = 2;

TensorRef someNumbers(llvm::ArrayRef<int64_t> shape, double first) {
  auto tensor = std::make_shared<HostTensor>(HostTensor::zeros(DType::F32, shape));
  for (int64_t k = 0; k < tensor->size(); ++k)
    tensor->data<float>()[k] = float(std::sin(first + 1.7 * double(k)));
  return tensor;
}

/// Two query heads of one kv head, a decay per channel and an initial state.
std::string text(const std::string &clauses, int64_t columns) {
  std::string state = "tensor<1x1x3x" + std::to_string(columns) + "xf32>";
  return "func.func @main(%q: tensor<1x2x7x3xf32>, %k: tensor<1x1x7x3xf32>, %v: tensor<1x1x7x2xf32>,\n"
         "    %g: tensor<1x1x7x3xf32>, %s: " +
         state + ") -> (tensor<1x2x7x2xf32>, " + state + ") {\n  %o:2 = attn.linear_attention %q, %k, %v " + clauses +
         " feature (%x) {\n    %y = arith.mulf %x, %x : f32\n    attn.yield %y : f32\n  } : (tensor<1x2x7x3xf32>, "
         "tensor<1x1x7x3xf32>, tensor<1x1x7x2xf32>, tensor<1x1x7x3xf32>, " +
         state + ") -> (tensor<1x2x7x2xf32>, " + state + ")\n  return %o#0, %o#1 : tensor<1x2x7x2xf32>, " + state +
         "\n}\n";
}

struct LinearReference : ReferenceTest {
  TensorRef q = someNumbers({1, 2, kTokens, kKeys}, 0), k = someNumbers({1, 1, kTokens, kKeys}, 1),
            v = someNumbers({1, 1, kTokens, kValues}, 2), g = someNumbers({1, 1, kTokens, kKeys}, 3);

  /// sum over tokens s <= t, and the initial state, of <q_t, decayed k_s> value(s).
  double sum(int64_t head, int64_t t, llvm::function_ref<double(int64_t s)> value,
             llvm::function_ref<double(int64_t d)> initial) {
    double total = 0;
    for (int64_t d = 0; d < kKeys; ++d) {
      double query = q->floatAt((head * kTokens + t) * kKeys + d), decayed = 1;
      for (int64_t s = t; s >= 0; --s) {
        double key = k->floatAt(s * kKeys + d);
        total += query * query * decayed * key * key * value(s);
        decayed *= std::exp(g->floatAt(s * kKeys + d));
      }
      total += query * query * decayed * initial(d);
    }
    return total;
  }
};

TEST_F(LinearReference, IsTheSumOverPairs) {
  TensorRef state = someNumbers({1, 1, kKeys, kValues}, 4);
  auto out = outputs(text("decay %g initial_state %s scale 0.5", kValues), {q, k, v, g, state});
  ASSERT_EQ(out.size(), 2u);
  for (int64_t head = 0; head < 2; ++head)
    for (int64_t t = 0; t < kTokens; ++t)
      for (int64_t c = 0; c < kValues; ++c) {
        double expected = sum(
            head, t, [&](int64_t s) { return v->floatAt(s * kValues + c); },
            [&](int64_t d) { return state->floatAt(d * kValues + c); });
        EXPECT_NEAR(out[0][(head * kTokens + t) * kValues + c], 0.5 * expected, 1e-12);
      }
}

TEST_F(LinearReference, DividesByTheSameSumWithoutValues) {
  TensorRef state = someNumbers({1, 1, kKeys, kValues + 1}, 4);
  auto out = outputs(text("decay %g initial_state %s normalizer <qz> epsilon 0.25", kValues + 1), {q, k, v, g, state});
  ASSERT_EQ(out.size(), 2u);
  for (int64_t t = 0; t < kTokens; ++t)
    for (int64_t c = 0; c < kValues; ++c) {
      double above = sum(
          1, t, [&](int64_t s) { return v->floatAt(s * kValues + c); },
          [&](int64_t d) { return state->floatAt(d * (kValues + 1) + c); });
      double below = sum(
          1, t, [](int64_t) { return 1.0; }, [&](int64_t d) { return state->floatAt(d * (kValues + 1) + kValues); });
      EXPECT_NEAR(out[0][(kTokens + t) * kValues + c], above / (below + 0.25), 1e-12);
    }
}

/// The last token's output is a product with the final state.
TEST_F(LinearReference, TheFinalStateIsWhatTheLastTokenReads) {
  TensorRef state = someNumbers({1, 1, kKeys, kValues}, 4);
  auto out = outputs(text("decay %g initial_state %s", kValues), {q, k, v, g, state});
  ASSERT_EQ(out.size(), 2u);
  for (int64_t c = 0; c < kValues; ++c) {
    double expected = 0;
    for (int64_t d = 0; d < kKeys; ++d) {
      double query = q->floatAt((kTokens - 1) * kKeys + d);
      expected += query * query * out[1][d * kValues + c];
    }
    EXPECT_NEAR(out[0][(kTokens - 1) * kValues + c], expected, 1e-12);
  }
}

/// The delta rule as a product of matrices: S_t = (I - beta_t k_t k_t^T) diag(e^{g_t}) S_{t-1} + beta_t k_t v_t^T.
TEST_F(LinearReference, TheDeltaRuleIsAProductOfReflections) {
  TensorRef state = someNumbers({1, 1, kKeys, kValues}, 4), beta = someNumbers({1, 1, kTokens}, 5);
  auto out = outputs("func.func @main(%q: tensor<1x2x7x3xf32>, %k: tensor<1x1x7x3xf32>, %v: tensor<1x1x7x2xf32>, "
                     "%g: tensor<1x1x7x3xf32>, %s: tensor<1x1x3x2xf32>, %b: tensor<1x1x7xf32>)\n"
                     "    -> (tensor<1x2x7x2xf32>, tensor<1x1x3x2xf32>) {\n"
                     "  %o:2 = attn.linear_attention %q, %k, %v decay %g initial_state %s beta %b rule <delta>\n"
                     "    : (tensor<1x2x7x3xf32>, tensor<1x1x7x3xf32>, tensor<1x1x7x2xf32>, tensor<1x1x7x3xf32>, "
                     "tensor<1x1x3x2xf32>, tensor<1x1x7xf32>) -> (tensor<1x2x7x2xf32>, tensor<1x1x3x2xf32>)\n"
                     "  return %o#0, %o#1 : tensor<1x2x7x2xf32>, tensor<1x1x3x2xf32>\n}\n",
                     {q, k, v, g, state, beta});
  ASSERT_EQ(out.size(), 2u);
  double S[kKeys][kValues];
  for (int64_t d = 0; d < kKeys; ++d)
    for (int64_t c = 0; c < kValues; ++c)
      S[d][c] = state->floatAt(d * kValues + c);
  for (int64_t t = 0; t < kTokens; ++t) {
    double next[kKeys][kValues] = {};
    for (int64_t d = 0; d < kKeys; ++d)
      for (int64_t c = 0; c < kValues; ++c) {
        double b = beta->floatAt(t), key = k->floatAt(t * kKeys + d);
        next[d][c] = b * key * v->floatAt(t * kValues + c);
        for (int64_t e = 0; e < kKeys; ++e) {
          double reflection = (d == e) - b * key * k->floatAt(t * kKeys + e);
          next[d][c] += reflection * std::exp(g->floatAt(t * kKeys + e)) * S[e][c];
        }
      }
    std::memcpy(S, next, sizeof(S));
    for (int64_t head = 0; head < 2; ++head)
      for (int64_t c = 0; c < kValues; ++c) {
        double expected = 0;
        for (int64_t d = 0; d < kKeys; ++d)
          expected += q->floatAt((head * kTokens + t) * kKeys + d) * S[d][c];
        EXPECT_NEAR(out[0][(head * kTokens + t) * kValues + c], expected, 1e-12);
      }
  }
  for (int64_t d = 0; d < kKeys; ++d)
    for (int64_t c = 0; c < kValues; ++c)
      EXPECT_NEAR(out[1][d * kValues + c], S[d][c], 1e-12);
}

/// <z> and <norm_z> against pairs of tokens: every column of the state is divided by its own sum of keys.
TEST_F(LinearReference, DividesEachColumnByItsSumOfKeys) {
  TensorRef state = someNumbers({1, 1, kKeys, kValues + 1}, 4);
  for (bool isNorm : {false, true}) {
    std::string normalizer = isNorm ? "norm_z" : "z";
    auto out = outputs(text("decay %g initial_state %s normalizer <" + normalizer + "> epsilon 0.25", kValues + 1),
                       {q, k, v, g, state});
    ASSERT_EQ(out.size(), 2u);
    for (int64_t t = 0; t < kTokens; ++t) {
      double squares = 0;
      for (int64_t d = 0; d < kKeys; ++d)
        squares += std::pow(q->floatAt(t * kKeys + d), 4) / kKeys;
      for (int64_t c = 0; c < kValues; ++c) {
        double expected = 0;
        for (int64_t d = 0; d < kKeys; ++d) {
          double above = 0, below = 0, decayed = 1;
          for (int64_t s = t; s >= 0; --s) {
            double key = std::pow(k->floatAt(s * kKeys + d), 2) * decayed;
            above += key * v->floatAt(s * kValues + c);
            below += key;
            decayed *= std::exp(g->floatAt(s * kKeys + d));
          }
          above += decayed * state->floatAt(d * (kValues + 1) + c);
          below += decayed * state->floatAt(d * (kValues + 1) + kValues);
          expected += std::pow(q->floatAt(t * kKeys + d), 2) * above / (below + 0.25);
        }
        expected /= isNorm ? std::sqrt(squares + 0.25) : 1;
        EXPECT_NEAR(out[0][t * kValues + c], expected, 1e-9 * std::max(1.0, std::fabs(expected)));
      }
    }
  }
}

/// <norm> is <none>, every output divided by its root mean square.
TEST_F(LinearReference, NormalizesOutputs) {
  TensorRef state = someNumbers({1, 1, kKeys, kValues}, 4);
  auto plain = outputs(text("decay %g initial_state %s", kValues), {q, k, v, g, state});
  auto out = outputs(text("decay %g initial_state %s normalizer <norm> epsilon 0.25", kValues), {q, k, v, g, state});
  ASSERT_EQ(out.size(), 2u);
  for (size_t row = 0; row < plain[0].size(); row += kValues) {
    double squares = 0;
    for (int64_t c = 0; c < kValues; ++c)
      squares += plain[0][row + c] * plain[0][row + c] / kValues;
    for (int64_t c = 0; c < kValues; ++c)
      EXPECT_NEAR(out[0][row + c], plain[0][row + c] / std::sqrt(squares + 0.25), 1e-12);
  }
  EXPECT_EQ(out[1], plain[1]);
}

} // namespace
