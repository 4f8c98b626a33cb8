// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// attn-expand-tile-bounds, executed, between two answers: what brute force sees must be inside, and what the classifier
// excludes step by step must be outside.
#include "MaskHarness.h"

#include "gtest/gtest.h"

using namespace mlir;
using namespace fovea;
using namespace fovea::test;

namespace {

Program classifier(MaskHarness &harness) {
  OpBuilder builder = OpBuilder::atBlockEnd(&harness.body());
  Location loc = builder.getUnknownLoc();
  TileClass result = emitTileClass(builder, loc, harness.mask(), harness.tile());
  func::ReturnOp::create(builder, loc, ValueRange{result.may, result.must});
  return Program(harness.body());
}

struct Counts {
  int64_t asked = 0, exact = 0; // exact: as the truth
};

void compare(func::FuncOp mask, int64_t step, bool oneStep, Counts &counts) {
  SCOPED_TRACE(mask.getName().str() + " step " + std::to_string(step));
  MaskHarness solved(mask), asked(mask);
  Program program = expandTileBounds(solved, step, oneStep), classify = classifier(asked);
  std::mt19937_64 random(step);
  for (int i = 0; i < 100; ++i) {
    Sample sample = asked.sample(random);
    if (random() % 8 == 0)
      sample.rowEnd = sample.rowBegin - random() % 2;
    if (random() % 8 == 0)
      sample.keyEnd = sample.keyBegin - random() % 2;
    if (oneStep)
      sample.keyEnd = std::min(sample.keyEnd, sample.keyBegin + step);
    solved.setInputs(program, sample);
    ASSERT_TRUE(program.run());
    TileBounds bounds{program.output(0), program.output(1), program.output(2), program.output(3)};
    std::optional<TileBounds> truth = bruteForceBounds(asked, sample, step);
    TileBounds coarse = stepByStep(sample, step, [&](const Sample &tile) {
      asked.setInputs(classify, tile);
      EXPECT_TRUE(classify.run());
      return std::pair(bool(classify.output(0)), bool(classify.output(1)));
    });
    EXPECT_EQ(bounds.visited == 0, bounds.begin == sample.keyBegin && bounds.end == sample.keyBegin);
    EXPECT_LE(bounds.visited, coarse.visited);
    if (bounds.visited) {
      EXPECT_GE(bounds.begin, coarse.begin);
      EXPECT_LE(bounds.end, coarse.end);
    }
    if (!truth)
      continue;
    if (truth->visited) {
      EXPECT_LE(bounds.begin, truth->begin) << "a visible key is left out";
      EXPECT_GE(bounds.end, truth->end) << "a visible key is left out";
    }
    EXPECT_GE(bounds.visited, truth->visited);
    EXPECT_LE(bounds.full, truth->full);
    ++counts.asked;
    counts.exact += bounds.begin == truth->begin && bounds.end == truth->end && bounds.visited == truth->visited;
  }
}

TEST(ExpandTileBounds, LiesBetweenTruthAndClassifier) {
  Counts total;
  for (func::FuncOp mask : masks()) {
    Counts counts;
    for (int64_t step : {1, 8, 24})
      compare(mask, step, /*oneStep=*/false, counts);
    printf("%-30s %6ld asked, %6.2f%% exact\n", mask.getName().str().c_str(), counts.asked,
           100.0 * counts.exact / counts.asked);
    total.asked += counts.asked;
    total.exact += counts.exact;
  }
  EXPECT_GT(total.exact * 100, total.asked * 90);
}

TEST(ExpandTileBounds, OneStepLiesBetweenTruthAndClassifier) {
  Counts counts;
  for (func::FuncOp mask : masks())
    for (int64_t step : {8, 64})
      compare(mask, step, /*oneStep=*/true, counts);
  EXPECT_GT(counts.exact * 100, counts.asked * 90);
}

} // namespace
