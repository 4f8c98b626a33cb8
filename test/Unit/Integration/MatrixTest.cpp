// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every mask in both layouts, in every variant, over odd sizes. Head sizes, groups, offsets and lengths rotate, so that
// over all masks each pair of lengths and each head size meets each layout.
#include "Problems.h"

using namespace fovea::test;

namespace {

constexpr int64_t kLengths[] = {1, 7, 33, 130, 257, 300};
constexpr int64_t kColumns[][2] = {{64, 64}, {40, 24}, {1, 3}, {128, 96}, {33, 17}};
constexpr int64_t kGroups[][2] = {{2, 2}, {6, 2}, {4, 1}}; // query heads, kv heads

using Parameter = std::tuple<size_t, std::string>; // problem, layout

struct Matrix : testing::TestWithParam<Parameter> {
  size_t number() const { return std::get<0>(GetParam()); }
  size_t layoutNumber() const { return std::get<1>(GetParam()) == "bnhd"; }

  Spec spec() const {
    Spec spec;
    spec.layout = std::get<1>(GetParam());
    const int64_t *columns = kColumns[(number() + 2 * layoutNumber()) % std::size(kColumns)];
    spec.keySize = columns[0];
    spec.valueSize = columns[1];
    spec.offset = static_cast<Offset>((number() + layoutNumber()) % 3);
    return withProblem(spec, problems()[number()]);
  }

  Sizes sizes(size_t round) const {
    size_t shift = number() + 3 * layoutNumber();
    const int64_t *heads = kGroups[(round + shift) % 3];
    return {int64_t(1 + round % 2), heads[0], heads[1], kLengths[round], kLengths[(round + shift) % 6]};
  }
};

std::vector<std::unique_ptr<Kernel>> compileVariants(Spec spec) {
  std::vector<std::unique_ptr<Kernel>> kernels;
  for (const Variant &variant : variants()) {
    spec.schedule = variant.schedule;
    kernels.push_back(std::make_unique<Kernel>(moduleText(spec), CompileRequest{variant.target, "", ""}));
  }
  return kernels;
}

TEST_P(Matrix, EqualsTheReferenceInEveryVariant) {
  Spec spec = this->spec();
  const Problem &problem = problems()[number()];
  Oracle oracle(moduleText(spec));
  std::vector<std::unique_ptr<Kernel>> kernels = compileVariants(spec);
  for (size_t round = 0; round < std::size(kLengths); ++round) {
    Sizes s = sizes(round);
    Random random(number() * 100 + round);
    std::vector<TensorRef> inputs = inputsOf(spec, problem, s, random);
    fovea::reference::Evaluation expected = oracle.evaluate(inputs);
    for (size_t v = 0; v < kernels.size(); ++v) {
      if (!*kernels[v])
        continue;
      SCOPED_TRACE(variants()[v].name + " " + describe(s));
      Call call(*kernels[v], inputs, outputShapes(expected));
      expectMatch(call, expected);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Masks, Matrix,
                         testing::Combine(testing::Range(size_t(0), problems().size()),
                                          testing::Values(std::string("bhnd"), std::string("bnhd"))),
                         [](const testing::TestParamInfo<Parameter> &info) {
                           return problems()[std::get<0>(info.param)].name + "_" + std::get<1>(info.param);
                         });

/// DeepSeek's latent form has 576 columns; here they stand on the other side.
TEST(HeadSizes, WideValuesAndWideKeys) {
  for (auto [keySize, valueSize] : {std::pair<int64_t, int64_t>{17, 576}, {576, 17}, {576, 512}}) {
    SCOPED_TRACE(std::to_string(keySize) + "/" + std::to_string(valueSize));
    Spec spec;
    spec.keySize = keySize;
    spec.valueSize = valueSize;
    spec = withProblem(spec, problem("causal"));
    Random random(uint64_t(keySize) * 1000 + uint64_t(valueSize));
    expectRight(spec, inputsOf(spec, problem("causal"), {1, 3, 1, 70, 133}, random));
  }
}

/// Tails of the register tile over the columns of both products.
TEST(HeadSizes, EverySizeUpToForty) {
  for (int64_t size = 1; size <= 40; size += 3) {
    SCOPED_TRACE(size);
    Spec spec;
    spec.keySize = size;
    spec.valueSize = 41 - size;
    Random random{uint64_t(size)};
    expectRight(spec, normalInputs(spec, {1, 2, 1, 40, 70}, random));
  }
}

/// The first sizes around each step of the grid: micro tile, panel, query tile, key block.
TEST(Lengths, AroundEveryStepOfTheGrid) {
  Spec spec = withProblem({}, problem("window"));
  spec.keySize = spec.valueSize = 8;
  Oracle oracle(moduleText(spec));
  for (const Variant &variant : variants()) {
    spec.schedule = variant.schedule;
    const Kernel &kernel = compiled(moduleText(spec), variant.target);
    if (!kernel)
      continue;
    for (int64_t n : {1,  2,  3,  4,  5,  7,  8,  9,  15,  16,  17,  23,  24,  25, 31,
                      32, 33, 63, 64, 65, 71, 72, 73, 127, 128, 129, 255, 256, 257})
      for (int64_t m : {n, 40 + n % 3}) {
        SCOPED_TRACE(variant.name + " " + std::to_string(n) + " x " + std::to_string(m));
        Random random(uint64_t(n + m));
        std::vector<TensorRef> inputs = inputsOf(spec, problem("window"), {1, 1, 1, n, m}, random);
        fovea::reference::Evaluation expected = oracle.evaluate(inputs);
        Call call(kernel, inputs, outputShapes(expected));
        expectMatch(call, expected);
      }
  }
}

} // namespace
