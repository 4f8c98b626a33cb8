// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// NaN and Inf: hidden ones never reach the output, visible ones do as the formula says. The reference knows which is
// which: an output must be NaN exactly where it says NaN.
#include "Problems.h"

#include <cmath>
#include <cstring>

using namespace fovea::test;

namespace {

struct Poison {
  const char *name;
  uint32_t bits;
};

/// Quiet, signalling and negative NaN, with payloads at both ends, and infinities.
constexpr Poison kPoisons[] = {
    {"quiet", 0x7FC00000},    {"signalling", 0x7F800001},          {"odd", 0x7FDEAD01}, {"negative", 0xFFC12345},
    {"all_ones", 0xFFFFFFFF}, {"signalling_negative", 0xFF800001}, {"inf", 0x7F800000}, {"minus_inf", 0xFF800000}};

void setBits(HostTensor &tensor, int64_t position, uint32_t bits) {
  std::memcpy(tensor.data<float>() + position, &bits, sizeof bits);
}

Spec smallSpec(const std::string &problemName) {
  Spec spec;
  spec.keySize = 16;
  spec.valueSize = 24;
  return withProblem(spec, problem(problemName));
}

/// (problem, which of query, key, value)
struct NonFinite : testing::TestWithParam<std::tuple<std::string, int>> {};

TEST_P(NonFinite, ReachesTheOutputExactlyWhereItIsVisible) {
  auto [name, operand] = GetParam();
  Spec spec = smallSpec(name);
  Sizes s = {2, 2, 1, 90, 150};
  Oracle oracle(moduleText(spec));
  for (const Variant &variant : variants()) {
    spec.schedule = variant.schedule;
    const Kernel &kernel = compiled(moduleText(spec), variant.target);
    if (!kernel)
      continue;
    for (const Poison &poison : kPoisons) {
      SCOPED_TRACE(variant.name + " " + poison.name);
      Random random(operand + 1);
      std::vector<TensorRef> inputs = inputsOf(spec, problem(name), s, random);
      HostTensor &target = *inputs[operand];
      // Keys in FULL, PARTIAL and skipped tiles, at both ends of blocks of 64, one column each.
      for (int64_t n : {5, 37, 63, 64, 88, 149})
        if (n < target.shape[2])
          setBits(target, positionOf(spec.layout, target.shape, n % 2, 0, n, (n * 7) % target.shape[3]), poison.bits);
      fovea::reference::Evaluation expected = oracle.evaluate(inputs);
      Call call(kernel, inputs, outputShapes(expected));
      expectMatch(call, expected);
    }
  }
}

std::string nameOf(const testing::TestParamInfo<std::tuple<std::string, int>> &info) {
  const char *operands[] = {"query", "key", "value"};
  return std::get<0>(info.param) + "_" + operands[std::get<1>(info.param)];
}

INSTANTIATE_TEST_SUITE_P(Masks, NonFinite,
                         testing::Combine(testing::Values("none", "causal", "window", "dilated_causal", "padding",
                                                          "documents", "softcap", "alibi"),
                                          testing::Values(0, 1, 2)),
                         nameOf);

/// All that no row sees may hold anything: the outputs have the same bits as with zeros there. Keys from kSeen on are
/// hidden from all; with key blocks of 64 the third one holds both kinds.
constexpr int64_t kSeen = 5 * 37;

TEST(HiddenKeys, HoldingNanChangeNoBit) {
  for (const char *name : {"padding", "causal", "block_diagonal"})
    for (const Variant &variant : variants()) {
      SCOPED_TRACE(std::string(name) + " " + variant.name);
      Spec spec = smallSpec(name);
      spec.schedule = variant.schedule;
      const Kernel &kernel = compiled(moduleText(spec), variant.target);
      if (!kernel)
        continue;
      Sizes s = {1, 2, 1, kSeen, 260};
      std::vector<Shape> shapes = {{1, 2, kSeen, 24}, {1, 2, kSeen}};
      std::vector<std::vector<HostTensor>> results;
      for (uint32_t bits : {0u, 0x7FC00000u, 0x7F800000u}) {
        Random random(3);
        std::vector<TensorRef> inputs = inputsOf(spec, problem(name), s, random);
        if (inputs.size() > 3)
          inputs[3] = ints({1}, {int32_t(kSeen)});
        for (int operand : {1, 2})
          for (int64_t at = kSeen * inputs[operand]->shape[3]; at < inputs[operand]->size(); ++at)
            setBits(*inputs[operand], at, bits);
        Call call(kernel, inputs, shapes);
        ASSERT_TRUE(execute(call));
        results.push_back(call.outputs());
      }
      for (size_t other : {1, 2})
        for (size_t k : {0, 1})
          EXPECT_TRUE(sameBits(results[0][k], results[other][k]));
    }
}

TEST(InfiniteScores, PlusInfinityGivesNan) {
  Spec spec = smallSpec("causal");
  spec.score = R"(
      %seven = arith.constant 7 : index
      %inf = arith.constant 0x7F800000 : f32
      %hit = arith.cmpi eq, %j, %seven : index
      %t = arith.select %hit, %inf, %s : f32
      attn.yield %t : f32
)";
  Random random(4);
  expectRight(spec, normalInputs(spec, {1, 2, 1, 100, 100}, random));
}

/// Dense masks of 0 and -inf come as scores: a row of only -inf gives 0, and -inf.
TEST(InfiniteScores, MinusInfinityHidesLikeAMask) {
  Spec spec = smallSpec("none");
  spec.score = R"(
      %three = arith.constant 3 : index
      %zero = arith.constant 0 : index
      %inf = arith.constant 0xFF800000 : f32
      %causal = arith.cmpi sge, %i, %j : index
      %phase = arith.remui %i, %three : index
      %some = arith.cmpi ne, %phase, %zero : index
      %keep = arith.andi %causal, %some : i1
      %t = arith.select %keep, %s, %inf : f32
      attn.yield %t : f32
)";
  Random random(5);
  expectRight(spec, normalInputs(spec, {1, 2, 1, 130, 130}, random));
}

/// Weights of 0 and of 1: a key that appears after its row saw only -inf, and a row whose maximum comes last.
TEST(InfiniteScores, MinusInfinityFirstThenFinite) {
  Spec spec = smallSpec("none");
  spec.score = R"(
      %most = arith.constant 139 : index
      %inf = arith.constant 0xFF800000 : f32
      %late = arith.cmpi sge, %j, %most : index
      %t = arith.select %late, %s, %inf : f32
      attn.yield %t : f32
)";
  Random random(6);
  expectRight(spec, normalInputs(spec, {1, 2, 1, 70, 141}, random));
}

} // namespace
