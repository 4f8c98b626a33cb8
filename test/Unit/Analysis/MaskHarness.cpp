// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "MaskHarness.h"

#include "fovea/Dialect/Attn/IR/Attn.h"
#include "fovea/Dialect/Attn/Transforms/Passes.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/MathExtras.h"
#include "gtest/gtest.h"

using namespace mlir;

namespace fovea::test {

MLIRContext &context() {
  static MLIRContext *context = [] {
    DialectRegistry registry;
    registry.insert<attn::AttnDialect, arith::ArithDialect, func::FuncDialect, math::MathDialect, memref::MemRefDialect,
                    scf::SCFDialect, tensor::TensorDialect>();
    registerMaskRangeModels(registry);
    auto *result = new MLIRContext(registry, MLIRContext::Threading::DISABLED);
    result->loadAllAvailableDialects();
    return result;
  }();
  return *context;
}

static std::vector<func::FuncOp> functionsOf(OwningOpRef<ModuleOp> &module) {
  if (!module)
    return {};
  auto functions = module->getOps<func::FuncOp>();
  return {functions.begin(), functions.end()};
}

std::vector<func::FuncOp> masks() {
  static OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(FOVEA_MASKS_FILE, &context());
  return functionsOf(module);
}

std::vector<func::FuncOp> loadMasks() {
  static OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(FOVEA_LOAD_MASKS_FILE, &context());
  return functionsOf(module);
}

/// Arguments of the harness before the symbols; b, h, i, j of a mask.
constexpr unsigned kTileArguments = 6, kMaskArguments = 4;

MaskHarness::MaskHarness(func::FuncOp mask) {
  OpBuilder builder(&context());
  SmallVector<Type> types(kTileArguments, builder.getIndexType());
  llvm::append_range(types, mask.getArgumentTypes().drop_front(kMaskArguments));
  function = func::FuncOp::create(builder, mask.getLoc(), mask.getName(), builder.getFunctionType(types, {}));
  Block *entry = function->addEntryBlock();

  IRMapping mapping;
  Block &block = region.emplaceBlock();
  for (BlockArgument argument : mask.getArguments().take_front(kMaskArguments))
    mapping.map(argument, block.addArgument(argument.getType(), argument.getLoc()));
  for (auto [argument, symbol] :
       llvm::zip(mask.getArguments().drop_front(kMaskArguments), entry->getArguments().drop_front(kTileArguments)))
    mapping.map(argument, symbol);
  builder.setInsertionPointToEnd(&block);
  for (Operation &op : mask.getBody().front().without_terminator())
    builder.clone(op, mapping);
  Value result = mask.getBody().front().getTerminator()->getOperand(0);
  attn::YieldOp::create(builder, mask.getLoc(), mapping.lookup(result));
  pointwise = std::make_unique<Program>(block);
}

MaskTile MaskHarness::tile() {
  auto arguments = body().getArguments();
  return {arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]};
}

ValueRange MaskHarness::symbols() { return ValueRange(body().getArguments()).drop_front(kTileArguments); }

void MaskHarness::bind(unsigned index, const Buffer &buffer) { pointwise->bind(symbols()[index], buffer); }

static int64_t pick(std::mt19937_64 &random, ArrayRef<int64_t> values) { return values[random() % values.size()]; }

int64_t MaskHarness::sampleSymbol(Type type, std::mt19937_64 &random, bool &isOrdinary) {
  if (isa<ShapedType>(type))
    return static_cast<int64_t>(random()); // the seed of the table
  unsigned width = type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
  static const int64_t extremes[] = {INT64_MAX,         INT64_MIN,       INT64_MIN + 1,    INT32_MAX,
                                     INT32_MIN,         kSymbolLimit,    kSymbolLimit + 1, -kSymbolLimit,
                                     -kSymbolLimit - 1, int64_t(1) << 40};
  unsigned kind = random() % 100;
  int64_t value = static_cast<int64_t>(random() % 308) - 8;
  if (kind >= 60 && kind < 75)
    value = random() % 5000;
  else if (kind >= 75 && kind < 85)
    value = pick(random, {-1, 0, 1});
  else if (kind >= 85)
    value = pick(random, extremes);
  isOrdinary &= kind < 85;
  return width == 1 ? value & 1 : llvm::SignExtend64(value, width);
}

Sample MaskHarness::sample(std::mt19937_64 &random) {
  int64_t rows = pick(random, {1, 3, 8, 16, 64}), keys = pick(random, {1, 5, 8, 16, 64, 128});
  auto position = [&](int64_t size) -> int64_t {
    unsigned kind = random() % 100;
    if (kind < 70)
      return random() % 512;
    if (kind < 90)
      return random() % 100000;
    return kPositionLimit - size - static_cast<int64_t>(random() % 64);
  };
  // A query offset may put rows before key 0, or anywhere at all.
  auto rowPosition = [&]() -> int64_t {
    unsigned kind = random() % 100;
    if (kind < 90)
      return position(rows);
    return kind < 98 ? -int64_t(random() % 600)
                     : pick(random, {-(int64_t(1) << 40), int64_t(1) << 40, -kPositionLimit - 3});
  };
  Sample sample{int64_t(random() % 8), int64_t(random() % 32), rowPosition(), 0, position(keys), 0, {}};
  sample.isOrdinary = sample.rowBegin >= 0 && sample.rowBegin < kPositionLimit;
  sample.rowEnd = sample.rowBegin + rows;
  sample.keyEnd = sample.keyBegin + keys;
  for (BlockArgument symbol : body().getArguments().drop_front(kTileArguments))
    sample.symbols.push_back(sampleSymbol(symbol.getType(), random, sample.isOrdinary));
  return sample;
}

void MaskHarness::setInputs(Program &program, const Sample &sample) {
  auto arguments = body().getArguments();
  int64_t fixed[] = {sample.batch, sample.head, sample.rowBegin, sample.rowEnd, sample.keyBegin, sample.keyEnd};
  for (auto [argument, value] : llvm::zip(arguments, fixed))
    program.set(argument, value);
  for (auto [argument, value] : llvm::zip(arguments.drop_front(kTileArguments), sample.symbols))
    program.set(argument, value);
}

void MaskHarness::setUniform(const Sample &sample) {
  setInputs(*pointwise, sample);
  pointwise->set(region.getArgument(0), sample.batch);
  pointwise->set(region.getArgument(1), sample.head);
}

std::optional<int64_t> MaskHarness::leftOfComparison(const Sample &sample, std::mt19937_64 &random) {
  setUniform(sample);
  pointwise->set(region.getArgument(2), sample.rowBegin + random() % (sample.rowEnd - sample.rowBegin));
  pointwise->set(region.getArgument(3), sample.keyBegin + random() % (sample.keyEnd - sample.keyBegin));
  if (!pointwise->run())
    return std::nullopt;
  Value result = region.front().getTerminator()->getOperand(0);
  return pointwise->at(pointwise->slotOf(result.getDefiningOp()->getOperand(0)));
}

std::optional<MaskHarness::Truth> MaskHarness::bruteForce(const Sample &sample) {
  setUniform(sample);
  unsigned row = pointwise->slotOf(region.getArgument(2)), key = pointwise->slotOf(region.getArgument(3));
  Truth truth{false, true};
  for (int64_t i = sample.rowBegin; i < sample.rowEnd; ++i)
    for (int64_t j = sample.keyBegin; j < sample.keyEnd; ++j) {
      pointwise->at(row) = i;
      pointwise->at(key) = j;
      if (!pointwise->run() || pointwise->isPoisoned())
        return std::nullopt;
      (pointwise->output(0) ? truth.any : truth.all) = pointwise->output(0);
      if (truth.any && !truth.all)
        return truth;
    }
  return truth;
}

TileBounds stepByStep(const Sample &sample, int64_t step, function_ref<std::pair<bool, bool>(const Sample &)> visible) {
  TileBounds result{sample.keyBegin, sample.keyBegin, 0, 1};
  if (sample.rowBegin >= sample.rowEnd)
    return result;
  for (int64_t key = sample.keyBegin; key < sample.keyEnd; key += step) {
    Sample tile = sample;
    tile.keyBegin = key;
    tile.keyEnd = std::min(key + step, sample.keyEnd);
    auto [may, must] = visible(tile);
    result.full &= must;
    if (!may)
      continue;
    if (result.visited++ == 0)
      result.begin = key;
    result.end = tile.keyEnd;
  }
  return result;
}

std::optional<TileBounds> bruteForceBounds(MaskHarness &harness, const Sample &sample, int64_t step) {
  bool isDefined = true;
  TileBounds truth = stepByStep(sample, step, [&](const Sample &tile) {
    std::optional<MaskHarness::Truth> seen = harness.bruteForce(tile);
    isDefined &= seen.has_value();
    return seen ? std::pair(seen->any, seen->all) : std::pair(true, false);
  });
  return isDefined ? std::optional(truth) : std::nullopt;
}

Program expandTileBounds(MaskHarness &harness, int64_t step, bool oneStep, bool summaries) {
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
  IRMapping mapping;
  harness.mask().cloneInto(&bounds.getMask(), mapping);
  func::ReturnOp::create(builder, loc, bounds.getResults());
  func::FuncOp function = harness.getFunction();
  function.setFunctionType(builder.getFunctionType(function.getArgumentTypes(), bounds.getResultTypes()));

  PassManager passes(&context(), func::FuncOp::getOperationName());
  if (summaries)
    passes.addPass(attn::createSummarizeLoads());
  passes.addPass(attn::createExpandTileBounds());
  EXPECT_TRUE(succeeded(passes.run(function)));
  EXPECT_TRUE(!oneStep || function.getOps<scf::ForOp>().empty());
  return Program(harness.body());
}

} // namespace fovea::test
