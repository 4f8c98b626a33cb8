// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The emitted classifier against brute force: never unsound, and how often it misses an EMPTY or FULL tile.
#include "MaskHarness.h"

#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "gtest/gtest.h"
#include <chrono>

using namespace mlir;
using namespace fovea;
using namespace fovea::test;

namespace {

constexpr int kTilesPerMask = 6000;

struct Classified {
  Program program;
  int64_t operations;
  double milliseconds;
};

Classified classify(MaskHarness &harness) {
  OpBuilder builder = OpBuilder::atBlockEnd(&harness.body());
  Location loc = builder.getUnknownLoc();
  auto start = std::chrono::steady_clock::now();
  TileClass result = emitTileClass(builder, loc, harness.mask(), harness.tile());
  std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;
  func::ReturnOp::create(builder, loc, ValueRange{result.may, result.must});
  int64_t operations = llvm::count_if(harness.body().without_terminator(),
                                      [](Operation &op) { return !op.hasTrait<OpTrait::ConstantLike>(); });
  return {Program(harness.body()), operations, elapsed.count()};
}

struct Counts {
  int64_t tiles = 0, unsound = 0, uniform = 0, missed = 0, undefined = 0;
  int64_t ordinary = 0, ordinaryMissed = 0; // tiles without extreme symbols
};

void count(MaskHarness &harness, Program &program, const Sample &sample, Counts &counts) {
  harness.setInputs(program, sample);
  ASSERT_TRUE(program.run()) << "the classifier itself is undefined here";
  bool may = program.output(0), must = program.output(1);
  std::optional<MaskHarness::Truth> truth = harness.bruteForce(sample);
  if (!truth) {
    ++counts.undefined;
    return;
  }
  ++counts.tiles;
  counts.unsound += (truth->any && !may) || (!truth->all && must);
  counts.uniform += !truth->any || truth->all;
  bool isMissed = (!truth->any && may) || (truth->all && !must);
  counts.missed += isMissed;
  counts.ordinary += sample.isOrdinary;
  counts.ordinaryMissed += isMissed && sample.isOrdinary;
}

TEST(MaskClassifier, IsSound) {
  std::vector<func::FuncOp> functions = masks();
  ASSERT_GT(functions.size(), 30u);
  Counts total;
  printf("%-30s %8s %8s %8s %8s %8s %6s %8s\n", "mask", "tiles", "unsound", "uniform", "missed", "ordinary", "ops",
         "ms");
  for (func::FuncOp mask : functions) {
    SCOPED_TRACE(mask.getName().str());
    MaskHarness harness(mask);
    Classified classified = classify(harness);
    Counts counts;
    std::mt19937_64 random(1);
    for (int i = 0; i < kTilesPerMask; ++i)
      count(harness, classified.program, harness.sample(random), counts);
    double ordinaryPercent = 100.0 * counts.ordinaryMissed / counts.ordinary;
    printf("%-30s %8ld %8ld %8ld %8ld %7.2f%% %6ld %8.3f\n", mask.getName().str().c_str(), counts.tiles, counts.unsound,
           counts.uniform, counts.missed, ordinaryPercent, classified.operations, classified.milliseconds);
    EXPECT_EQ(counts.unsound, 0);
    EXPECT_GT(counts.tiles, counts.undefined);
    double allowed = mask->hasAttr("exact") ? 0.0 : mask->hasAttr("coarse") ? 100.0 : 1.0;
    EXPECT_LE(ordinaryPercent, allowed);
    total.tiles += counts.tiles;
    total.missed += counts.missed;
  }
  printf("%ld tiles, %ld missed\n", total.tiles, total.missed);
  EXPECT_GT(total.tiles, 200000);
}

/// Without symbols, a constant tile has a constant class and no other code.
TEST(MaskClassifier, FoldsConstantTiles) {
  std::mt19937_64 random(2);
  for (func::FuncOp mask : masks()) {
    SCOPED_TRACE(mask.getName().str());
    MaskHarness harness(mask);
    Sample sample = harness.sample(random);
    if (!sample.symbols.empty())
      continue;
    OpBuilder builder = OpBuilder::atBlockEnd(&harness.body());
    Location loc = builder.getUnknownLoc();
    auto constant = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(builder, loc, value); };
    MaskTile tile{constant(sample.batch),  constant(sample.head),     constant(sample.rowBegin),
                  constant(sample.rowEnd), constant(sample.keyBegin), constant(sample.keyEnd)};
    TileClass result = emitTileClass(builder, loc, harness.mask(), tile);
    EXPECT_TRUE(matchPattern(result.may, m_Constant()));
    EXPECT_TRUE(matchPattern(result.must, m_Constant()));
    for (Operation &op : harness.body())
      EXPECT_TRUE(op.hasTrait<OpTrait::ConstantLike>());
  }
}

TEST(MaskClassifier, LeavesNoDeadCode) {
  for (func::FuncOp mask : masks()) {
    SCOPED_TRACE(mask.getName().str());
    MaskHarness harness(mask);
    classify(harness);
    for (Operation &op : harness.body().without_terminator())
      EXPECT_FALSE(isOpTriviallyDead(&op));
  }
}

/// A causal tile: four operations, no checks, no divisions.
TEST(MaskClassifier, IsTightForCausal) {
  for (func::FuncOp mask : masks()) {
    if (mask.getName() != "causal")
      continue;
    MaskHarness harness(mask);
    // Two last positions and two comparisons; six for the limits of rows, of which a loop over keys repeats two.
    EXPECT_LE(classify(harness).operations, 10);
  }
}

} // namespace
