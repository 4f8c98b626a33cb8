// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Masks nobody would write: random programs over every op with a rule, so that rules meet each other's results. The
// last comparison is with a threshold that the value takes inside the tile, so that most tiles are nearly EMPTY,
// PARTIAL or nearly FULL.
#include "MaskHarness.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace fovea;
using namespace fovea::test;

namespace {

constexpr int kMasks = 6000, kTilesPerMask = 16;

class RandomMask {
public:
  explicit RandomMask(unsigned seed) : builder(&context()), loc(builder.getUnknownLoc()), random(seed) {}

  OwningOpRef<func::FuncOp> build() {
    Type index = builder.getIndexType(), i32 = builder.getI32Type(), i8 = builder.getI8Type(), i1 = builder.getI1Type();
    SmallVector<Type> inputs = {index, index, index, index, index, i32, i8, i1, index}; // positions, symbols, threshold
    OwningOpRef<func::FuncOp> function =
        func::FuncOp::create(builder, loc, "random", builder.getFunctionType(inputs, {i1}));
    Block *block = function->addEntryBlock();
    builder.setInsertionPointToStart(block);
    values.append(block->args_begin(), std::prev(block->args_end()));
    Value age = arith::SubIOp::create(builder, loc, block->getArgument(2), block->getArgument(3));
    values.append(
        {arith::IndexCastOp::create(builder, loc, i32, age), block->getArgument(3), age}); // what masks are made of
    int size = 1 + random() % 8;
    for (int i = 0; i < size; ++i)
      values.push_back(next());
    func::ReturnOp::create(builder, loc, compareWith(block->getArguments().back()));
    return function;
  }

private:
  Value any(Type type) {
    SmallVector<Value> fitting =
        llvm::to_vector(llvm::make_filter_range(values, [&](Value v) { return v.getType() == type; }));
    if (random() % 4 == 0 || fitting.empty())
      return constant(type);
    if (random() % 3 == 0 || fitting.size() < 4)
      return fitting[random() % fitting.size()];
    return fitting[fitting.size() - 1 - random() % 4]; // late ones make deep programs
  }

  Value constant(Type type) {
    static const int64_t some[] = {-100, -7, -1, 0, 1, 2, 3, 5, 8, 63, 64, 100};
    int64_t value = some[random() % std::size(some)];
    return arith::ConstantOp::create(builder, loc, builder.getIntegerAttr(type, type.isInteger(1) ? value & 1 : value));
  }

  Type someType() {
    Type types[] = {builder.getIndexType(), builder.getIndexType(), builder.getI32Type(), builder.getI8Type()};
    return types[random() % std::size(types)];
  }

  Value compare() {
    Type type = random() % 8 == 0 ? Type(builder.getI1Type()) : someType();
    auto predicate = static_cast<arith::CmpIPredicate>(random() % 10);
    return arith::CmpIOp::create(builder, loc, predicate, any(type), any(type));
  }

  Value compareWith(Value threshold) {
    Value value = *llvm::find_if(llvm::reverse(values), [](Value v) { return !v.getType().isInteger(1); });
    if (!value.getType().isIndex())
      value = arith::IndexCastOp::create(builder, loc, builder.getIndexType(), value);
    return arith::CmpIOp::create(builder, loc, static_cast<arith::CmpIPredicate>(random() % 10), value, threshold);
  }

  template <typename... Ops> Value oneOf(Type type) {
    Value a = any(type), b = any(type), result;
    int chosen = random() % sizeof...(Ops), i = 0;
    ((i++ == chosen ? void(result = Ops::create(builder, loc, a, b)) : void()), ...);
    return result;
  }

  Value convert() {
    Type from = random() % 4 == 0 ? Type(builder.getI1Type()) : someType(), to = someType();
    bool isSigned = random() % 2;
    Value value = any(from);
    if (from == to)
      return value;
    if (from.isIndex() || to.isIndex())
      return isSigned ? arith::IndexCastOp::create(builder, loc, to, value).getResult()
                      : arith::IndexCastUIOp::create(builder, loc, to, value).getResult();
    if (from.getIntOrFloatBitWidth() > to.getIntOrFloatBitWidth())
      return arith::TruncIOp::create(builder, loc, to, value);
    return isSigned ? arith::ExtSIOp::create(builder, loc, to, value).getResult()
                    : arith::ExtUIOp::create(builder, loc, to, value).getResult();
  }

  Value next() {
    Type type = someType();
    switch (random() % 9) {
    case 0:
      return compare();
    case 1:
      return oneOf<arith::AndIOp, arith::OrIOp, arith::XOrIOp, arith::AddIOp>(builder.getI1Type());
    case 2:
      return arith::SelectOp::create(builder, loc, any(builder.getI1Type()), any(type), any(type));
    case 3:
      return convert();
    case 4:
      return oneOf<arith::DivSIOp, arith::DivUIOp, arith::FloorDivSIOp, arith::CeilDivSIOp, arith::CeilDivUIOp,
                   arith::RemSIOp, arith::RemUIOp>(type);
    case 5:
      return oneOf<arith::MinSIOp, arith::MaxSIOp, arith::MinUIOp, arith::MaxUIOp>(type);
    case 6:
      if (random() % 3 == 0)
        return math::AbsIOp::create(builder, loc, any(type));
      return oneOf<arith::AndIOp, arith::ShLIOp, arith::ShRSIOp, arith::ShRUIOp>(type);
    default:
      return oneOf<arith::AddIOp, arith::SubIOp, arith::MulIOp>(type);
    }
  }

  OpBuilder builder;
  Location loc;
  std::mt19937_64 random;
  SmallVector<Value> values;
};

TEST(RandomMask, IsSound) {
  int64_t tiles = 0, unsound = 0, decided = 0, uniform = 0;
  for (int seed = 0; seed < kMasks; ++seed) {
    OwningOpRef<func::FuncOp> function = RandomMask(seed).build();
    MaskHarness harness(*function);
    OpBuilder builder = OpBuilder::atBlockEnd(&harness.body());
    TileClass result = emitTileClass(builder, builder.getUnknownLoc(), harness.mask(), harness.tile());
    func::ReturnOp::create(builder, builder.getUnknownLoc(), ValueRange{result.may, result.must});
    Program program(harness.body());
    std::mt19937_64 random(seed);
    int64_t before = unsound;
    for (int i = 0; i < kTilesPerMask; ++i) {
      Sample sample = harness.sample(random);
      sample.symbols.back() = harness.leftOfComparison(sample, random).value_or(0) + int64_t(random() % 3) - 1;
      harness.setInputs(program, sample);
      ASSERT_TRUE(program.run()) << "seed " << seed;
      std::optional<MaskHarness::Truth> truth = harness.bruteForce(sample);
      if (!truth)
        continue;
      bool may = program.output(0), must = program.output(1);
      ++tiles;
      uniform += !truth->any || truth->all;
      decided += !may || must;
      unsound += (truth->any && !may) || (!truth->all && must);
    }
    if (unsound != before) {
      std::string text;
      llvm::raw_string_ostream(text) << *function;
      ADD_FAILURE() << "seed " << seed << ", " << unsound - before << " unsound tiles\n" << text;
    }
  }
  printf("%ld tiles, %ld unsound; %ld are EMPTY or FULL, of which %ld found\n", tiles, unsound, uniform, decided);
  EXPECT_GT(decided * 4, uniform);
  EXPECT_GT(uniform * 10, tiles);
  EXPECT_LT(uniform * 10, tiles * 9);
}

/// Random masks solved for the key: no visible key is left out, and `full` is never said in vain.
TEST(RandomMask, BoundsAreSound) {
  int64_t asked = 0, restricted = 0, unsound = 0;
  for (int seed = 0; seed < kMasks / 2; ++seed) {
    OwningOpRef<func::FuncOp> function = RandomMask(seed).build();
    MaskHarness harness(*function);
    const int64_t step = seed % 3 ? 8 : 3;
    Program program = expandTileBounds(harness, step);
    std::mt19937_64 random(seed);
    int64_t before = unsound;
    for (int i = 0; i < kTilesPerMask / 2; ++i) {
      Sample sample = harness.sample(random);
      sample.symbols.back() = harness.leftOfComparison(sample, random).value_or(0) + int64_t(random() % 3) - 1;
      harness.setInputs(program, sample);
      ASSERT_TRUE(program.run()) << "seed " << seed;
      std::optional<TileBounds> truth = bruteForceBounds(harness, sample, step);
      if (!truth)
        continue;
      TileBounds bounds{program.output(0), program.output(1), program.output(2), program.output(3)};
      ++asked;
      restricted += bounds.visited < (sample.keyEnd - sample.keyBegin + step - 1) / step;
      unsound += truth->visited && (bounds.begin > truth->begin || bounds.end < truth->end);
      unsound += bounds.visited < truth->visited || (bounds.full && !truth->full);
    }
    if (unsound != before) {
      std::string text;
      llvm::raw_string_ostream(text) << *function;
      ADD_FAILURE() << "seed " << seed << ", " << unsound - before << " unsound bounds\n" << text;
    }
  }
  printf("%ld asked, %ld unsound, %ld restricted\n", asked, unsound, restricted);
  EXPECT_GT(restricted * 10, asked);
}

} // namespace
