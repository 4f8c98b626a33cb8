// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arrays as they come: strided, reversed, broadcast, barely aligned. Results are those of dense arrays.
#include "Problems.h"

#include <cstring>

using namespace fovea::test;

namespace {

/// The elements of a dense tensor, laid out with other strides. Where strides are 0 the last element written remains.
struct View {
  std::vector<char, fovea::reference::CacheLineAllocator<char>> bytes;
  Shape shape, strides;
  char *first = nullptr;

  View(const HostTensor &dense, const Shape &strides, int64_t misalignment = 0) : shape(dense.shape), strides(strides) {
    int64_t low = 0, high = 0;
    for (size_t d = 0; d < shape.size(); ++d)
      (strides[d] < 0 ? low : high) += strides[d] * (shape[d] - 1);
    bytes.assign((high - low + 1) * 4 + misalignment, char(0xFF)); // NaN in the gaps
    first = bytes.data() + misalignment - low * 4;
    forEach([&](int64_t position, char *element) { std::memcpy(element, dense.bytes.data() + position * 4, 4); });
  }
  /// f(row-major position, address)
  template <typename F> void forEach(F f) {
    int64_t total = 1;
    for (int64_t size : shape)
      total *= size;
    for (int64_t position = 0; position < total; ++position) {
      std::vector<int64_t> indices = fovea::reference::unravel(position, shape);
      int64_t offset = 0;
      for (size_t d = 0; d < shape.size(); ++d)
        offset += indices[d] * strides[d];
      f(position, first + offset * 4);
    }
  }
  void apply(DLTensor &tensor) {
    tensor.data = first;
    tensor.strides = strides.data();
  }
  HostTensor dense() {
    HostTensor tensor = HostTensor::zeros(DType::F32, shape);
    forEach([&](int64_t position, char *element) { std::memcpy(tensor.bytes.data() + position * 4, element, 4); });
    return tensor;
  }
};

/// Element strides for a shape.
using Layout = Shape (*)(const Shape &shape);

Shape rowMajor(const Shape &n) {
  Shape strides(n.size(), 1);
  for (size_t d = n.size() - 1; d-- > 0;)
    strides[d] = strides[d + 1] * n[d + 1];
  return strides;
}
/// Heads and positions change places in memory: what a projection to [B, N, H, D] leaves.
Shape headsInside(const Shape &n) {
  return n.size() == 4 ? Shape{n[1] * n[2] * n[3], n[3], n[1] * n[3], 1} : rowMajor(n);
}
/// A part of a wider row, as of a fused query-key-value projection.
Shape widerRows(const Shape &n) {
  Shape strides = rowMajor(n);
  for (size_t d = 0; d + 1 < n.size(); ++d)
    strides[d] = strides[d] / n.back() * (n.back() + 13);
  return strides;
}
Shape everyThirdElement(const Shape &n) {
  Shape strides = rowMajor(n);
  for (int64_t &stride : strides)
    stride *= 3;
  return strides;
}
Shape reversedRows(const Shape &n) {
  Shape strides = rowMajor(n);
  strides[2] = -strides[2];
  return strides;
}
Shape reversedAll(const Shape &n) {
  Shape strides = rowMajor(n);
  for (int64_t &stride : strides)
    stride = -stride;
  return strides;
}
Shape transposed(const Shape &n) {
  Shape strides(n.size(), 1);
  for (size_t d = 1; d < n.size(); ++d)
    strides[d] = strides[d - 1] * n[d - 1];
  return strides;
}

struct NamedLayout {
  const char *name;
  Layout strides;
  int64_t misalignment;
};
const NamedLayout kLayouts[] = {{"row_major_off_by_four_bytes", rowMajor, 4},
                                {"heads_inside", headsInside, 0},
                                {"wider_rows_off_by_twenty_bytes", widerRows, 20},
                                {"every_third_element", everyThirdElement, 0},
                                {"reversed_rows", reversedRows, 0},
                                {"reversed_all", reversedAll, 4},
                                {"transposed", transposed, 0}};

struct Views : testing::TestWithParam<size_t> {};

TEST_P(Views, OfAnyStridesEqualDenseArrays) {
  const NamedLayout &layout = kLayouts[GetParam()];
  for (const char *form : {"bhnd", "bnhd"})
    for (auto [keySize, valueSize] : {std::pair<int64_t, int64_t>{16, 24}, {64, 64}, {5, 1}}) {
      Spec spec = withProblem({}, problem("causal"));
      spec.layout = form;
      spec.keySize = keySize;
      spec.valueSize = valueSize;
      Random random(1);
      std::vector<TensorRef> inputs = inputsOf(spec, problem("causal"), {2, 4, 2, 75, 133}, random);
      fovea::reference::Evaluation expected = Oracle(moduleText(spec)).evaluate(inputs);
      for (const Variant &variant : variants()) {
        SCOPED_TRACE(variant.name + " " + form + " " + std::to_string(keySize) + "/" + std::to_string(valueSize));
        spec.schedule = variant.schedule;
        const Kernel &kernel = compiled(moduleText(spec), variant.target);
        if (!kernel)
          continue;
        Call call(kernel, inputs, outputShapes(expected));
        std::vector<View> views;
        for (size_t k = 0; k < 3; ++k)
          views.emplace_back(*inputs[k], layout.strides(inputs[k]->shape), layout.misalignment);
        for (const fovea::reference::Output &output : expected.outputs)
          views.emplace_back(HostTensor::zeros(DType::F32, output.value.shape), layout.strides(output.value.shape),
                             layout.misalignment);
        for (size_t k = 0; k < views.size(); ++k)
          views[k].apply(call.tensor(k));
        if (execute(call)) {
          EXPECT_TRUE(matches(expected, {views[3].dense(), views[4].dense()}));
        }
      }
    }
}

INSTANTIATE_TEST_SUITE_P(Strides, Views, testing::Range(size_t(0), std::size(kLayouts)),
                         [](const testing::TestParamInfo<size_t> &info) {
                           return std::string(kLayouts[info.param].name);
                         });

/// Keys and values that sequences, heads or positions share, without a copy of them.
TEST(Broadcast, StrideZeroIsOneElementForAll) {
  for (size_t dim = 0; dim < 4; ++dim)
    for (size_t operand : {1, 2}) {
      Spec spec = withProblem({}, problem("window"));
      spec.keySize = spec.valueSize = 16;
      Random random(2);
      std::vector<TensorRef> inputs = inputsOf(spec, problem("window"), {2, 4, 2, 70, 90}, random);
      Shape strides = rowMajor(inputs[operand]->shape);
      strides[dim] = 0;
      View view(*inputs[operand], strides);
      inputs[operand] = std::make_shared<HostTensor>(view.dense());
      fovea::reference::Evaluation expected = Oracle(moduleText(spec)).evaluate(inputs);
      for (const Variant &variant : variants()) {
        SCOPED_TRACE(variant.name + ", operand " + std::to_string(operand) + ", dimension " + std::to_string(dim));
        spec.schedule = variant.schedule;
        const Kernel &kernel = compiled(moduleText(spec), variant.target);
        if (!kernel)
          continue;
        Call call(kernel, inputs, outputShapes(expected));
        view.apply(call.tensor(operand));
        expectMatch(call, expected);
      }
    }
}

/// What a mask or a score reads is gathered, whatever its strides.
TEST(Captures, OfAnyStrides) {
  for (const char *name : {"padding", "documents", "alibi", "relative_bias"})
    for (int64_t step : {-1, 3, -2}) {
      Spec spec = withProblem({}, problem(name));
      spec.keySize = spec.valueSize = 16;
      Random random(3);
      std::vector<TensorRef> inputs = inputsOf(spec, problem(name), {3, 4, 2, 70, 90}, random);
      fovea::reference::Evaluation expected = Oracle(moduleText(spec)).evaluate(inputs);
      Shape strides = rowMajor(inputs[3]->shape);
      for (int64_t &stride : strides)
        stride *= step;
      View view(*inputs[3], strides);
      for (const Variant &variant : variants()) {
        SCOPED_TRACE(variant.name + " " + name + ", step " + std::to_string(step));
        spec.schedule = variant.schedule;
        const Kernel &kernel = compiled(moduleText(spec), variant.target);
        if (!kernel)
          continue;
        Call call(kernel, inputs, outputShapes(expected));
        view.apply(call.tensor(3));
        expectMatch(call, expected);
      }
    }
}

/// One array as query, key and value: self-attention without projections.
TEST(Aliasing, OneArrayForAllInputs) {
  Spec spec = withProblem({}, problem("causal"));
  Random random(4);
  TensorRef shared = normal({1, 2, 90, 64}, random);
  expectRight(spec, {shared, shared, shared});
  const Kernel &kernel = compiled(moduleText(spec));
  Call call(kernel, {shared, shared, shared}, {{1, 2, 90, 64}, {1, 2, 90}});
  call.tensor(1).data = call.tensor(2).data = call.tensor(0).data;
  ASSERT_TRUE(execute(call));
  EXPECT_TRUE(matches(Oracle(moduleText(spec)).evaluate({shared, shared, shared}), call.outputs()));
}

} // namespace
