// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// fovea_plan_classify against the reference, and what plans say of claims about contents.
#include "Problems.h"

using namespace fovea::test;

namespace {

struct Rectangle {
  int64_t b, h, rowBegin, rowEnd, keyBegin, keyEnd;
};

int32_t classOf(const Call &call, const Rectangle &r) {
  int32_t result = -1;
  EXPECT_EQ(fovea_plan_classify(call.get(), r.b, r.h, r.rowBegin, r.rowEnd, r.keyBegin, r.keyEnd, &result), FOVEA_OK);
  return result;
}

struct Classify : testing::TestWithParam<std::string> {};

TEST_P(Classify, IsSoundAndMostlyExact) {
  const Problem &problem = fovea::test::problem(GetParam());
  Sizes s = {2, 2, 1, 300, 410};
  Random random(3);
  Spec spec = withProblem({}, problem);
  spec.keySize = spec.valueSize = 8;
  std::vector<TensorRef> inputs = inputsOf(spec, problem, s, random);
  std::vector<uint8_t> visible = visibleKeys(problem, s, {inputs.begin() + 3, inputs.end()});
  const Kernel &kernel = compiled(moduleText(spec));
  ASSERT_TRUE(kernel);
  Call call(kernel, inputs, {{s.batches, s.heads, s.queries, 8}, {s.batches, s.heads, s.queries}});
  ASSERT_EQ(call.plan(), FOVEA_OK) << call.message;

  int64_t uniform = 0, found = 0;
  for (int n = 0; n < 3000; ++n) {
    int64_t row = 8 * random.below((s.queries + 7) / 8), key = 8 * random.below((s.keys + 7) / 8);
    int64_t rows = 8 * random.between(1, 8), keys = 8 * random.between(1, 8);
    if (n % 4 == 0) { // not on the grid of the summaries
      row = random.below(s.queries);
      key = random.below(s.keys);
    }
    Rectangle r = {
        random.below(s.batches), random.below(s.heads), row, std::min(s.queries, row + rows), key, key + keys};
    bool any = false, all = true; // of the keys that exist
    for (int64_t i = r.rowBegin; i < r.rowEnd; ++i)
      for (int64_t j = r.keyBegin; j < std::min(s.keys, r.keyEnd); ++j)
        (visible[(r.b * s.queries + i) * s.keys + j] ? any : all) = visible[(r.b * s.queries + i) * s.keys + j];
    int32_t answer = classOf(call, r);
    ASSERT_FALSE((answer == FOVEA_TILE_EMPTY && any) || (answer == FOVEA_TILE_FULL && !all))
        << answer << " for rows " << r.rowBegin << " to " << r.rowEnd << ", keys " << r.keyBegin << " to " << r.keyEnd;
    uniform += !any || all;
    found += answer != FOVEA_TILE_PARTIAL;
  }
  EXPECT_GT(uniform, 300);
  EXPECT_GE(found * 100, uniform * 85) << found << " of " << uniform;
}

INSTANTIATE_TEST_SUITE_P(Masks, Classify,
                         testing::Values("causal", "window_sinks", "block_diagonal", "padding", "documents",
                                         "documents_of_batches", "document_starts", "ragged", "valid_keys", "dense",
                                         "dense_bytes", "block_sparse", "by_distance", "mask_bias", "padding_bias"),
                         [](const testing::TestParamInfo<std::string> &info) { return info.param; });

TEST(ClassifyEdges, WhatDoesNotExist) {
  Spec spec = withProblem({}, problem("none"));
  const Kernel &kernel = compiled(moduleText(spec));
  Random random(1);
  Call call(kernel, inputsOf(spec, problem("none"), {2, 4, 2, 30, 50}, random), {{2, 4, 30, 64}, {2, 4, 30}});
  ASSERT_EQ(call.plan(), FOVEA_OK) << call.message;
  EXPECT_EQ(classOf(call, {1, 3, 0, 30, 40, 90}), FOVEA_TILE_FULL) << "keys past the last are left out";
  EXPECT_EQ(classOf(call, {1, 3, 0, 30, 50, 90}), FOVEA_TILE_EMPTY);
  EXPECT_EQ(classOf(call, {1, 3, 0, 30, -20, 0}), FOVEA_TILE_EMPTY);
  EXPECT_EQ(classOf(call, {1, 3, 7, 7, 0, 50}), FOVEA_TILE_EMPTY);
  EXPECT_EQ(classOf(call, {1, 3, 9, 7, 0, 50}), FOVEA_TILE_EMPTY);
  int32_t result = -1;
  for (auto [b, h] : {std::pair<int64_t, int64_t>{2, 0}, {-1, 0}, {0, 4}, {0, -1}})
    EXPECT_EQ(fovea_plan_classify(call.get(), b, h, 0, 30, 0, 50, &result), FOVEA_OUT_OF_RANGE);
}

TEST(Sorted, ClaimIsChecked) {
  const Problem &starts = problem("document_starts");
  Spec spec = withProblem({}, starts);
  const Kernel &kernel = compiled(moduleText(spec));
  Random random(1);
  std::vector<TensorRef> inputs = inputsOf(spec, starts, {1, 1, 1, 30, 50}, random);
  int32_t *values = inputs[3]->data<int32_t>();
  std::fill(values, values + inputs[3]->size(), 5);
  values[17] = 3;
  Call call(kernel, inputs, {{1, 1, 30, 64}, {1, 1, 30}});
  EXPECT_EQ(call.plan(), FOVEA_INVALID);
  EXPECT_NE(call.message.find("argument 3"), std::string::npos) << call.message;
  EXPECT_NE(call.message.find(" is declared sorted, but element [17] = 3 follows 5"), std::string::npos)
      << call.message;
}

/// What the compiler cannot see to be covered is checked when the plan is made.
TEST(Captures, EveryPositionHasAnElement) {
  Spec spec = withProblem({}, problem("padding"));
  const Kernel &kernel = compiled(moduleText(spec));
  Random random(1);
  Sizes s = {2, 1, 1, 30, 50};
  std::vector<TensorRef> inputs = inputsOf(spec, problem("padding"), s, random);
  inputs[3] = ints({1}, {50}); // a length for each of two sequences
  Call call(kernel, inputs, {{2, 1, 30, 64}, {2, 1, 30}});
  EXPECT_EQ(call.plan(), FOVEA_INVALID);
  EXPECT_EQ(call.message, "INVALID: the mask reads 'len' at every sequence, and dimension 0 does not cover them all");
}

} // namespace
