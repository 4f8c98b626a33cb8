// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What each builder emits is its formula, at every position of small problems.
#include "Fixture.h"
#include "NamedMasks.h"

#include <random>
#include <set>

using namespace mlir;
using namespace fovea;
using namespace fovea::test;
using reference::DType;
using reference::HostTensor;
using reference::RegionProgram;
using reference::RuntimeValue;
using reference::TensorRef;

namespace {

std::vector<int64_t> shapeOf(Symbol::Kind kind) {
  constexpr int64_t kPositions = std::max(kQueries, kKeys);
  switch (kind) {
  case Symbol::Number:
    return {};
  case Symbol::PerSequence:
    return {kBatches};
  case Symbol::PerHead:
    return {kHeads};
  case Symbol::PerPosition:
  case Symbol::Flags:
    return {kPositions};
  case Symbol::SequenceAndPosition:
    return {kBatches, kPositions};
  case Symbol::Words:
    return {kTokens};
  case Symbol::Ancestors:
    return {kTokens, kTokens};
  case Symbol::Blocks:
    return {kPositions / kBlockRows + 1, kPositions / kBlockKeys + 1};
  }
  return {};
}

/// Random values of the symbols: as the formula reads them, and as the reference does.
struct Draw {
  Values values;
  std::vector<RuntimeValue> runtime;
  std::vector<TensorRef> arguments;
};

Draw draw(const NamedMask &mask, std::mt19937_64 &random) {
  Draw result;
  for (const Symbol &symbol : mask.symbols) {
    auto next = [&] { return symbol.low + int64_t(random() % uint64_t(symbol.high - symbol.low + 1)); };
    if (!symbol.isTable()) {
      // Small problems: numbers as small.
      int64_t number =
          random() % 4 ? std::clamp<int64_t>(int64_t(random() % 80) - 20, symbol.low, symbol.high) : next();
      result.values.numbers.push_back(number);
      result.runtime.push_back(number);
      result.arguments.push_back(std::make_shared<HostTensor>(HostTensor::scalar(number)));
      continue;
    }
    result.values.numbers.push_back(0);
    bool isFlag = symbol.kind == Symbol::Flags || symbol.kind == Symbol::Ancestors || symbol.kind == Symbol::Blocks;
    DType dtype = isFlag ? DType::I8 : symbol.kind == Symbol::Words ? DType::I64 : DType::I32;
    auto tensor = std::make_shared<HostTensor>(HostTensor::zeros(dtype, shapeOf(symbol.kind)));
    for (int64_t k = 0; k < tensor->size(); ++k) {
      if (dtype == DType::I8)
        tensor->data<int8_t>()[k] = int8_t(next());
      else if (dtype == DType::I64)
        tensor->data<int64_t>()[k] = next();
      else
        tensor->data<int32_t>()[k] = int32_t(next() % 90);
    }
    result.runtime.push_back(tensor);
    result.arguments.push_back(tensor);
  }
  result.values.element = [tables = result.arguments](unsigned k, int64_t x, int64_t y) {
    return tables[k]->intAt(tables[k]->shape.size() == 2 ? x * tables[k]->shape[1] + y : x);
  };
  return result;
}

struct MasksTest : LibraryTest {
  /// How many of the positions are visible; -1 after a failure.
  int64_t compare(const NamedMask &mask, RegionProgram &program, const Draw &drawn) {
    int64_t visible = 0;
    for (int64_t b = 0; b < kBatches; ++b)
      for (int64_t h = 0; h < kHeads; ++h)
        for (int64_t i = mask.needsRowsFromZero ? 0 : -9; i < kQueries; ++i) {
          if (failed(program.run({b, h, i, 0, kKeys})))
            return -1;
          for (int64_t j = 0; j < kKeys; ++j) {
            bool expected = mask.isVisible(drawn.values, b, h, i, j);
            visible += expected;
            if ((program.ints()[j] != 0) != expected) {
              ADD_FAILURE() << "(" << b << ", " << h << ", " << i << ", " << j << ") should be " << expected;
              return -1;
            }
          }
        }
    return visible;
  }
};

TEST_F(MasksTest, AreTheirFormulas) {
  std::set<std::string> names;
  int64_t points = kBatches * kHeads * (kQueries + 9) * kKeys;
  for (const NamedMask &mask : namedMasks()) {
    SCOPED_TRACE(mask.name);
    EXPECT_TRUE(names.insert(mask.name).second) << "two masks of one name";
    SmallVector<Type> types;
    for (const Symbol &symbol : mask.symbols)
      types.push_back(symbol.type(&context));
    attn::AttentionOp op = attention(types);
    attn::setMask(op, [&](OpBuilder &b, Location loc, const attn::Position &at) {
      return mask.build(b, loc, at, ValueRange(symbolsOf(op)));
    });
    expectRoundTrip();
    std::mt19937_64 random(7);
    int64_t visible = 0, hidden = 0;
    for (int trial = 0; trial < 6; ++trial) {
      Draw drawn = draw(mask, random);
      auto program = compile(op.getMask(), op, drawn.runtime);
      ASSERT_TRUE(succeeded(program));
      int64_t count = compare(mask, *program, drawn);
      ASSERT_GE(count, 0);
      visible += count;
      hidden += points - count;
    }
    // A formula that is never true, or always, would prove nothing.
    bool isConstant = mask.name == "full" || mask.name == "none" || StringRef(mask.name).ends_with("_of_nothing");
    EXPECT_TRUE(isConstant || (visible > 0 && hidden > 0));
  }
  EXPECT_GE(names.size(), 35u);
}

TEST_F(MasksTest, CanBeEvaluatedByTheReference) {
  for (const NamedMask &mask : namedMasks()) {
    SCOPED_TRACE(mask.name);
    SmallVector<Type> types;
    for (const Symbol &symbol : mask.symbols)
      types.push_back(symbol.type(&context));
    attn::AttentionOp op = attention(types);
    attn::setMask(op, [&](OpBuilder &b, Location loc, const attn::Position &at) {
      return mask.build(b, loc, at, ValueRange(symbolsOf(op)));
    });
    std::mt19937_64 random(3);
    Draw drawn = draw(mask, random);
    // The value of key j is j and all scores are equal: each output is the mean of the keys that its row sees.
    auto zeros = [&] {
      return std::make_shared<HostTensor>(HostTensor::zeros(DType::F32, {kBatches, kHeads, kQueries, kHeadSize}));
    };
    std::vector<TensorRef> arguments = {zeros(), zeros(), zeros()};
    for (int64_t k = 0; k < arguments[2]->size(); ++k)
      arguments[2]->data<float>()[k] = float(k / kHeadSize % kKeys);
    arguments.insert(arguments.end(), drawn.arguments.begin(), drawn.arguments.end());
    auto function = *module->getOps<func::FuncOp>().begin();
    auto evaluation = reference::evaluateFunction(function, arguments);
    ASSERT_TRUE(succeeded(evaluation));
    const HostTensor &output = evaluation->outputs[0].value;
    for (int64_t row = 0; row < kBatches * kHeads * kQueries; ++row) {
      int64_t b = row / kQueries / kHeads, h = row / kQueries % kHeads, i = row % kQueries;
      double sum = 0, count = 0;
      for (int64_t j = 0; j < kKeys; ++j)
        if (mask.isVisible(drawn.values, b, h, i, j))
          sum += double(j), count += 1;
      ASSERT_NEAR(output.floatAt(row * kHeadSize), count ? sum / count : 0, 1e-9) << "row " << row;
    }
  }
}

TEST_F(MasksTest, WriteThemselvesAsText) {
  for (const NamedMask &mask : namedMasks()) {
    SCOPED_TRACE(mask.name);
    std::string parameters;
    std::vector<std::string> names;
    for (const Symbol &symbol : mask.symbols) {
      names.push_back("%symbol" + std::to_string(names.size()));
      llvm::raw_string_ostream(parameters) << ", " << names.back() << ": " << symbol.type(&context);
    }
    int count = 0;
    MaskLines lines = writeMask(mask, names, [&] { return "%line" + std::to_string(count++); });
    std::string text = "func.func @f(%b: index, %h: index, %i: index, %j: index" + parameters + ") -> i1 {\n" +
                       lines.text + "return " + lines.result + " : i1\n}";
    EXPECT_TRUE(parseSourceString<ModuleOp>(text, &context)) << text;
  }
}

} // namespace
