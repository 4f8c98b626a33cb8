// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// attn-expand-tile-bounds, executed, against the classifier asked step by step.
#include "MaskHarness.h"

#include "fovea/Dialect/Attn/IR/Attn.h"
#include "fovea/Dialect/Attn/Transforms/Passes.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Pass/PassManager.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace fovea;
using namespace fovea::test;

namespace {

struct TileBounds {
  int64_t begin, end, visited, full;
  bool operator==(const TileBounds &o) const {
    return begin == o.begin && end == o.end && visited == o.visited && full == o.full;
  }
  friend void PrintTo(const TileBounds &bounds, std::ostream *out) {
    *out << '[' << bounds.begin << ", " << bounds.end << ") visited " << bounds.visited << " full " << bounds.full;
  }
};

/// tile_bounds over the harness's tile, expanded. With `oneStep` the key range is visibly at most one step long.
Program expanded(MaskHarness &harness, int64_t step, bool oneStep) {
  OpBuilder builder = OpBuilder::atBlockEnd(&harness.body());
  Location loc = builder.getUnknownLoc();
  MaskTile tile = harness.tile();
  Type index = builder.getIndexType();
  if (oneStep) {
    Value next = arith::AddIOp::create(builder, loc, tile.keyBegin, arith::ConstantIndexOp::create(builder, loc, step));
    tile.keyEnd = arith::MinSIOp::create(builder, loc, next, tile.keyEnd);
  }
  auto bounds = attn::TileBoundsOp::create(builder, loc, index, index, index, builder.getI1Type(), tile.batch,
                                           tile.head, tile.rowBegin, tile.rowEnd, tile.keyBegin, tile.keyEnd, step);
  bounds.getMask().takeBody(harness.mask());
  func::ReturnOp::create(builder, loc, bounds.getResults());
  func::FuncOp function = harness.getFunction();
  function.setFunctionType(builder.getFunctionType(function.getArgumentTypes(), bounds.getResultTypes()));

  PassManager passes(&context(), func::FuncOp::getOperationName());
  passes.addPass(attn::createExpandTileBounds());
  EXPECT_TRUE(succeeded(passes.run(function)));
  EXPECT_TRUE(!oneStep || function.getOps<scf::ForOp>().empty());
  return Program(harness.body());
}

Program classifier(MaskHarness &harness) {
  OpBuilder builder = OpBuilder::atBlockEnd(&harness.body());
  Location loc = builder.getUnknownLoc();
  TileClass result = emitTileClass(builder, loc, harness.mask(), harness.tile());
  func::ReturnOp::create(builder, loc, ValueRange{result.may, result.must});
  return Program(harness.body());
}

/// The definition in the op's description.
TileBounds stepByStep(MaskHarness &harness, Program &program, const Sample &sample, int64_t step) {
  TileBounds result{sample.keyBegin, sample.keyBegin, 0, 1};
  if (sample.rowBegin >= sample.rowEnd)
    return result;
  for (int64_t key = sample.keyBegin; key < sample.keyEnd; key += step) {
    Sample tile = sample;
    tile.keyBegin = key;
    tile.keyEnd = std::min(key + step, sample.keyEnd);
    harness.setInputs(program, tile);
    EXPECT_TRUE(program.run());
    result.full &= program.output(1);
    if (!program.output(0))
      continue;
    if (result.visited++ == 0)
      result.begin = key;
    result.end = tile.keyEnd;
  }
  return result;
}

void compare(func::FuncOp mask, int64_t step, bool oneStep) {
  SCOPED_TRACE(mask.getName().str() + " step " + std::to_string(step));
  MaskHarness scanned(mask), asked(mask);
  Program scan = expanded(scanned, step, oneStep), classify = classifier(asked);
  std::mt19937_64 random(step);
  for (int i = 0; i < 100; ++i) {
    Sample sample = asked.sample(random);
    if (random() % 8 == 0)
      sample.rowEnd = sample.rowBegin - random() % 2;
    if (random() % 8 == 0)
      sample.keyEnd = sample.keyBegin - random() % 2;
    if (oneStep)
      sample.keyEnd = std::min(sample.keyEnd, sample.keyBegin + step);
    scanned.setInputs(scan, sample);
    ASSERT_TRUE(scan.run());
    TileBounds bounds{scan.output(0), scan.output(1), scan.output(2), scan.output(3)};
    ASSERT_EQ(bounds, stepByStep(asked, classify, sample, step));
  }
}

TEST(ExpandTileBounds, ScanEqualsStepByStep) {
  for (func::FuncOp mask : masks())
    for (int64_t step : {1, 8, 24})
      compare(mask, step, /*oneStep=*/false);
}

TEST(ExpandTileBounds, OneStepEqualsStepByStep) {
  for (func::FuncOp mask : masks())
    for (int64_t step : {8, 64})
      compare(mask, step, /*oneStep=*/true);
}

} // namespace
