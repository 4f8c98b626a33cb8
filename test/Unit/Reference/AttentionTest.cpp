// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attentions small enough to be computed by hand.
#include "Fixture.h"

using namespace fovea::reference;

namespace {

constexpr float kNaN = NAN, kInf = INFINITY;

struct AttentionTest : ReferenceTest {
  /// One head, queries [Nq, 1], keys and values [Nk, 1], scale 1; output and log-sum-exp.
  static std::string oneHead(const std::string &regions) {
    return R"(func.func @f(%q: tensor<1x1x?x1xf32>, %k: tensor<1x1x?x1xf32>, %v: tensor<1x1x?x1xf32>)
                  -> (tensor<1x1x?x1xf32>, tensor<1x1x?xf32>) {
      %o:2 = attn.attention %q, %k, %v scale 1.0 )" +
           regions + R"( : (tensor<1x1x?x1xf32>, tensor<1x1x?x1xf32>, tensor<1x1x?x1xf32>)
                        -> (tensor<1x1x?x1xf32>, tensor<1x1x?xf32>)
      return %o#0, %o#1 : tensor<1x1x?x1xf32>, tensor<1x1x?xf32>
    })";
  }
  static TensorRef column(llvm::ArrayRef<float> values) { return floats({1, 1, int64_t(values.size()), 1}, values); }
  static constexpr const char *kCausal = R"(mask (%b, %h, %i, %j) {
      %c = arith.cmpi sge, %i, %j : index
      attn.yield %c : i1
    })";
};

TEST_F(AttentionTest, averagesByTheSoftmax) {
  auto out = outputs(oneHead(""), {column({1, 0}), column({0, float(M_LN2)}), column({3, 6})});
  // exp of the scores: 1 and 2 for the first row, 1 and 1 for the second.
  EXPECT_NEAR(out[0][0], (3 + 2 * 6) / 3.0, 1e-7);
  EXPECT_NEAR(out[0][1], 4.5, 1e-12);
}

TEST_F(AttentionTest, logSumExpIsNatural) {
  auto out = outputs(oneHead(""), {column({0}), column({5, 7, 9}), column({1, 1, 1})});
  expectNear(out[1], {std::log(3.0)});
}

TEST_F(AttentionTest, defaultScaleIsTheRootOfTheHeadSize) {
  auto out = outputs(
      R"(func.func @f(%q: tensor<1x1x1x4xf32>, %k: tensor<1x1x2x4xf32>) -> (tensor<1x1x1x4xf32>, tensor<1x1x1xf32>) {
      %o:2 = attn.attention %q, %k, %k : (tensor<1x1x1x4xf32>, tensor<1x1x2x4xf32>, tensor<1x1x2x4xf32>)
        -> (tensor<1x1x1x4xf32>, tensor<1x1x1xf32>)
      return %o#0, %o#1 : tensor<1x1x1x4xf32>, tensor<1x1x1xf32>
    })",
      {floats({1, 1, 1, 4}, {2, 0, 0, 0}), floats({1, 1, 2, 4}, {1, 0, 0, 0, 3, 0, 0, 0})});
  expectNear(out[1], {std::log(std::exp(1.0) + std::exp(3.0))});
}

TEST_F(AttentionTest, masksByAbsolutePosition) {
  auto out = outputs(oneHead(kCausal), {column({0, 0, 0}), column({0, 0, 0}), column({1, 2, 6})});
  expectNear(out[0], {1, 1.5, 3});
  expectNear(out[1], {0, std::log(2.0), std::log(3.0)});
}

TEST_F(AttentionTest, rowsThatSeeNothing) {
  auto out = outputs(oneHead(R"(mask (%b, %h, %i, %j) {
      %c = arith.cmpi sgt, %i, %j : index
      attn.yield %c : i1
    })"),
                     {column({1, 1}), column({1, 1}), column({5, kNaN})});
  expectNear(out[0], {0, 5});
  expectNear({out[1][1]}, {1});
  EXPECT_EQ(out[1][0], -INFINITY);
}

TEST_F(AttentionTest, noKeysAtAll) {
  auto out = outputs(oneHead(""), {column({1, 2}), column({}), column({})});
  expectNear(out[0], {0, 0});
  EXPECT_EQ(out[1], std::vector<double>(2, -INFINITY));
}

TEST_F(AttentionTest, maskedNaNDoesNotLeak) {
  auto out = outputs(oneHead(kCausal), {column({1, 1}), column({1, kNaN}), column({5, kInf})});
  EXPECT_EQ(out[0][0], 5);
  EXPECT_TRUE(std::isnan(out[0][1]));
}

TEST_F(AttentionTest, visibleNaNAndInfPropagate) {
  auto out = outputs(oneHead(""), {column({1}), column({1, 1}), column({5, kNaN})});
  EXPECT_TRUE(std::isnan(out[0][0]));
  EXPECT_FALSE(std::isnan(out[1][0])) << "the log-sum-exp does not look at values";
  out = outputs(oneHead(""), {column({1}), column({1, 1}), column({5, kInf})});
  EXPECT_EQ(out[0][0], INFINITY);
  out = outputs(oneHead(""), {column({1}), column({1, kInf}), column({5, 5})});
  EXPECT_TRUE(std::isnan(out[0][0])) << "exp(inf - inf)";
}

TEST_F(AttentionTest, aBiasOfMinusInfinityHidesEverythingLikeAMask) {
  auto out = outputs(oneHead(R"(score (%s, %b, %h, %i, %j) {
      %t = arith.constant 0xFF800000 : f32
      attn.yield %t : f32
    })"),
                     {column({1}), column({1, 1}), column({5, 5})});
  EXPECT_EQ(out[0][0], 0);
  EXPECT_EQ(out[1][0], -INFINITY);
}

TEST_F(AttentionTest, softcapComesBeforeTheMask) {
  auto out = outputs(oneHead(R"(score (%s, %b, %h, %i, %j) {
      %cap = arith.constant 2.0 : f32
      %x = arith.divf %s, %cap : f32
      %y = math.tanh %x : f32
      %t = arith.mulf %y, %cap : f32
      attn.yield %t : f32
    })" + std::string(kCausal)),
                     {column({1, 1}), column({3, 100}), column({1, 2})});
  double a = 2 * std::tanh(1.5), b = 2 * std::tanh(50.0);
  expectNear(out[1], {a, std::log(std::exp(a) + std::exp(b))});
}

TEST_F(AttentionTest, longRowsCrossBlocks) {
  std::vector<float> zeros(1000), values(1000);
  for (int j = 0; j < 1000; ++j)
    values[j] = float(j);
  auto out = outputs(oneHead(kCausal), {column(zeros), column(zeros), column(values)});
  for (int i : {0, 255, 256, 257, 511, 512, 999})
    EXPECT_NEAR(out[0][i], i / 2.0, 1e-9);
}

TEST_F(AttentionTest, groupedHeadsReadTheirKvHead) {
  auto out = outputs(R"(func.func @f(%q: tensor<1x4x1x1xf32>, %k: tensor<1x2x1x1xf32>) -> tensor<1x4x1x1xf32> {
      %o = attn.attention %q, %k, %k : (tensor<1x4x1x1xf32>, tensor<1x2x1x1xf32>, tensor<1x2x1x1xf32>) -> tensor<1x4x1x1xf32>
      return %o : tensor<1x4x1x1xf32>
    })",
                     {floats({1, 4, 1, 1}, {1, 1, 1, 1}), floats({1, 2, 1, 1}, {10, 20})});
  expectNear(out[0], {10, 10, 20, 20});
}

TEST_F(AttentionTest, layoutBnhdWithPerHeadScore) {
  // One key; the output is its value. Head 1 adds log 2 to the score, seen in the log-sum-exp, which stays [B, H, N].
  auto out = outputs(R"(func.func @f(%q: tensor<1x3x2x1xf32>, %k: tensor<1x1x2x1xf32>, %bias: tensor<2xf32>)
        -> (tensor<1x3x2x1xf32>, tensor<1x2x3xf32>) {
      %o:2 = attn.attention %q, %k, %k layout <bnhd> score (%s, %b, %h, %i, %j) {
        %e = tensor.extract %bias[%h] : tensor<2xf32>
        %t = arith.addf %s, %e : f32
        attn.yield %t : f32
      } : (tensor<1x3x2x1xf32>, tensor<1x1x2x1xf32>, tensor<1x1x2x1xf32>) -> (tensor<1x3x2x1xf32>, tensor<1x2x3xf32>)
      return %o#0, %o#1 : tensor<1x3x2x1xf32>, tensor<1x2x3xf32>
    })",
                     {floats({1, 3, 2, 1}, {1, 0, 2, 0, 3, 0}), floats({1, 1, 2, 1}, {10, 20}), floats({2}, {0, 4})});
  expectNear(out[0], {10, 20, 10, 20, 10, 20});
  expectNear(out[1], {10, 20, 30, 4, 4, 4});
}

TEST_F(AttentionTest, offsetsPerSequence) {
  std::string text =
      R"(func.func @f(%q: tensor<2x1x1x1xf32>, %k: tensor<2x1x3x1xf32>, %past: tensor<2xi32>) -> tensor<2x1x1x1xf32> {
      %o = attn.attention %q, %k, %k q_offset %past )" +
      std::string(kCausal) + R"(
        : (tensor<2x1x1x1xf32>, tensor<2x1x3x1xf32>, tensor<2x1x3x1xf32>, tensor<2xi32>) -> tensor<2x1x1x1xf32>
      return %o : tensor<2x1x1x1xf32>
    })";
  auto past = std::make_shared<HostTensor>(HostTensor::of<int32_t>(DType::I32, {2}, {1, -1}));
  auto out = outputs(text, {floats({2, 1, 1, 1}, {0, 0}), floats({2, 1, 3, 1}, {1, 2, 3, 4, 5, 6}), past});
  expectNear(out[0], {1.5, 0});
}

} // namespace
