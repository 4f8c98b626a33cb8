// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The classifier of every mask of the library against its formula, on tiles of many sizes and random symbols: never
// unsound, and how often it misses an EMPTY or FULL tile. FOVEA_TILES sets the number of tiles.
#include "NamedMasks.h"
#include "MaskHarness.h"

#include "gtest/gtest.h"
#include <cstdlib>

using namespace mlir;
using namespace fovea;
using namespace fovea::test;

namespace {

constexpr int64_t kTiles = 1000000;

int64_t pick(std::mt19937_64 &random, ArrayRef<int64_t> values) { return values[random() % values.size()]; }

int64_t sampleNumber(const Symbol &symbol, std::mt19937_64 &random, bool &isOrdinary) {
  unsigned kind = random() % 100;
  if (kind < 85)
    return symbol.low + int64_t(random() % uint64_t(symbol.high - symbol.low + 1));
  if (kind < 95)
    return pick(random, {-1, 0, 1, 2, 64});
  isOrdinary = false;
  return pick(random, {kSymbolLimit, kSymbolLimit + 1, -kSymbolLimit, INT32_MAX, INT32_MIN, 100000, -100000});
}

/// A tile near the diagonal or anywhere, with the sizes that schedules have and odd ones.
Sample sampleTile(const NamedMask &mask, std::mt19937_64 &random) {
  int64_t rows = pick(random, {1, 3, 8, 16, 64, 120, 128}), keys = pick(random, {1, 6, 16, 64, 128, 256});
  int64_t length = pick(random, {200, 600, 3000, 100000});
  int64_t row = int64_t(random() % length), key = int64_t(random() % length);
  if (random() % 3 == 0)
    key = std::max<int64_t>(row + int64_t(random() % 400) - 300, 0);
  if (!mask.needsRowsFromZero && random() % 20 == 0)
    row = -int64_t(random() % 300);
  Sample sample{int64_t(random() % 8), int64_t(random() % 32), row, row + rows, key, key + keys, {}};
  for (const Symbol &symbol : mask.symbols)
    sample.symbols.push_back(symbol.isTable() ? int64_t(random()) : sampleNumber(symbol, random, sample.isOrdinary));
  return sample;
}

struct Table {
  unsigned width;
  bool isMatrix;
};

std::vector<Table> tablesOf(const NamedMask &mask) {
  std::vector<Table> tables;
  for (const Symbol &symbol : mask.symbols) {
    auto type = dyn_cast<ShapedType>(symbol.type(&context()));
    tables.push_back(type ? Table{type.getElementTypeBitWidth(), type.getRank() == 2} : Table{});
  }
  return tables;
}

/// Tables start at a random seed; see tableValue.
Values valuesOf(const std::vector<Table> &tables, const Sample &sample) {
  Values values{sample.symbols, {}};
  values.element = [&](unsigned k, int64_t x, int64_t y) {
    return tableValue(sample.symbols[k], tables[k].isMatrix ? matrixIndex(x, y) : x, tables[k].width);
  };
  return values;
}

struct Counts {
  int64_t tiles = 0, unsound = 0, uniform = 0, missed = 0, ordinaryMissed = 0;
};

/// Whether any and all of a tile is visible, by the formula.
std::pair<bool, bool> truthOf(const NamedMask &mask, const std::vector<Table> &tables, const Sample &sample) {
  Values values = valuesOf(tables, sample);
  bool any = false, all = true;
  for (int64_t i = sample.rowBegin; i < sample.rowEnd; ++i)
    for (int64_t j = sample.keyBegin; j < sample.keyEnd; ++j) {
      bool isVisible = mask.isVisible(values, sample.batch, sample.head, i, j);
      any |= isVisible;
      all &= isVisible;
      if (any && !all)
        return {any, all};
    }
  return {any, all};
}

Counts classify(const NamedMask &mask, int64_t tiles) {
  OwningOpRef<func::FuncOp> function = buildFunction(mask, context());
  MaskHarness harness(*function);
  OpBuilder builder = OpBuilder::atBlockEnd(&harness.body());
  Location loc = builder.getUnknownLoc();
  TileClass result = emitTileClass(builder, loc, harness.mask(), harness.tile());
  func::ReturnOp::create(builder, loc, ValueRange{result.may, result.must});
  Program program(harness.body());
  std::vector<Table> tables = tablesOf(mask);
  std::mt19937_64 random(11);
  Counts counts;
  for (; counts.tiles < tiles; ++counts.tiles) {
    Sample sample = sampleTile(mask, random);
    harness.setInputs(program, sample);
    if (!program.run()) {
      ADD_FAILURE() << "the classifier itself is undefined here";
      break;
    }
    bool may = program.output(0), must = program.output(1);
    auto [any, all] = truthOf(mask, tables, sample);
    counts.unsound += (any && !may) || (!all && must);
    counts.uniform += !any || all;
    bool isMissed = (!any && may) || (all && !must);
    counts.missed += isMissed;
    counts.ordinaryMissed += isMissed && sample.isOrdinary;
  }
  return counts;
}

TEST(NamedMasks, AreClassifiedSoundly) {
  const char *text = std::getenv("FOVEA_TILES");
  int64_t wanted = text && *text ? std::atoll(text) : kTiles, count = int64_t(namedMasks().size());
  ASSERT_GE(count, 35);
  Counts total;
  printf("%-30s %8s %8s %8s %8s %9s\n", "mask", "tiles", "unsound", "uniform", "missed", "ordinary");
  for (const NamedMask &mask : namedMasks()) {
    SCOPED_TRACE(mask.name);
    Counts counts = classify(mask, (wanted + count - 1) / count);
    printf("%-30s %8ld %8ld %8ld %8ld %8.2f%%\n", mask.name.c_str(), counts.tiles, counts.unsound, counts.uniform,
           counts.missed, 100.0 * counts.ordinaryMissed / counts.tiles);
    EXPECT_EQ(counts.unsound, 0);
    // Of positions alone, most tiles are decided; what a table holds at i and j is not looked at.
    bool readsPositions = llvm::any_of(mask.symbols, [](const Symbol &symbol) { return symbol.readsRowsOrKeys(); });
    EXPECT_TRUE(readsPositions || 10 * counts.ordinaryMissed <= counts.tiles);
    total.tiles += counts.tiles;
    total.missed += counts.missed;
  }
  printf("%ld masks, %ld tiles, %ld missed\n", count, total.tiles, total.missed);
  EXPECT_GE(total.tiles, wanted);
}

} // namespace
