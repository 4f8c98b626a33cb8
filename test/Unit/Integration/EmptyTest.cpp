// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows that see nothing, sizes of zero and one.
#include "Problems.h"

#include <cmath>

using namespace fovea::test;

namespace {

/// Columns 8, and whatever the mask needs as its arguments.
Spec smallSpec(const std::string &mask = "", const std::string &parameters = "") {
  Spec spec;
  spec.keySize = spec.valueSize = 8;
  spec.mask = mask;
  spec.parameters = parameters;
  return spec;
}

/// Runs every variant and hands its outputs to `check`.
void forEachResult(const Spec &spec, const std::vector<TensorRef> &inputs,
                   llvm::function_ref<void(const HostTensor &out, const HostTensor &lse)> check) {
  fovea::reference::Evaluation expected = Oracle(moduleText(spec)).evaluate(inputs);
  for (const Variant &variant : variants()) {
    SCOPED_TRACE(variant.name);
    Spec scheduled = spec;
    scheduled.schedule = variant.schedule;
    const Kernel &kernel = compiled(moduleText(scheduled), variant.target);
    if (!kernel)
      continue;
    Call call(kernel, inputs, outputShapes(expected));
    if (!execute(call))
      continue;
    EXPECT_TRUE(matches(expected, call.outputs()));
    check(call.output(0), call.output(1));
  }
}

TEST(FullyMaskedRows, GiveZeroAndMinusInfinity) {
  // Rows 0, 3, 6, ... see nothing; the others are causal.
  Spec spec = smallSpec(R"(
      %three = arith.constant 3 : index
      %zero = arith.constant 0 : index
      %phase = arith.remui %i, %three : index
      %some = arith.cmpi ne, %phase, %zero : index
      %causal = arith.cmpi sge, %i, %j : index
      %keep = arith.andi %some, %causal : i1
      attn.yield %keep : i1
)");
  Random random(1);
  forEachResult(spec, normalInputs(spec, {1, 2, 1, 100, 100}, random),
                [](const HostTensor &out, const HostTensor &lse) {
                  for (int64_t r = 0; r < 200; ++r) {
                    bool isEmpty = r % 100 % 3 == 0;
                    EXPECT_EQ(std::isinf(lse.floatAt(r)), isEmpty) << "row " << r;
                    for (int64_t d = 0; d < 8; ++d)
                      EXPECT_EQ(out.floatAt(r * 8 + d) == 0, isEmpty) << "row " << r;
                  }
                });
}

TEST(FullyMaskedRows, AllKeysOfAllRows) {
  Spec spec = smallSpec("      %keep = arith.cmpi slt, %j, %w : index\n      attn.yield %keep : i1\n", "%w: index");
  for (int64_t visible : {0, -5}) {
    Random random(2);
    std::vector<TensorRef> inputs = normalInputs(spec, {2, 2, 2, 70, 90}, random);
    inputs.push_back(integer(visible));
    forEachResult(spec, inputs, [](const HostTensor &out, const HostTensor &lse) {
      for (int64_t k = 0; k < out.size(); ++k)
        ASSERT_EQ(out.floatAt(k), 0);
      for (int64_t k = 0; k < lse.size(); ++k)
        ASSERT_EQ(lse.floatAt(k), -INFINITY);
    });
  }
}

TEST(FullyMaskedRows, AConstantMaskThatHidesEverything) {
  Spec spec = smallSpec("      %keep = arith.constant false\n      attn.yield %keep : i1\n");
  Random random(3);
  expectRight(spec, normalInputs(spec, {1, 2, 1, 40, 50}, random));
}

TEST(FullyMaskedRows, RowsBeforeTheFirstKey) {
  Spec spec = withProblem(smallSpec(), problem("causal"));
  spec.offset = Offset::Scalar;
  Random random(4);
  std::vector<TensorRef> inputs = normalInputs(spec, {1, 2, 1, 100, 60}, random);
  for (int64_t offset : {-1, -40, -99, -100, -5000}) {
    SCOPED_TRACE(offset);
    inputs.resize(3);
    inputs.push_back(integer(offset));
    expectRight(spec, inputs);
  }
}

TEST(SizesOfZero, NoKeysNoRowsNoSequencesNoHeads) {
  Spec spec = withProblem(smallSpec(), problem("causal"));
  for (Sizes s :
       {Sizes{2, 4, 2, 5, 0}, {2, 4, 2, 0, 5}, {0, 4, 2, 5, 5}, {2, 0, 2, 5, 5}, {2, 0, 0, 5, 5}, {0, 0, 0, 0, 0}}) {
    SCOPED_TRACE(describe(s));
    Random random(5);
    expectRight(spec, normalInputs(spec, s, random));
  }
}

TEST(SizesOfZero, NoKeysWithoutAMask) {
  Random random(6);
  expectRight(smallSpec(), normalInputs(smallSpec(), {1, 2, 1, 40, 0}, random));
}

TEST(SizesOfOne, OneColumnOneKeyOneRow) {
  Spec spec;
  for (int64_t keySize : {1, 2})
    for (int64_t valueSize : {1, 2})
      for (auto [rows, keys] : {std::pair<int64_t, int64_t>{1, 1}, {1, 100}, {100, 1}, {70, 65}}) {
        spec.keySize = keySize;
        spec.valueSize = valueSize;
        Random random(7);
        expectRight(spec, normalInputs(spec, {1, 1, 1, rows, keys}, random));
      }
}

/// torch's is_causal counts from the first key, FlashAttention's from the last: an offset, nothing implicit.
TEST(CausalAlignment, TopLeftAndBottomRight) {
  Spec spec = withProblem(smallSpec(), problem("causal"));
  spec.offset = Offset::Scalar;
  for (auto [rows, keys] : {std::pair<int64_t, int64_t>{50, 90}, {90, 50}})
    for (int64_t offset : {int64_t(0), keys - rows}) {
      Random random(8);
      std::vector<TensorRef> inputs = normalInputs(spec, {1, 2, 2, rows, keys}, random);
      inputs.push_back(integer(offset));
      expectRight(spec, inputs);
      forEachResult(spec, inputs, [&](const HostTensor &, const HostTensor &lse) {
        for (int64_t r = 0; r < rows; ++r)
          EXPECT_EQ(std::isinf(lse.floatAt(r)), r + offset < 0) << "row " << r;
      });
    }
}

} // namespace
