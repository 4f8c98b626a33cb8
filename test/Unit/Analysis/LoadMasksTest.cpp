// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Masks that read arrays at positions that depend on the row or the key, classified with the help of attn.summary,
// against brute force: never unsound, wherever the tile lies, and exact where a summary can be.
#include "MaskHarness.h"

#include "fovea/Dialect/Attn/IR/Attn.h"
#include "fovea/Dialect/Attn/Transforms/Passes.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Pass/PassManager.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace fovea;
using namespace fovea::test;

namespace {

constexpr int kWorlds = 24, kTilesPerWorld = 120;
constexpr int64_t kBatches = 3, kBlock = 64;

/// The class of the harness's tile, the summaries included.
Program classifier(MaskHarness &harness) {
  OpBuilder builder = OpBuilder::atBlockEnd(&harness.body());
  Location loc = builder.getUnknownLoc();
  MaskTile tile = harness.tile();
  Type index = builder.getIndexType();
  auto bounds = attn::TileBoundsOp::create(builder, loc, index, index, index, builder.getI1Type(), tile.batch,
                                           tile.head, tile.rowBegin, tile.rowEnd, tile.keyBegin, tile.keyEnd, 1);
  IRMapping mapping;
  harness.mask().cloneInto(&bounds.getMask(), mapping);
  func::ReturnOp::create(builder, loc);
  PassManager passes(&context(), func::FuncOp::getOperationName());
  passes.addPass(attn::createSummarizeLoads());
  EXPECT_TRUE(succeeded(passes.run(harness.getFunction())));
  harness.body().getTerminator()->erase();
  builder.setInsertionPointToEnd(&harness.body());
  TileClass result = emitTileClass(builder, loc, bounds.getMask(), tile);
  bounds.erase();
  func::ReturnOp::create(builder, loc, ValueRange{result.may, result.must});
  Program program(harness.body());
  program.forbidReadsOutside(); // the classifier must never, whatever it is asked
  return program;
}

/// What the arrays of a mask are about: some positions of some sequences.
struct World {
  int64_t positions;
  std::mt19937_64 random;

  explicit World(unsigned seed) : random(seed) {
    static const int64_t sizes[] = {0, 1, 5, 8, 64, 65, 200, 256, 300, 511};
    positions = sizes[random() % std::size(sizes)];
  }
  int64_t below(int64_t n) { return static_cast<int64_t>(random() % n); }

  Buffer make(StringRef kind, MemRefType type) {
    int64_t rank = type.getRank(), last = kind == "blocks" ? (positions + kBlock - 1) / kBlock : positions;
    bool isPlane = kind == "dense" || kind == "dense bias" || kind == "blocks";
    std::vector<int64_t> sizes(rank, kBatches);
    sizes.back() = kind == "lengths" ? kBatches : last;
    if (rank > 1 && (isPlane || kind == "numbers"))
      sizes[rank - 2] = last;
    Buffer buffer = Buffer::zeros(sizes, type.getElementType().isF32());
    isPlane ? fillPlanes(buffer, kind) : fillRows(buffer, kind, type.getElementType());
    return buffer;
  }

private:
  static int64_t hidden(bool isFloat) { return isFloat ? 0xFF800000 : 0; }

  /// Rectangles of ones, so that there are tiles of all classes.
  void fillPlanes(Buffer &buffer, StringRef kind) {
    int64_t size = buffer.sizes.back();
    for (int64_t plane = 0; size && plane < int64_t(buffer.data.size()); plane += size * size) {
      for (int64_t k = 0; k < size * size; ++k)
        buffer.data[plane + k] = hidden(buffer.isFloat);
      for (int rectangle = 0; rectangle < 4; ++rectangle) {
        int64_t x = below(size), y = below(size), width = 1 + below(size), height = 1 + below(size);
        for (int64_t i = x; i < std::min(size, x + height); ++i)
          for (int64_t j = y; j < std::min(size, y + width); ++j)
            buffer.data[plane + i * size + j] = buffer.isFloat ? 0x3F800000 : 1;
      }
    }
  }

  void fillRows(Buffer &buffer, StringRef kind, Type element) {
    int64_t size = std::max<int64_t>(buffer.sizes.back(), 1), number = 0, start = 0;
    bool isSet = false;
    for (int64_t k = 0; k < int64_t(buffer.data.size()); ++k) {
      int64_t position = k % size;
      bool isNew = position == 0 || below(50) == 0;
      if (isNew) {
        start = position;
        number = position == 0 ? 0 : number + 1 + below(2);
        isSet = below(2);
      }
      if (kind == "documents")
        buffer.data[k] = number;
      else if (kind == "starts")
        buffer.data[k] = start;
      else if (kind == "lengths")
        buffer.data[k] = below(positions + 1);
      else if (kind == "numbers")
        buffer.data[k] = below(12);
      else if (kind == "extremes")
        buffer.data[k] = tableValue(static_cast<int64_t>(random()), 0, element.getIntOrFloatBitWidth());
      else if (kind == "booleans")
        buffer.data[k] = isSet;
      else if (kind == "bias")
        buffer.data[k] = isSet ? 0 : hidden(/*isFloat=*/true);
      else
        ADD_FAILURE() << "nothing is known of tables of " << kind.str();
    }
  }
};

/// Tiles that are whole blocks of existing positions, and any others, far outside too.
Sample sampleTile(World &world, bool isWhole) {
  auto pick = [&](std::initializer_list<int64_t> values) { return values.begin()[world.below(values.size())]; };
  auto interval = [&](int64_t &begin, int64_t &end) {
    if (isWhole) {
      begin = 8 * world.below(world.positions / 8 + 1);
      end = std::min(world.positions, begin + pick({8, 16, 64, 128}));
      return;
    }
    begin = world.below(world.positions + 20) - (world.below(4) ? 0 : 30);
    if (world.below(20) == 0)
      begin = pick({-kPositionLimit, kPositionLimit - 200, -kPositionLimit * 8, INT64_MAX - 300});
    end = begin + 1 + world.below(100);
  };
  Sample sample{world.below(kBatches + (isWhole ? 0 : 2)), 0, 0, 0, 0, 0, {}};
  interval(sample.rowBegin, sample.rowEnd);
  interval(sample.keyBegin, sample.keyEnd);
  if (!isWhole) { // keys are positions of an array
    sample.keyBegin = std::max<int64_t>(0, std::min(sample.keyBegin, kPositionLimit - 200));
    sample.keyEnd = std::max(sample.keyBegin + 1, std::min(sample.keyEnd, kPositionLimit - 1));
  }
  return sample;
}

/// Arrays for a mask, as brute force and the program see them, and numbers for its other symbols.
std::vector<int64_t> fillWorld(World &world, func::FuncOp mask, MaskHarness &harness, Program &program) {
  std::vector<int64_t> symbols;
  ArrayAttr kinds = mask->getAttrOfType<ArrayAttr>("tables");
  size_t table = 0;
  for (auto [index, symbol] : llvm::enumerate(harness.symbols())) {
    symbols.push_back(world.below(20) - 4);
    auto type = dyn_cast<MemRefType>(symbol.getType());
    if (!type)
      continue;
    Buffer buffer = world.make(cast<StringAttr>(kinds[table++]).getValue(), type);
    harness.bind(index, buffer);
    program.bind(symbol, buffer);
  }
  return symbols;
}

struct Counts {
  int64_t tiles = 0, unsound = 0, whole = 0, uniform = 0, missed = 0, outside = 0;
};

void countTiles(func::FuncOp mask, unsigned seed, Counts &counts) {
  MaskHarness harness(mask);
  Program program = classifier(harness);
  World world(seed);
  std::vector<int64_t> symbols = fillWorld(world, mask, harness, program);
  for (int n = 0; n < kTilesPerWorld; ++n) {
    bool isWhole = n % 2;
    Sample sample = sampleTile(world, isWhole);
    sample.symbols = symbols;
    if (sample.rowBegin >= sample.rowEnd || sample.keyBegin >= sample.keyEnd)
      continue;
    harness.setInputs(program, sample);
    ASSERT_TRUE(program.run()) << "the classifier reads outside an array";
    bool may = program.output(0), must = program.output(1);
    std::optional<MaskHarness::Truth> truth = harness.bruteForce(sample);
    ASSERT_TRUE(truth);
    ++counts.tiles;
    counts.unsound += (truth->any && !may) || (!truth->all && must);
    counts.outside += sample.rowBegin < 0 || sample.rowEnd > world.positions || sample.keyEnd > world.positions;
    if (!isWhole)
      continue;
    ++counts.whole;
    counts.uniform += !truth->any || truth->all;
    counts.missed += (!truth->any && may) || (truth->all && !must);
  }
}

TEST(LoadMasks, AreSoundAndTight) {
  std::vector<func::FuncOp> functions = loadMasks();
  ASSERT_GT(functions.size(), 12u);
  printf("%-34s %8s %8s %8s %8s %8s\n", "mask", "tiles", "unsound", "whole", "uniform", "missed");
  for (func::FuncOp mask : functions) {
    SCOPED_TRACE(mask.getName().str());
    Counts counts;
    for (unsigned seed = 0; seed < kWorlds && !HasFatalFailure(); ++seed)
      countTiles(mask, seed, counts);
    printf("%-34s %8ld %8ld %8ld %8ld %8ld\n", mask.getName().str().c_str(), counts.tiles, counts.unsound, counts.whole,
           counts.uniform, counts.missed);
    EXPECT_EQ(counts.unsound, 0);
    EXPECT_GT(counts.outside, 100);
    EXPECT_GT(counts.uniform, 50) << "nothing to find";
    double percent = 100.0 * counts.missed / counts.whole;
    EXPECT_LE(percent, mask->getAttrOfType<FloatAttr>("misses").getValueAsDouble());
  }
}

/// An empty tile asks for positions in the wrong order; its class means nothing, but its code runs.
TEST(LoadMasks, EmptyTilesReadNothingOutside) {
  for (func::FuncOp mask : loadMasks()) {
    SCOPED_TRACE(mask.getName().str());
    MaskHarness harness(mask);
    Program program = classifier(harness);
    World world(6);
    std::vector<int64_t> symbols = fillWorld(world, mask, harness, program);
    for (int n = 0; n < 200; ++n) {
      Sample sample = sampleTile(world, /*isWhole=*/false);
      sample.symbols = symbols;
      if (n % 2)
        sample.rowEnd = sample.rowBegin - n % 3;
      else
        sample.keyEnd = sample.keyBegin - n % 3;
      harness.setInputs(program, sample);
      ASSERT_TRUE(program.run());
    }
  }
}

/// Bounds of rows over all keys: no visible key is left out, and steps are skipped as the classes of single steps tell.
TEST(LoadMasks, BoundsAreSoundAndTight) {
  constexpr int64_t kStep = 16;
  for (func::FuncOp mask : loadMasks()) {
    SCOPED_TRACE(mask.getName().str());
    int64_t needed = 0, visited = 0, steps = 0;
    for (unsigned seed = 0; seed < kWorlds; ++seed) {
      MaskHarness harness(mask);
      Program program = expandTileBounds(harness, kStep, /*oneStep=*/false, /*summaries=*/true);
      program.forbidReadsOutside();
      World world(seed);
      std::vector<int64_t> symbols = fillWorld(world, mask, harness, program);
      for (int n = 0; n < 6; ++n) {
        const bool isWhole = n % 3;
        Sample sample = sampleTile(world, isWhole);
        sample.symbols = symbols;
        sample.keyBegin = 0;
        sample.keyEnd = world.positions;
        harness.setInputs(program, sample);
        ASSERT_TRUE(program.run()) << "the bounds read outside an array";
        TileBounds bounds{program.output(0), program.output(1), program.output(2), program.output(3)};
        std::optional<TileBounds> truth = bruteForceBounds(harness, sample, kStep);
        ASSERT_TRUE(truth);
        ASSERT_TRUE(!truth->visited || (bounds.begin <= truth->begin && truth->end <= bounds.end));
        ASSERT_TRUE(truth->visited <= bounds.visited && bounds.full <= truth->full);
        if (!isWhole)
          continue;
        needed += truth->visited;
        visited += bounds.visited;
        steps += sample.rowBegin < sample.rowEnd ? (world.positions + kStep - 1) / kStep : 0;
      }
    }
    printf("%-34s %8ld needed %8ld visited %8ld steps\n", mask.getName().str().c_str(), needed, visited, steps);
    EXPECT_GT(steps, needed);
    if (mask->getAttrOfType<FloatAttr>("misses").getValueAsDouble() < 100) {
      EXPECT_LE(visited, needed + steps / 20);
    }
  }
}

} // namespace
