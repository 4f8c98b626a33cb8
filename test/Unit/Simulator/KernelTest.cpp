// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a GPU would compute, within the reference's bound.
#include "Fixture.h"

using namespace fovea::test;

namespace {

struct Mask {
  const char *name, *mask, *score;
};
const Mask kMasks[] = {{"full", "", ""},      {"causal", kCausal, ""},   {"window", kWindow, ""},
                       {"sinks", kSinks, ""}, {"softcap", "", kSoftcap}, {"causalSoftcap", kCausal, kSoftcap}};

using Parameter = std::tuple<size_t, std::string, int64_t>; // mask, element, head size

struct Kernels : testing::TestWithParam<Parameter> {
  Case base() const {
    auto [mask, element, size] = GetParam();
    Case c;
    c.mask = kMasks[mask].mask;
    c.score = kMasks[mask].score;
    c.element = c.output = element;
    c.keySize = c.valueSize = size;
    return c;
  }
};

/// Around the edges of the 16 rows of a warp, the 64 rows and the 64 keys of a block.
TEST_P(Kernels, AnyLengths) {
  for (auto [queries, keys] : {std::pair<int64_t, int64_t>{1, 1}, {17, 64}, {64, 65}, {100, 257}}) {
    SCOPED_TRACE(std::to_string(queries) + " x " + std::to_string(keys));
    Case c = base();
    c.queries = queries;
    c.keys = keys;
    expectRight(c);
  }
}

TEST_P(Kernels, GroupedHeadsBatchesAndAnOffset) {
  Case c = base();
  c.batches = 2;
  c.heads = 4;
  c.kvHeads = 2;
  c.queries = 33;
  c.keys = 100;
  c.offset = 67;
  expectRight(c);
}

INSTANTIATE_TEST_SUITE_P(Masks, Kernels,
                         testing::Combine(testing::Range(size_t(0), std::size(kMasks)),
                                          testing::Values(std::string("bf16"), std::string("f16")),
                                          testing::Values(int64_t(64), int64_t(128))),
                         [](const testing::TestParamInfo<Parameter> &info) {
                           return std::string(kMasks[std::get<0>(info.param)].name) + "_" + std::get<1>(info.param) +
                                  "_" + std::to_string(std::get<2>(info.param));
                         });

TEST(Shapes, EveryHeadSize) {
  for (auto [keySize, valueSize] :
       {std::pair<int64_t, int64_t>{16, 16}, {32, 48}, {80, 96}, {112, 64}, {192, 128}, {256, 256}}) {
    SCOPED_TRACE(std::to_string(keySize) + "/" + std::to_string(valueSize));
    Case c;
    c.keySize = keySize;
    c.valueSize = valueSize;
    c.mask = kCausal;
    c.queries = 70;
    c.keys = 90;
    expectRight(c);
  }
}

TEST(Shapes, BnhdAndOutputsInF32) {
  Case c;
  c.layout = "bnhd";
  c.output = "f32";
  c.mask = kWindow;
  c.heads = 4;
  c.kvHeads = 2;
  expectRight(c);
  c.lse = false;
  expectRight(c);
}

TEST(Shapes, NoKeysNoRows) {
  Case c;
  c.keys = 0;
  expectRight(c); // 0, and a log-sum-exp of -inf
  c.keys = 10;
  c.queries = 0;
  expectRight(c);
}

TEST(Scores, NegativeZeroAndLargeScales) {
  for (const char *scale : {"-0.5", "0.0", "3.0"}) {
    SCOPED_TRACE(scale);
    Case c;
    c.scale = scale;
    c.mask = kCausal;
    expectRight(c);
  }
}

TEST(Scores, RowsThatSeeNothing) {
  Case c;
  c.mask = "%c100 = arith.constant 100 : index\n %keep = arith.cmpi sge, %j, %c100 : index\n"
           "%late = arith.cmpi sge, %i, %c100 : index\n %both = arith.andi %keep, %late : i1\n attn.yield %both : i1\n";
  c.queries = 130;
  expectRight(c);
}

TEST(Schedules, SmallAndLargeBlocks) {
  for (const char *schedule : {"query_tile = 16, key_block = 16, lanes = 1, panel = 16, micro_keys = 8",
                               "query_tile = 128, key_block = 32, lanes = 1, panel = 16, micro_keys = 8",
                               "query_tile = 48, key_block = 80, lanes = 1, panel = 16, micro_keys = 8"}) {
    SCOPED_TRACE(schedule);
    Case c;
    c.schedule = schedule;
    c.mask = kCausal;
    c.queries = c.keys = 150;
    expectRight(c);
  }
}

/// 512 keys in blocks of 64; what a window of 40 leaves out is not loaded.
TEST(Skipping, BlocksThatNoRowSees) {
  Case c;
  c.queries = c.keys = 512;
  Outcome full = simulate(c, c.text());
  EXPECT_EQ(full.stats.visited, 2 * 8 * 8);
  c.mask = kWindow;
  Outcome window = simulate(c, c.text());
  EXPECT_EQ(window.stats.visited, 2 * (1 + 7 * 2));
}

TEST(Refusals, SayWhatWouldWork) {
  Case c;
  c.keySize = 40;
  EXPECT_NE(simulate(c, c.text()).error.find("has a head size of 40; GPU code takes multiples of 16 up to 256"),
            std::string::npos);
  c = {};
  c.element = c.output = "f32";
  EXPECT_NE(simulate(c, c.text()).error.find("is on 'f32', and GPU code multiplies f16 or bf16"), std::string::npos);
  c = {};
  c.schedule = "query_tile = 64, key_block = 72, lanes = 1, panel = 16, micro_keys = 8";
  EXPECT_NE(simulate(c, c.text()).error.find("key_block of 72; on a GPU it is a multiple of 16"), std::string::npos);
  c.schedule = "query_tile = 64, key_block = 1024, lanes = 1, panel = 16, micro_keys = 8";
  EXPECT_NE(simulate(c, c.text(), {"sim:sm_86"}).error.find("bytes of shared memory"), std::string::npos);
  c = {};
  c.score = "%x = math.erfc %s : f32\n %y = math.powf %x, %x : f32\n attn.yield %y : f32\n";
  EXPECT_NE(simulate(c, c.text()).error.find("has no code for GPUs yet"), std::string::npos);
}

} // namespace
