// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Skipping equals visiting, bit for bit: the same mask as code and as an array of bytes, both of which the analysis
// sees through, and as an array of booleans behind an index that it cannot follow. The first two skip tiles and drop
// mask code, the last does neither.
#include "Problems.h"

using namespace fovea::test;

namespace {

/// The key's number goes through floats, which the analysis does not follow.
const char *const kOpaque = R"(
      %j32 = arith.index_cast %j : index to i32
      %real = arith.sitofp %j32 : i32 to f32
      %back = arith.fptosi %real : f32 to i32
      %at = arith.index_cast %back : i32 to index
      %keep = tensor.extract %dense[%b, %i, %at] : tensor<?x?x?xi1>
      attn.yield %keep : i1
)";
const char *const kBytes = R"(
      %zero = arith.constant 0 : i8
      %byte = tensor.extract %dense[%b, %i, %j] : tensor<?x?x?xi8>
      %keep = arith.cmpi ne, %byte, %zero : i8
      attn.yield %keep : i1
)";

/// The spec with an array for its mask, and nothing else that hides.
Spec withArray(Spec spec, const std::string &type, const char *mask) {
  const std::string mark = " {attn.mask_bias}";
  if (size_t at = spec.parameters.find(mark); at != std::string::npos)
    spec.parameters.erase(at, mark.size());
  spec.parameters += (spec.parameters.empty() ? "%dense: " : ", %dense: ") + type;
  spec.mask = mask;
  return spec;
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
  std::vector<TensorRef> byteInputs = codeInputs, opaqueInputs = codeInputs;
  byteInputs.push_back(bytes);
  opaqueInputs.push_back(dense);
  std::vector<Shape> shapes = {{s.batches, s.heads, s.queries, 24}, {s.batches, s.heads, s.queries}};

  for (const Variant &variant : variants()) {
    SCOPED_TRACE(variant.name);
    asCode.schedule = variant.schedule;
    const Kernel &code = compiled(moduleText(asCode), variant.target);
    const Kernel &asBytes = compiled(moduleText(withArray(asCode, "tensor<?x?x?xi8>", kBytes)), variant.target);
    const Kernel &opaque = compiled(moduleText(withArray(asCode, "tensor<?x?x?xi1>", kOpaque)), variant.target);
    if (!code || !asBytes || !opaque)
      continue;
    Call skips(code, codeInputs, shapes), skipsToo(asBytes, byteInputs, shapes), visits(opaque, opaqueInputs, shapes);
    if (!execute(skips) || !execute(skipsToo) || !execute(visits))
      continue;
    for (size_t k : {0, 1}) {
      EXPECT_TRUE(sameBits(skips.output(k), visits.output(k)));
      EXPECT_TRUE(sameBits(skipsToo.output(k), visits.output(k)));
    }
    EXPECT_EQ(visits.stats().visited, visits.stats().blocks);
    // Otherwise this compares visiting with visiting. A dilated mask has no empty tile.
    if (variant.name == "lanes16") {
      if (GetParam() != "dilated_causal") {
        EXPECT_LT(skips.stats().visited, skips.stats().blocks);
      }
      EXPECT_LE(skipsToo.stats().visited, skips.stats().visited) << "an array tells exactly what is empty";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Masks, Skipping,
                         testing::Values("causal", "window", "window_sinks", "prefix_lm", "longformer",
                                         "dilated_causal", "block_diagonal", "chunked_causal", "padding",
                                         "left_padding_causal", "documents", "neighbourhood", "documents_of_batches",
                                         "document_starts", "ragged", "valid_keys", "dense", "dense_bytes",
                                         "block_sparse", "by_distance", "mask_bias", "padding_bias"),
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
