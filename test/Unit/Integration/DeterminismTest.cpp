// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bit-identical over runs, slots, batch composition and chunks of the queries.
#include "Problems.h"

#include <cstring>

using namespace fovea::test;

namespace {

/// Rows [begin, begin + count) of a dimension.
TensorRef slice(const HostTensor &tensor, size_t dim, int64_t begin, int64_t count) {
  Shape shape = tensor.shape;
  shape[dim] = count;
  auto result = std::make_shared<HostTensor>(HostTensor::zeros(tensor.dtype, shape));
  int64_t inner = int64_t(byteWidth(tensor.dtype)), outer = 1;
  for (size_t d = dim + 1; d < shape.size(); ++d)
    inner *= shape[d];
  for (size_t d = 0; d < dim; ++d)
    outer *= shape[d];
  for (int64_t o = 0; o < outer; ++o)
    std::memcpy(&result->bytes[o * count * inner], &tensor.bytes[(o * tensor.shape[dim] + begin) * inner],
                count * inner);
  return result;
}

Spec smallSpec(const std::string &name) {
  Spec spec;
  spec.keySize = 24;
  spec.valueSize = 40;
  return withProblem(spec, problem(name));
}

struct Determinism : testing::TestWithParam<std::string> {
  template <typename F> void forEachKernel(Spec spec, F f) {
    for (const Variant &variant : variants()) {
      SCOPED_TRACE(variant.name);
      spec.schedule = variant.schedule;
      const Kernel &kernel = compiled(moduleText(spec), variant.target);
      if (kernel)
        f(kernel);
    }
  }
  std::vector<HostTensor> run(const Kernel &kernel, const std::vector<TensorRef> &inputs,
                              const std::vector<Shape> &shapes, uint32_t slots = 1) {
    Call call(kernel, inputs, shapes);
    EXPECT_TRUE(execute(call, slots));
    return call.outputs();
  }
};

TEST_P(Determinism, SlotsAndRunsDoNotMatter) {
  Spec spec = smallSpec(GetParam());
  Random random(1);
  Sizes s = {2, 4, 2, 200, 200};
  std::vector<TensorRef> inputs = inputsOf(spec, problem(GetParam()), s, random);
  std::vector<Shape> shapes = {{2, 4, 200, 40}, {2, 4, 200}};
  forEachKernel(spec, [&](const Kernel &kernel) {
    std::vector<HostTensor> first = run(kernel, inputs, shapes);
    for (uint32_t slots : {1, 2, 3, 4}) {
      SCOPED_TRACE(slots);
      Call call(kernel, inputs, shapes);
      ASSERT_TRUE(execute(call, slots));
      EXPECT_EQ(call.stats().slots, slots);
      EXPECT_TRUE(sameBits(first[0], call.output(0)) && sameBits(first[1], call.output(1)));
      for (int again = 0; again < 3; ++again) {
        ASSERT_EQ(call.runSlots(), FOVEA_OK);
        EXPECT_TRUE(sameBits(first[0], call.output(0)) && sameBits(first[1], call.output(1)));
      }
    }
  });
}

TEST_P(Determinism, EachSequenceIsWhatItIsAlone) {
  Spec spec = smallSpec(GetParam());
  Random random(2);
  std::vector<TensorRef> inputs = inputsOf(spec, problem(GetParam()), {3, 2, 2, 150, 170}, random);
  forEachKernel(spec, [&](const Kernel &kernel) {
    std::vector<HostTensor> together = run(kernel, inputs, {{3, 2, 150, 40}, {3, 2, 150}});
    for (int64_t b = 0; b < 3; ++b) {
      std::vector<TensorRef> alone = inputs;
      for (size_t k = 0; k < 3; ++k)
        alone[k] = slice(*inputs[k], 0, b, 1);
      if (GetParam() == "padding")
        alone[3] = slice(*inputs[3], 0, b, 1);
      std::vector<HostTensor> single = run(kernel, alone, {{1, 2, 150, 40}, {1, 2, 150}});
      for (size_t k : {0, 1})
        EXPECT_TRUE(sameBits(*slice(together[k], 0, b, 1), single[k])) << "sequence " << b;
    }
  });
}

/// Chunked prefill: the same bits for a row whichever chunk it is in, and whichever keys exist that it cannot see.
TEST_P(Determinism, ChunksOfMoreThanSixteenRowsAreTheWhole) {
  if (GetParam() == "documents")
    GTEST_SKIP() << "its array has one element per position of the whole";
  Spec spec = smallSpec(GetParam());
  spec.offset = Offset::Scalar;
  Random random(3);
  Spec whole = spec;
  whole.offset = Offset::None;
  std::vector<TensorRef> inputs = inputsOf(whole, problem(GetParam()), {1, 2, 1, 200, 200}, random);
  inputs.insert(inputs.begin() + 3, integer(0));
  forEachKernel(spec, [&](const Kernel &kernel) {
    std::vector<HostTensor> expected = run(kernel, inputs, {{1, 2, 200, 40}, {1, 2, 200}});
    for (auto [begin, end] : {std::pair<int64_t, int64_t>{0, 17}, {17, 90}, {90, 128}, {128, 200}}) {
      std::vector<TensorRef> chunk = inputs;
      chunk[0] = slice(*inputs[0], 2, begin, end - begin);
      if (GetParam() == "causal" || GetParam() == "window")
        for (size_t k : {1, 2})
          chunk[k] = slice(*inputs[k], 2, 0, end);
      chunk[3] = integer(begin);
      std::vector<HostTensor> part = run(kernel, chunk, {{1, 2, end - begin, 40}, {1, 2, end - begin}});
      for (size_t k : {0, 1})
        EXPECT_TRUE(sameBits(*slice(expected[k], 2, begin, end - begin), part[k])) << "rows " << begin << " to " << end;
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Masks, Determinism,
                         testing::Values("none", "causal", "window", "padding", "alibi", "documents"),
                         [](const testing::TestParamInfo<std::string> &info) { return info.param; });

} // namespace
