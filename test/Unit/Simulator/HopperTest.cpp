// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a GPU of sm_90a would compute, within the reference's bound.
#include "Fixture.h"

using namespace fovea::test;
using namespace fovea::reference;

namespace {

constexpr const char *kTarget = "sim:sm_90a";

/// Documents of 50 tokens: most blocks of a long sequence are hidden.
const char *const kDocuments = R"(
    %c50 = arith.constant 50 : index
    %a = arith.divui %i, %c50 : index
    %c = arith.divui %j, %c50 : index
    %keep = arith.cmpi eq, %a, %c : index
    attn.yield %keep : i1
)";
/// s - (i - j) / 8 / (h + 1)
const char *const kAlibi = R"(
    %c8 = arith.constant 8 : index
    %one = arith.constant 1 : index
    %number = arith.addi %h, %one : index
    %slope = arith.muli %number, %c8 : index
    %distance = arith.subi %i, %j : index
    %x = arith.index_cast %distance : index to i32
    %y = arith.sitofp %x : i32 to f32
    %n = arith.index_cast %slope : index to i32
    %m = arith.sitofp %n : i32 to f32
    %bias = arith.divf %y, %m : f32
    %t = arith.subf %s, %bias : f32
    attn.yield %t : f32
)";

struct Mask {
  const char *name, *mask, *score;
};
const Mask kMasks[] = {{"full", "", ""},         {"causal", kCausal, ""},       {"window", kWindow, ""},
                       {"sinks", kSinks, ""},    {"documents", kDocuments, ""}, {"alibi", kCausal, kAlibi},
                       {"softcap", "", kSoftcap}};

using Parameter = std::tuple<size_t, int64_t>; // mask, head size

struct Hopper : testing::TestWithParam<Parameter> {
  Case base() const {
    auto [mask, size] = GetParam();
    Case c;
    c.mask = kMasks[mask].mask;
    c.score = kMasks[mask].score;
    c.element = c.output = size == 64 ? "f16" : "bf16";
    c.keySize = c.valueSize = size;
    return c;
  }
};

/// Around the edges of the 16 rows of a warp, the 64 of a warpgroup, the 128 rows and 128 keys of a block; the last one
/// goes round the pipeline.
TEST_P(Hopper, AnyLengths) {
  for (auto [queries, keys] : {std::pair<int64_t, int64_t>{1, 1}, {65, 129}, {150, 700}}) {
    SCOPED_TRACE(std::to_string(queries) + " x " + std::to_string(keys));
    Case c = base();
    c.queries = queries;
    c.keys = keys;
    c.offset = keys - queries;
    expectRight(c, {kTarget});
  }
}

TEST_P(Hopper, GroupedHeadsAndBatches) {
  Case c = base();
  c.batches = 2;
  c.heads = 4;
  c.kvHeads = 2;
  c.queries = 33;
  c.keys = 200;
  c.offset = 90;
  expectRight(c, {kTarget});
}

INSTANTIATE_TEST_SUITE_P(Masks, Hopper,
                         testing::Combine(testing::Range(size_t(0), std::size(kMasks)),
                                          testing::Values(int64_t(64), int64_t(128))),
                         [](const testing::TestParamInfo<Parameter> &info) {
                           return std::string(kMasks[std::get<0>(info.param)].name) + "_" +
                                  std::to_string(std::get<1>(info.param));
                         });

TEST(HopperShapes, BnhdAndOutputsInF32) {
  Case c;
  c.layout = "bnhd";
  c.output = "f32";
  c.mask = kWindow;
  c.heads = 4;
  c.kvHeads = 2;
  c.queries = c.keys = 300;
  expectRight(c, {kTarget});
  c.lse = false;
  expectRight(c, {kTarget});
}

TEST(HopperShapes, OneConsumerSmallBlocks) {
  Case c;
  c.schedule = "query_tile = 64, key_block = 48, lanes = 1, panel = 64, micro_keys = 4";
  c.mask = kCausal;
  c.queries = c.keys = 150;
  expectRight(c, {kTarget});
}

TEST(HopperShapes, NoKeysNoRows) {
  Case c;
  c.keys = 0;
  expectRight(c, {kTarget}); // 0, and a log-sum-exp of -inf
  c.keys = 10;
  c.queries = 0;
  expectRight(c, {kTarget});
}

TEST(HopperShapes, RowsThatSeeNothing) {
  Case c;
  c.mask = "%c100 = arith.constant 100 : index\n %keep = arith.cmpi sge, %j, %c100 : index\n"
           "%late = arith.cmpi sge, %i, %c100 : index\n %both = arith.andi %keep, %late : i1\n attn.yield %both : i1\n";
  c.queries = 300;
  expectRight(c, {kTarget});
}

TEST(HopperScores, NegativeZeroAndLargeScales) {
  for (const char *scale : {"-0.5", "0.0", "3.0"}) {
    SCOPED_TRACE(scale);
    Case c;
    c.scale = scale;
    c.mask = kCausal;
    c.keys = 300;
    expectRight(c, {kTarget});
  }
}

/// Other head sizes are computed by warps, on the same target.
TEST(HopperFamilies, TheOtherOneTakesWhatIsLeft) {
  Case c;
  c.keySize = 80;
  c.valueSize = 48;
  c.mask = kCausal;
  expectRight(c, {kTarget});
}

/// TMA describes no stride of 0; tiles of any form and summaries of what masks read are the same for both kernels.
TEST(HopperFallback, TakesStridesThatTmaRefuses) {
  for (const char *schedule : {"", "query_tile = 64, key_block = 48, lanes = 1, panel = 64, micro_keys = 4",
                               "query_tile = 128, key_block = 176, lanes = 1, panel = 64, micro_keys = 4"})
    for (int64_t queries : {3, 130}) {
      SCOPED_TRACE(std::string(schedule) + ", " + std::to_string(queries) + " queries");
      Case c;
      c.schedule = schedule;
      c.mask = kSinks;
      c.batches = 2;
      c.heads = 2;
      c.queries = queries;
      c.keys = 600;
      c.offset = 600 - queries;
      c.isRepeated = c.isShared = true;
      expectRight(c, {kTarget});
    }
}

TEST(HopperFallback, ReadsTheSameSummaries) {
  Case c;
  c.parameters = "%doc: tensor<?xi32>";
  c.values = {std::make_shared<HostTensor>(HostTensor::zeros(DType::I32, {300}))};
  for (int64_t k = 0; k < 300; ++k)
    c.values[0]->data<int32_t>()[k] = int32_t(k / 70);
  c.mask = "%a = tensor.extract %doc[%i] : tensor<?xi32>\n %c = tensor.extract %doc[%j] : tensor<?xi32>\n"
           "%keep = arith.cmpi eq, %a, %c : i32\n attn.yield %keep : i1\n";
  c.batches = 2;
  c.queries = c.keys = 300;
  c.isRepeated = true;
  for (bool isShared : {false, true}) {
    c.isShared = isShared;
    expectRight(c, {kTarget});
  }
}

/// Whatever order warps run and copies land in, nothing is found, and no bit changes.
TEST(HopperSeeds, DoNotMatter) {
  Case c;
  c.mask = kSinks;
  c.heads = 1;
  c.queries = 130;
  c.keys = 600;
  c.offset = 470;
  Outcome first = simulate(c, c.text(), {kTarget});
  for (int seed = 1; seed <= 8; ++seed) {
    Outcome run = simulate(c, c.text(), {kTarget + ("+seed=" + std::to_string(seed))});
    EXPECT_EQ(run.reports, "");
    ASSERT_EQ(run.error, "");
    for (size_t k = 0; k < run.outputs.size(); ++k)
      EXPECT_TRUE(run.outputs[k].bytes == first.outputs[k].bytes) << "output " << k << ", seed " << seed;
  }
}

TEST(HopperRefusals, SayWhatWouldWork) {
  Case c;
  c.schedule = "query_tile = 192, key_block = 128, lanes = 1, panel = 64, micro_keys = 4";
  EXPECT_NE(simulate(c, c.text(), {kTarget}).error.find("query_tile is 64 or 128; with panel = 16"), std::string::npos);
  c.keySize = c.valueSize = 96;
  EXPECT_NE(simulate(c, c.text(), {kTarget}).error.find("equal head sizes of 64 or 128"), std::string::npos);
}

} // namespace
