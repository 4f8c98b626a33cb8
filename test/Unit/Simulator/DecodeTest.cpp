// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Few queries and many keys: query heads that share a kv head in one tile, a tile's keys in pieces, their merge.
#include "BrokenKernel.h"

#include <algorithm>

using namespace fovea::test;

namespace {

const char *const kWindowPerHead = R"(
    %c100 = arith.constant 100 : index
    %one = arith.constant 1 : index
    %number = arith.addi %h, %one : index
    %width = arith.muli %number, %c100 : index
    %causal = arith.cmpi sge, %i, %j : index
    %age = arith.subi %i, %j : index
    %near = arith.cmpi slt, %age, %width : index
    %keep = arith.andi %causal, %near : i1
    attn.yield %keep : i1
)";
const char *const kByHead = R"(
    %index = arith.index_cast %h : index to i32
    %head = arith.sitofp %index : i32 to f32
    %slope = arith.constant -0.01 : f32
    %factor = arith.mulf %head, %slope : f32
    %age = arith.subi %i, %j : index
    %age32 = arith.index_cast %age : index to i32
    %distance = arith.sitofp %age32 : i32 to f32
    %bias = arith.mulf %factor, %distance : f32
    %t = arith.addf %s, %bias : f32
    attn.yield %t : f32
)";
/// The first four keys, and those at least 1500 later: splits in between have nothing to do.
const char *const kFirstAndLate = R"(
    %c4 = arith.constant 4 : index
    %c1500 = arith.constant 1500 : index
    %first = arith.cmpi slt, %j, %c4 : index
    %late = arith.cmpi sge, %j, %c1500 : index
    %keep = arith.ori %first, %late : i1
    attn.yield %keep : i1
)";

/// The last queries of a long sequence.
Case decode(int64_t queries, int64_t keys, int64_t heads = 8, int64_t kvHeads = 2) {
  Case c;
  c.mask = kCausal;
  c.heads = heads;
  c.kvHeads = kvHeads;
  c.queries = queries;
  c.keys = keys;
  c.offset = keys - queries;
  return c;
}

/// More tasks than tiles means pieces, of 512 keys or more.
int64_t tasksOf(const Case &c) { return simulate(c, c.text()).stats.tasks; }

TEST(Decode, AnyLengths) {
  for (auto [queries, keys] : {std::pair<int64_t, int64_t>{1, 1}, {1, 512}, {1, 513}, {3, 1537}, {16, 1100}})
    for (int64_t size : {64, 128}) {
      SCOPED_TRACE(std::to_string(queries) + " x " + std::to_string(keys) + " x " + std::to_string(size));
      Case c = decode(queries, keys);
      c.keySize = c.valueSize = size;
      c.element = c.output = size == 64 ? "f16" : "bf16";
      expectRight(c);
    }
}

TEST(Decode, KeysAreReadOncePerKvHead) {
  EXPECT_EQ(tasksOf(decode(1, 2048)), 2 * 4);
  EXPECT_EQ(tasksOf(decode(16, 2048)), 2 * 4) << "4 x 16 rows fill a tile";
  EXPECT_EQ(tasksOf(decode(17, 2048)), 8 * 4) << "and one more does not fit";
  EXPECT_EQ(tasksOf(decode(65, 2048)), 8 * 2) << "two tiles per head: not cut";
  Outcome run = simulate(decode(1, 2048), decode(1, 2048).text());
  EXPECT_EQ(run.stats.visited, 2 * 2048 / 64);
}

TEST(Decode, SplitsWithoutVisibleKeysHaveNoTask) {
  Case c = decode(2, 2100);
  c.mask = kFirstAndLate;
  EXPECT_EQ(tasksOf(c), 2 * 4); // keys 0 to 511; 1024 to 1535 and on
  expectRight(c);
}

TEST(Decode, LongSequencesHaveLongerSplits) {
  Case c = decode(1, 40000, 4, 1);
  c.mask = kWindow;
  EXPECT_EQ(tasksOf(c), 1); // 640 keys each; the window lies in the last one
  expectRight(c);
}

TEST(Decode, MasksAndScoresByHead) {
  Case c = decode(5, 1300);
  c.score = kByHead;
  expectRight(c);
  c.score = "";
  c.mask = kWindowPerHead;                      // heads see different keys: not packed
  EXPECT_EQ(tasksOf(c), 2 * 1 + 5 * 2 + 1 * 3); // windows of 100 to 800 keys, in splits of 512
  expectRight(c);
}

TEST(Decode, WithoutAMask) {
  Case c = decode(3, 1100);
  c.mask = "";
  expectRight(c);
}

TEST(Decode, OneHeadPerKvHead) { expectRight(decode(40, 1030, 3, 3)); }

TEST(Decode, LayoutsHeadSizesAndOutputs) {
  Case c = decode(2, 1060, 6, 2);
  c.layout = "bnhd";
  c.output = "f32";
  c.keySize = 192;
  c.valueSize = 128;
  expectRight(c);
  c.keySize = 64;
  c.valueSize = 96;
  c.lse = false;
  expectRight(c);
}

TEST(Decode, RowsThatSeeNothing) {
  Case c = decode(3, 1100);
  c.offset = -2; // the first two queries are before all keys
  expectRight(c);
  c.mask = "%no = arith.constant 0 : i1\n attn.yield %no : i1\n";
  EXPECT_EQ(tasksOf(c), 2);
  expectRight(c);
  c = decode(3, 0);
  expectRight(c);
}

TEST(Decode, ScoresOfMinusInfinityInAPiece) {
  Case c = decode(2, 1100);
  c.score = R"(
    %c600 = arith.constant 600 : index
    %inf = arith.constant 0xFF800000 : f32
    %late = arith.cmpi sge, %j, %c600 : index
    %t = arith.select %late, %s, %inf : f32
    attn.yield %t : f32
)";
  expectRight(c);
}

void expectSameBits(const Outcome &a, const Outcome &b) {
  ASSERT_EQ(a.reports + a.error + b.reports + b.error, "");
  for (size_t k = 0; k < a.outputs.size(); ++k)
    EXPECT_TRUE(a.outputs[k].bytes == b.outputs[k].bytes) << "output " << k;
}

/// Who arrives last merges, in one order.
TEST(Decode, ThreadsAndRunsDoNotMatter) {
  Case c = decode(2, 2600);
  c.batches = 2;
  Outcome first = simulate(c, c.text());
  for (int repeat = 0; repeat < 3; ++repeat)
    expectSameBits(first, simulate(c, c.text(), {"sim:sm_80", "", /*slots=*/4, /*runs=*/3}));
}

/// The splits of a sequence are its own.
TEST(Decode, TheBatchDoesNotMatter) {
  Case one = decode(2, 1600), many = one;
  many.batches = 3;
  many.isRepeated = true;
  Outcome alone = simulate(one, one.text()), together = simulate(many, many.text());
  ASSERT_EQ(alone.reports + alone.error + together.reports + together.error, "");
  for (size_t k = 0; k < alone.outputs.size(); ++k) {
    const auto &bytes = alone.outputs[k].bytes, &all = together.outputs[k].bytes;
    ASSERT_EQ(all.size(), 3 * bytes.size());
    for (size_t at = 0; at < all.size(); at += bytes.size())
      EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), all.begin() + ptrdiff_t(at))) << "output " << k;
  }
}

//===- Bugs ---------------------------------------------------------------===//

Case pieces() { return decode(2, 1100, 4, 1); }

constexpr const char *kFence = "llvm.fence syncscope(\"device\") acq_rel", *kArrival = "llvm.atomicrmw add",
                     *kBarrier = "nvvm.barrier0\n";

TEST(InjectedBug, ArrivalBeforeTheResultIsStored) {
  expectFound(BrokenKernel(pieces()).replace(kBarrier, "", -1), "of another block has written: it was not released");
}

TEST(InjectedBug, ArrivalWithoutRelease) {
  expectFound(BrokenKernel(pieces()).replace(kFence, ""), "it was not released");
}

TEST(InjectedBug, ArrivalWithoutAcquire) {
  expectFound(BrokenKernel(pieces()).replace(kFence, "", 1), "is not acquired");
}

TEST(InjectedBug, ArrivalThatOnlyItsOwnBlockSees) {
  expectFound(BrokenKernel(pieces()).replace(kFence, "llvm.fence syncscope(\"block\") acq_rel"), "it was not released");
}

/// Whoever comes first merges what is not there yet.
TEST(InjectedBug, TheFirstPieceMerges) {
  BrokenKernel kernel(pieces());
  kernel.behind(kArrival);
  expectFound(kernel.replace("arith.cmpi eq", "arith.cmpi ne"), "partial result");
}

/// The count goes on in the next run of the same workspace, where no block is the last one.
TEST(InjectedBug, CountIsNotResetForTheNextRun) {
  BrokenKernel kernel(pieces());
  kernel.behind(kArrival);
  size_t at = kernel.text.find("llvm.store %c0_i32", kernel.text.find(kArrival));
  ASSERT_NE(at, std::string::npos);
  kernel.text.erase(at, kernel.text.find('\n', at) - at);
  expectWrong(kernel, /*runs=*/2);
}

TEST(InjectedBug, PartialResultBehindTheWorkspace) {
  expectFound(BrokenKernel(pieces()).behind(kArrival).movePointer("llvm.load", 0, 1, 1 << 24),
              "(llvm.load): reads 8 bytes at byte ");
}

} // namespace
