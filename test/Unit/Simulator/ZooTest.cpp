// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The masks and scores that people use, on every family of kernels: within the reference's bound, and no report.
#include "../Integration/Problems.h"
#include "Fixture.h"
#include "NamedMasks.h"
#include "fovea/Simulator/Simulator.h"

#include <algorithm>

using namespace fovea::test;

namespace {

/// Every family of kernels.
const std::vector<std::string> kTargets = {"sim:sm_80", "sim:sm_90a"};

/// One of test/Unit/Integration/Problems.cpp, or a mask of the library with arguments for its symbols.
struct Animal {
  std::string name, parameters, mask, score;
  std::function<std::vector<TensorRef>(const Sizes &, int64_t lastPosition, Random &)> values;
};

/// How a symbol is written, and random contents for it.
std::string typeOf(const Symbol &symbol) {
  std::string tokens = std::to_string(kTokens);
  switch (symbol.kind) {
  case Symbol::Number:
    return "index";
  case Symbol::SequenceAndPosition:
    return "tensor<?x?xi32>";
  case Symbol::Flags:
    return "tensor<?xi8>";
  case Symbol::Words:
    return "tensor<" + tokens + "xi64>";
  case Symbol::Ancestors:
    return "tensor<" + tokens + "x" + tokens + "xi8>";
  case Symbol::Blocks:
    return "tensor<?x?xi8>";
  default:
    return "tensor<?xi32>";
  }
}

TensorRef contentOf(const Symbol &symbol, const Sizes &s, int64_t positions, Random &random) {
  if (symbol.kind == Symbol::Number)
    return integer(random.between(std::max<int64_t>(symbol.low, 1), std::min<int64_t>(symbol.high, 100)));
  auto fill = [&](DType dtype, Shape shape) {
    auto tensor = std::make_shared<HostTensor>(HostTensor::zeros(dtype, std::move(shape)));
    for (int64_t k = 0; k < tensor->size(); ++k) {
      int64_t value = random.between(symbol.low, std::min<int64_t>(symbol.high, 8191));
      if (dtype == DType::I8)
        tensor->data<int8_t>()[k] = int8_t(value);
      else if (dtype == DType::I32)
        tensor->data<int32_t>()[k] = int32_t(value);
      else
        tensor->data<int64_t>()[k] = value;
    }
    return tensor;
  };
  switch (symbol.kind) {
  case Symbol::PerSequence:
    return fill(DType::I32, {s.batches});
  case Symbol::PerHead:
    return fill(DType::I32, {s.heads});
  case Symbol::SequenceAndPosition:
    return fill(DType::I32, {s.batches, positions});
  case Symbol::Flags:
    return fill(DType::I8, {positions});
  case Symbol::Words:
    return fill(DType::I64, {kTokens});
  case Symbol::Ancestors:
    return fill(DType::I8, {kTokens, kTokens});
  case Symbol::Blocks:
    return fill(DType::I8, {positions / kBlockRows + 1, positions / kBlockKeys + 1});
  default:
    return fill(DType::I32, {positions});
  }
}

Animal animalOf(const NamedMask &mask) {
  Animal animal;
  animal.name = "named_" + mask.name;
  std::vector<std::string> symbols;
  for (const Symbol &symbol : mask.symbols) {
    symbols.push_back("%s" + std::to_string(symbols.size()));
    animal.parameters += (symbols.size() > 1 ? ", " : "") + symbols.back() + ": " + typeOf(symbol);
  }
  int fresh = 0;
  MaskLines lines = writeMask(mask, symbols, [&] { return "%x" + std::to_string(fresh++); });
  animal.mask = lines.text + "      attn.yield " + lines.result + " : i1\n";
  animal.values = [&mask](const Sizes &s, int64_t lastPosition, Random &random) {
    std::vector<TensorRef> values;
    for (const Symbol &symbol : mask.symbols)
      values.push_back(contentOf(symbol, s, std::max(lastPosition, s.keys), random));
    return values;
  };
  return animal;
}

const std::vector<Animal> &zoo() {
  static const std::vector<Animal> all = [] {
    std::vector<Animal> animals;
    for (const Problem &problem : problems())
      animals.push_back({problem.name, problem.parameters, problem.mask, problem.score, problem.values});
    for (const NamedMask &mask : namedMasks())
      animals.push_back(animalOf(mask));
    return animals;
  }();
  return all;
}

Case caseOf(const Animal &animal, int64_t headSize, const Sizes &s) {
  Case c;
  c.parameters = animal.parameters;
  c.mask = animal.mask;
  c.score = animal.score;
  c.keySize = c.valueSize = headSize;
  c.element = c.output = headSize == 64 ? "bf16" : "f16";
  c.batches = s.batches;
  c.heads = s.heads;
  c.kvHeads = s.kvHeads;
  c.queries = s.queries;
  c.keys = s.keys;
  c.offset = std::max<int64_t>(s.keys - s.queries, 0);
  Random random(uint64_t(s.queries + s.keys));
  c.values = animal.values(s, c.offset + s.queries, random);
  return c;
}

using Parameter = std::tuple<std::string, size_t, int64_t>; // target, animal, head size
struct Zoo : testing::TestWithParam<Parameter> {};

/// Two kv heads of two query heads each; rows and keys that fill no tile: more and fewer queries than keys.
TEST_P(Zoo, GroupedHeadsAndOddLengths) {
  auto [target, animal, headSize] = GetParam();
  for (const Sizes &s : {Sizes{2, 4, 2, 77, 131}, Sizes{1, 4, 2, 9, 145}}) {
    SCOPED_TRACE(describe(s));
    expectRight(caseOf(zoo()[animal], headSize, s), {target});
  }
}

INSTANTIATE_TEST_SUITE_P(All, Zoo,
                         testing::Combine(testing::ValuesIn(kTargets), testing::Range(size_t(0), zoo().size()),
                                          testing::Values(int64_t(64), int64_t(128))),
                         [](const testing::TestParamInfo<Parameter> &info) {
                           std::string target = std::get<0>(info.param).substr(4);
                           return target + "_" + zoo()[std::get<1>(info.param)].name + "_" +
                                  std::to_string(std::get<2>(info.param));
                         });

struct Seeds : testing::TestWithParam<std::string> {
  ~Seeds() override { fovea::simulator::setSeed(std::nullopt); }
};

/// In whatever order warps run, nothing is found and no bit changes.
TEST_P(Seeds, DoNotMatter) {
  for (const char *name : {"causal", "window_sinks", "padding"}) {
    const auto &animals = zoo();
    auto animal = std::find_if(animals.begin(), animals.end(), [&](const Animal &a) { return a.name == name; });
    Case c = caseOf(*animal, 64, {1, 2, 1, 70, 150});
    Outcome first = simulate(c, c.text(), {GetParam()});
    for (uint64_t seed = 1; seed <= 50; ++seed) {
      SCOPED_TRACE(name + std::string(", seed ") + std::to_string(seed));
      fovea::simulator::setSeed(seed);
      Outcome run = simulate(c, c.text(), {GetParam()});
      ASSERT_EQ(run.reports + run.error, "");
      for (size_t k = 0; k < run.outputs.size(); ++k)
        ASSERT_TRUE(run.outputs[k].bytes == first.outputs[k].bytes) << "output " << k;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Seeds, testing::ValuesIn(kTargets),
                         [](const testing::TestParamInfo<std::string> &info) { return info.param.substr(4); });

} // namespace
