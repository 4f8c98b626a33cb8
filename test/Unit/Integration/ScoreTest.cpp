// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The order of scale, score and mask; extreme scales and magnitudes; denormals.
#include "Problems.h"

#include <cmath>

using namespace fovea::test;

namespace {

Spec smallSpec(const std::string &problemName) {
  Spec spec;
  spec.keySize = spec.valueSize = 16;
  return withProblem(spec, problem(problemName));
}

void multiply(HostTensor &tensor, float factor) {
  for (int64_t k = 0; k < tensor.size(); ++k)
    tensor.data<float>()[k] *= factor;
}

/// A cap after the mask would turn -inf into -cap: hidden keys would weigh something.
TEST(ScoreOrder, SoftcapComesBeforeTheMask) {
  Spec spec = smallSpec("softcap");
  Random random(1);
  std::vector<TensorRef> inputs = normalInputs(spec, {1, 2, 1, 100, 100}, random);
  expectRight(spec, inputs);
  const Kernel &kernel = compiled(moduleText(spec));
  Call call(kernel, inputs, {{1, 2, 100, 16}, {1, 2, 100}});
  ASSERT_TRUE(execute(call));
  HostTensor out = call.output(0);
  for (int64_t d = 0; d < 16; ++d) // the first row sees the first key only
    EXPECT_EQ(out.floatAt(d), inputs[2]->floatAt(d));
}

TEST(ScoreOrder, ScaleComesBeforeTheScore) {
  for (const char *scale : {"2.0", "0.01"}) {
    Spec spec = smallSpec("softcap");
    spec.scale = scale;
    Random random(2);
    expectRight(spec, normalInputs(spec, {1, 2, 1, 60, 70}, random));
  }
}

struct Scale : testing::TestWithParam<std::tuple<std::string, std::string>> {};

TEST_P(Scale, ZeroNegativeTinyAndLarge) {
  Spec spec = smallSpec(std::get<0>(GetParam()));
  spec.scale = std::get<1>(GetParam());
  Random random(3);
  expectRight(spec, inputsOf(spec, problem(std::get<0>(GetParam())), {2, 2, 1, 90, 140}, random));
}

INSTANTIATE_TEST_SUITE_P(Scores, Scale,
                         testing::Combine(testing::Values("none", "window", "alibi"),
                                          testing::Values("0.0", "-0.0", "-0.25", "-3.0", "1.0e-30", "1.0e-45",
                                                          "1.0e-300", "20.0")),
                         [](const testing::TestParamInfo<std::tuple<std::string, std::string>> &info) {
                           std::string name = std::get<0>(info.param) + "_" + std::to_string(info.index % 8);
                           return name;
                         });

/// Scores of about 1e4, far beyond what exp takes: only differences from the maximum count.
TEST(Magnitude, ScoresOfTenThousand) {
  for (const char *name : {"none", "causal", "alibi"}) {
    Spec spec = smallSpec(name);
    spec.scale = "1.0";
    Random random(4);
    std::vector<TensorRef> inputs = inputsOf(spec, problem(name), {1, 2, 1, 90, 140}, random);
    multiply(*inputs[0], 50);
    multiply(*inputs[1], 50);
    expectRight(spec, inputs);
  }
}

/// One common factor of 1e4 in all scores, differences of order 1.
TEST(Magnitude, ScoresNearTenThousandThatDifferLittle) {
  for (float sign : {1.0f, -1.0f}) {
    Spec spec = smallSpec("none");
    spec.scale = "1.0";
    Random random(5);
    std::vector<TensorRef> inputs = normalInputs(spec, {1, 1, 1, 70, 140}, random);
    for (int operand : {0, 1})
      for (int64_t at = 0; at < inputs[operand]->size(); at += 16)
        inputs[operand]->data<float>()[at] = operand ? 100 * sign : 100;
    expectRight(spec, inputs);
  }
}

TEST(Magnitude, ValuesNearTheLargestFloat) {
  Spec spec = smallSpec("causal");
  Random random(6);
  std::vector<TensorRef> inputs = normalInputs(spec, {1, 1, 1, 60, 60}, random);
  multiply(*inputs[2], 1e37f);
  expectRight(spec, inputs);
}

TEST(Denormals, InEveryInput) {
  Spec spec = smallSpec("window");
  for (int operand : {0, 1, 2}) {
    SCOPED_TRACE(operand);
    Random random(7);
    std::vector<TensorRef> inputs = inputsOf(spec, problem("window"), {1, 2, 1, 70, 80}, random);
    multiply(*inputs[operand], 1e-40f);
    expectRight(spec, inputs);
  }
}

/// A weight below the smallest normal number, times a value that makes it count.
TEST(Denormals, TinyWeightsOfLargeValues) {
  Spec spec = smallSpec("none");
  spec.scale = "1.0";
  Random random(8);
  std::vector<TensorRef> inputs = normalInputs(spec, {1, 1, 1, 40, 60}, random);
  multiply(*inputs[0], 4);
  multiply(*inputs[1], 2);
  multiply(*inputs[2], 1e30f);
  expectRight(spec, inputs);
}

} // namespace
