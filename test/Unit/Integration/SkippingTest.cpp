// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Skipping equals visiting, bit for bit: the same mask as code, which the analysis reads, and as an array of booleans
// or bytes, which it cannot see through. The first skips tiles and drops mask code, the second does neither.
#include "Problems.h"

using namespace fovea::test;

namespace {

const char *const kBooleans = R"(
      %keep = tensor.extract %dense[%b, %i, %j] : tensor<?x?x?xi1>
      attn.yield %keep : i1
)";
const char *const kBytes = R"(
      %zero = arith.constant 0 : i8
      %byte = tensor.extract %dense[%b, %i, %j] : tensor<?x?x?xi8>
      %keep = arith.cmpi ne, %byte, %zero : i8
      attn.yield %keep : i1
)";

/// Which keys are visible, read off the reference: with zero queries and keys all weights are equal, and with one
/// value column per key the output of a row is not 0 exactly at the keys it sees. Positions are rows: no offset.
std::vector<uint8_t> visibleKeys(const Problem &problem, const Sizes &s, const std::vector<TensorRef> &arguments) {
  constexpr int64_t kColumns = 512;
  Spec spec;
  spec.keySize = 1;
  spec.valueSize = kColumns;
  spec.lse = false;
  spec = withProblem(spec, problem);
  auto zeros = [](Shape shape) { return std::make_shared<HostTensor>(HostTensor::zeros(DType::F32, shape)); };
  std::vector<TensorRef> inputs = {zeros({s.batches, 1, s.queries, 1}), zeros({s.batches, 1, s.keys, 1}),
                                   zeros({s.batches, 1, s.keys, kColumns})};
  for (int64_t b = 0; b < s.batches; ++b)
    for (int64_t j = 0; j < s.keys; ++j)
      inputs[2]->data<float>()[(b * s.keys + j) * kColumns + j] = 1;
  inputs.insert(inputs.end(), arguments.begin(), arguments.end());
  fovea::reference::Evaluation evaluation = Oracle(moduleText(spec)).evaluate(inputs);
  std::vector<uint8_t> visible;
  const double *out = evaluation.outputs[0].value.data<double>();
  for (int64_t row = 0; row < s.batches * s.queries; ++row)
    for (int64_t j = 0; j < s.keys; ++j)
      visible.push_back(out[row * kColumns + j] != 0);
  return visible;
}

struct Skipping : testing::TestWithParam<std::string> {};

TEST_P(Skipping, EqualsVisitingBitForBit) {
  const Problem &problem = fovea::test::problem(GetParam());
  Sizes s = {2, 2, 1, 300, 410};
  Random random(1);
  Spec asCode;
  asCode.keySize = 16;
  asCode.valueSize = 24;
  asCode = withProblem(asCode, problem);
  std::vector<TensorRef> codeInputs = inputsOf(asCode, problem, s, random);
  auto dense = std::make_shared<HostTensor>(HostTensor::zeros(DType::Bool, {s.batches, s.queries, s.keys}));
  std::vector<uint8_t> visible = visibleKeys(problem, s, {codeInputs.begin() + 3, codeInputs.end()});
  std::copy(visible.begin(), visible.end(), dense->data<uint8_t>());
  auto bytes = std::make_shared<HostTensor>(*dense);
  bytes->dtype = DType::I8;
  std::vector<TensorRef> arrayInputs = {codeInputs[0], codeInputs[1], codeInputs[2], dense};
  std::vector<Shape> shapes = {{s.batches, s.heads, s.queries, 24}, {s.batches, s.heads, s.queries}};

  Spec asBooleans = asCode, asBytes = asCode;
  asBooleans.parameters = "%dense: tensor<?x?x?xi1>";
  asBooleans.mask = kBooleans;
  asBytes.parameters = "%dense: tensor<?x?x?xi8>";
  asBytes.mask = kBytes;
  for (const Variant &variant : variants()) {
    SCOPED_TRACE(variant.name);
    asCode.schedule = asBooleans.schedule = asBytes.schedule = variant.schedule;
    const Kernel &code = compiled(moduleText(asCode), variant.target);
    const Kernel &booleans = compiled(moduleText(asBooleans), variant.target);
    const Kernel &asByte = compiled(moduleText(asBytes), variant.target);
    if (!code || !booleans || !asByte)
      continue;
    Call skips(code, codeInputs, shapes), visits(booleans, arrayInputs, shapes);
    arrayInputs[3] = bytes;
    Call visitsToo(asByte, arrayInputs, shapes);
    arrayInputs[3] = dense;
    if (!execute(skips) || !execute(visits) || !execute(visitsToo))
      continue;
    for (size_t k : {0, 1}) {
      EXPECT_TRUE(sameBits(skips.output(k), visits.output(k)));
      EXPECT_TRUE(sameBits(skips.output(k), visitsToo.output(k)));
    }
    // Otherwise this compares visiting with visiting. A dilated mask has no empty tile, and of documents nothing is
    // known.
    if (variant.name == "lanes16" && GetParam() != "dilated_causal" && GetParam() != "documents") {
      EXPECT_LT(skips.stats().visited, skips.stats().blocks);
    }
    EXPECT_EQ(visits.stats().visited, visits.stats().blocks);
  }
}

INSTANTIATE_TEST_SUITE_P(Masks, Skipping,
                         testing::Values("causal", "window", "window_sinks", "prefix_lm", "longformer",
                                         "dilated_causal", "block_diagonal", "chunked_causal", "padding",
                                         "left_padding_causal", "documents", "neighbourhood"),
                         [](const testing::TestParamInfo<std::string> &info) { return info.param; });

/// What the plan says it visits, for masks whose answer is known: query tile and key block 64.
TEST(PlanStatistics, CountOfVisitedKeyBlocks) {
  struct Known {
    const char *name;
    int64_t visited; // of 16 x 16 blocks, per head
  };
  for (const Known &known : {Known{"none", 256}, Known{"causal", 136}, Known{"window", 31}}) {
    SCOPED_TRACE(known.name);
    Spec spec = withProblem({}, problem(known.name));
    spec.schedule = kSchedules[0];
    const Kernel &kernel = compiled(moduleText(spec));
    Random random(1);
    Sizes s = {1, 1, 1, 1024, 1024};
    Call call(kernel, inputsOf(spec, problem(known.name), s, random), {{1, 1, 1024, 64}, {1, 1, 1024}});
    ASSERT_EQ(call.plan(), FOVEA_OK) << call.message;
    EXPECT_EQ(call.stats().blocks, 256);
    EXPECT_EQ(call.stats().visited, known.visited);
  }
}

} // namespace
