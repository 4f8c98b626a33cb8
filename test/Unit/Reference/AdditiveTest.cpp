// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Additive scores: a weight times the tanh of a sum, computed by hand.
#include "Fixture.h"

using namespace fovea::reference;

namespace {

struct AdditiveReference : ReferenceTest {
  static constexpr const char *kTwoHeads =
      R"(func.func @f(%q: tensor<1x2x1x2xf32>, %k: tensor<1x1x?x2xf32>, %w: tensor<?x2xf32>)
          -> (tensor<1x2x1x2xf32>, tensor<1x2x1xf32>) {
      %o:2 = attn.attention %q, %k, %k additive(%w) scale -0.5
        : (tensor<1x2x1x2xf32>, tensor<1x1x?x2xf32>, tensor<1x1x?x2xf32>, tensor<?x2xf32>) -> (tensor<1x2x1x2xf32>, tensor<1x2x1xf32>)
      return %o#0, %o#1 : tensor<1x2x1x2xf32>, tensor<1x2x1xf32>
    })";
  TensorRef query = floats({1, 2, 1, 2}, {1, -2, 0.5, INFINITY}), key = floats({1, 1, 2, 2}, {3, 4, -1, 2});
  TensorRef weight = floats({2, 2}, {1, 5, -3, 0.25});
};

TEST_F(AdditiveReference, isTheFormula) {
  auto out = outputs(kTwoHeads, {query, key, weight});
  double first = -0.5 * (std::tanh(4.0) + 5 * std::tanh(2.0)), second = -0.5 * (std::tanh(0.0) + 5 * std::tanh(0.0));
  double third = -0.5 * (-3 * std::tanh(3.5) + 0.25), fourth = -0.5 * (-3 * std::tanh(-0.5) + 0.25);
  expectNear(out[1], {std::log(std::exp(first) + std::exp(second)), std::log(std::exp(third) + std::exp(fourth))});
  double p = 1 / (1 + std::exp(second - first));
  EXPECT_NEAR(out[0][0], 3 * p - (1 - p), 1e-12);
}

TEST_F(AdditiveReference, isOffByTwoEpsilonOfEachWeight) {
  // Both heads see equal sums: size 0.5 (tanh 0 + ...) is below what the weights allow for.
  auto evaluation = evaluate(kTwoHeads, {floats({1, 2, 1, 2}, {0, 0, 0, 0}), floats({1, 1, 1, 2}, {0, 1}), weight});
  ASSERT_TRUE(succeeded(evaluation)) << error;
  EXPECT_NEAR(evaluation->outputs[0].bound[1] / (4 * 0x1p-24 * (1 + 0.5 * 2 * (1 + 5) + 1)), 1, 1e-12);
  EXPECT_NEAR(evaluation->outputs[0].bound[3] / (4 * 0x1p-24 * (1 + 0.5 * 2 * (3 + 0.25) + 1)), 1, 1e-12);
}

TEST_F(AdditiveReference, countsFourMultiplyAddsForAColumn) {
  mlir::func::FuncOp function = parse(kTwoHeads);
  auto work = countWork(function, {query, key, weight});
  ASSERT_TRUE(succeeded(work)) << error;
  EXPECT_EQ(work->pairs, 4);
  EXPECT_EQ(work->flops, 4 * 2 * (4 * 2 + 2));
  EXPECT_TRUE(work->additive);
}

TEST_F(AdditiveReference, refusesWeightsOfOtherHeads) {
  EXPECT_TRUE(failed(evaluate(kTwoHeads, {query, key, floats({1, 2}, {1, 1})})));
  EXPECT_EQ(error, "additive [1, 2] does not fit 2 query heads");
}

} // namespace
