// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The error bound, comparing against it, and row sampling.
#include "Fixture.h"
#include "fovea/Reference/Float16.h"

using namespace fovea::reference;

namespace {

Output scalar(double value, double bound) { return {HostTensor::of<double>(DType::F64, {1}, {value}), {bound}, -1}; }
double ratio(double want, double bound, float got) {
  return compare(scalar(want, bound), HostTensor::of<float>(DType::F32, {1}, {got})).maxRatio;
}

TEST(Compare, countsInBounds) {
  EXPECT_EQ(ratio(1, 0.5, 1.25f), 0.5);
  EXPECT_EQ(ratio(1, 0.5, 2.f), 2);
  EXPECT_EQ(ratio(NAN, 0.5, NAN), 0);
  EXPECT_EQ(ratio(INFINITY, 0.5, INFINITY), 0);
  EXPECT_EQ(ratio(-INFINITY, 0.5, -INFINITY), 0);
}

TEST(Compare, nonFiniteInTheWrongPlaceIsInfinitelyWrong) {
  EXPECT_EQ(ratio(1, 0.5, NAN), INFINITY);
  EXPECT_EQ(ratio(NAN, 0.5, 1), INFINITY);
  EXPECT_EQ(ratio(-INFINITY, 0.5, 0), INFINITY);
  EXPECT_EQ(ratio(INFINITY, 0.5, -INFINITY), INFINITY);
}

TEST(Compare, skipsWhatWasNotEvaluated) {
  Output output{HostTensor::of<double>(DType::F64, {3}, {1, 0, 4}), {0.5, -1, 0.5}, -1};
  Comparison result = compare(output, HostTensor::of<float>(DType::F32, {3}, {1, 99, 4.25f}));
  EXPECT_EQ(result.compared, 2);
  EXPECT_EQ(result.worst, 2);
  EXPECT_EQ(result.maxRatio, 0.5);
  EXPECT_EQ(result.got, 4.25);
  EXPECT_EQ(result.want, 4);
}

TEST(Compare, countsWhatHasNoBound) {
  Output output{HostTensor::of<double>(DType::F64, {2}, {1, 4}), {INFINITY, 0.5}, -1};
  Comparison result = compare(output, HostTensor::of<float>(DType::F32, {2}, {NAN, 4.25f}));
  EXPECT_EQ(result.compared, 1);
  EXPECT_EQ(result.unbounded, 1);
  EXPECT_EQ(result.worst, 1);
  EXPECT_EQ(result.maxRatio, 0.5);
}

struct BoundTest : ReferenceTest {
  static constexpr const char *kPlain =
      R"(func.func @f(%q: tensor<1x1x?x4xf32>, %k: tensor<1x1x?x4xf32>) -> tensor<1x1x?x4xf32> {
      %o = attn.attention %q, %k, %k : (tensor<1x1x?x4xf32>, tensor<1x1x?x4xf32>, tensor<1x1x?x4xf32>) -> tensor<1x1x?x4xf32>
      return %o : tensor<1x1x?x4xf32>
    })";
};

TEST_F(BoundTest, isTheFormula) {
  // Scores 0.5 * 4 = 2 and 0; weights p and 1 - p.
  auto evaluation =
      evaluate(kPlain, {floats({1, 1, 1, 4}, {1, 1, 1, 1}), floats({1, 1, 2, 4}, {1, 1, 1, 1, -3, 1, 1, 1})});
  ASSERT_TRUE(succeeded(evaluation)) << error;
  double p = 1 / (1 + std::exp(-2.0));
  double relative = 4 * 0x1p-24 * (std::sqrt(2.0) + std::sqrt(4.0) * 2 + 1);
  EXPECT_NEAR(evaluation->outputs[0].bound[0] / (relative * (p + 3 * (1 - p))), 1, 1e-12);
  EXPECT_NEAR(evaluation->outputs[0].bound[1] / relative, 1, 1e-12);
}

TEST_F(BoundTest, adds16BitRounding) {
  auto evaluation = evaluate(R"(func.func @f(%q: tensor<1x1x1x4xbf16>) -> tensor<1x1x1x4xbf16> {
      %o = attn.attention %q, %q, %q : (tensor<1x1x1x4xbf16>, tensor<1x1x1x4xbf16>, tensor<1x1x1x4xbf16>) -> tensor<1x1x1x4xbf16>
      return %o : tensor<1x1x1x4xbf16>
    })",
                             {std::make_shared<HostTensor>(HostTensor::of<BFloat16>(
                                 DType::BF16, {1, 1, 1, 4}, {BFloat16(1), BFloat16(1), BFloat16(1), BFloat16(-3)}))});
  ASSERT_TRUE(succeeded(evaluation)) << error;
  EXPECT_EQ(evaluation->outputs[0].value.floatAt(3), -3);
  double relative = 4 * (0x1p-24 * (1 + 2 * 6) + 2 * 0x1p-8); // s = 0.5 * 12; weights and output are bf16
  EXPECT_NEAR(evaluation->outputs[0].bound[3] / (relative * 3), 1, 1e-12);
}

TEST(Float16, RoundsToTheNearestEven) {
  auto half = [](float value) { return double(Float16(value)); };
  auto bfloat = [](float value) { return double(BFloat16(value)); };
  EXPECT_EQ(half(1 + 0x1p-11f), 1);
  EXPECT_EQ(half(1 + 3 * 0x1p-11f), 1 + 0x1p-9);
  EXPECT_EQ(half(65519), 65504);
  EXPECT_EQ(half(65520), INFINITY);
  EXPECT_EQ(half(-0x1p-24f), -0x1p-24);
  EXPECT_EQ(half(0x1p-25f), 0);
  EXPECT_EQ(half(3 * 0x1p-25f), 0x1p-23);
  EXPECT_EQ(half(0x1p-14f), 0x1p-14);
  EXPECT_TRUE(std::isnan(half(NAN)));
  EXPECT_EQ(bfloat(1 + 0x1p-8f), 1);
  EXPECT_EQ(bfloat(1 + 3 * 0x1p-8f), 1 + 0x1p-6);
  EXPECT_EQ(bfloat(-INFINITY), -INFINITY);
  EXPECT_EQ(bfloat(3.4e38f), INFINITY);
  EXPECT_TRUE(std::isnan(bfloat(NAN)));
}

TEST(Float16, ReadsEveryNumberThatItWrites) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    Float16 half;
    half.bits = uint16_t(bits);
    if (!std::isnan(double(half))) {
      ASSERT_EQ(Float16(float(double(half))).bits, bits);
    }
    BFloat16 bfloat;
    bfloat.bits = uint16_t(bits);
    if (!std::isnan(double(bfloat))) {
      ASSERT_EQ(BFloat16(float(double(bfloat))).bits, bits);
    }
  }
}

TEST_F(BoundTest, allowsForCancellation) {
  // s = 0.5 (100 - 100), but |q| |k| = 200: rounding of the products remains.
  auto evaluation = evaluate(kPlain, {floats({1, 1, 1, 4}, {10, 10, 0, 0}), floats({1, 1, 1, 4}, {10, -10, 0, 0})});
  ASSERT_TRUE(succeeded(evaluation)) << error;
  EXPECT_NEAR(evaluation->outputs[0].bound[0] / (4 * 0x1p-24 * (1 + 0.5 * 200 + 1) * 10), 1, 1e-12);
}

TEST_F(BoundTest, isInfiniteWhereFloatOverflows) {
  auto evaluation = evaluate(kPlain, {floats({1, 1, 1, 4}, {1e30f, 0, 0, 0}), floats({1, 1, 1, 4}, {1e30f, 0, 0, 0})});
  ASSERT_TRUE(succeeded(evaluation)) << error;
  EXPECT_EQ(evaluation->outputs[0].bound[0], INFINITY);
}

TEST_F(BoundTest, samplesRowsWithBothEnds) {
  EvaluationOptions options;
  options.maxMultiplyAdds = 3 * (10 * 8); // three rows of ten keys
  auto evaluation = evaluate(
      kPlain, {floats({1, 1, 10, 4}, std::vector<float>(40, 1)), floats({1, 1, 10, 4}, std::vector<float>(40, 1))},
      options);
  ASSERT_TRUE(succeeded(evaluation)) << error;
  EXPECT_EQ(evaluation->rows, 10);
  EXPECT_EQ(evaluation->evaluatedRows, 3);
  for (int row = 0; row < 10; ++row)
    EXPECT_EQ(evaluation->outputs[0].bound[row * 4] >= 0, row == 0 || row == 4 || row == 9) << row;
}

TEST_F(BoundTest, countsVisiblePairs) {
  mlir::func::FuncOp function =
      parse(R"(func.func @f(%q: tensor<2x4x?x8xf32>, %k: tensor<2x2x?x8xf32>) -> tensor<2x4x?x8xf32> {
      %o = attn.attention %q, %k, %k mask (%b, %h, %i, %j) {
        %c = arith.cmpi sge, %i, %j : index
        attn.yield %c : i1
      } : (tensor<2x4x?x8xf32>, tensor<2x2x?x8xf32>, tensor<2x2x?x8xf32>) -> tensor<2x4x?x8xf32>
      return %o : tensor<2x4x?x8xf32>
    })");
  auto zeros = [](llvm::ArrayRef<int64_t> shape) {
    return std::make_shared<HostTensor>(HostTensor::zeros(DType::F32, shape));
  };
  auto work = countWork(function, {zeros({2, 4, 300, 8}), zeros({2, 2, 300, 8})});
  ASSERT_TRUE(succeeded(work)) << error;
  EXPECT_TRUE(work->exact);
  EXPECT_EQ(work->pairs, 2 * 4 * 300 * 301 / 2.0);
  EXPECT_EQ(work->flops, work->pairs * 2 * 16);
  work = countWork(function, {zeros({2, 4, 301, 8}), zeros({2, 2, 301, 8})}, /*maxPairs=*/301 * 7);
  EXPECT_FALSE(work->exact);
  EXPECT_EQ(work->pairs, 2 * 4 * 301 * 302 / 2.0) << "evenly spaced rows of a triangle";
}

} // namespace
