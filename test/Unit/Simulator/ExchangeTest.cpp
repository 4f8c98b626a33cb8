// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rules of memory between blocks, one by one.
#include "Exchange.h"

#include "gtest/gtest.h"

using namespace fovea::simulator;

namespace {

/// Block 1 writes a word and says so by a counter; block 2 looks at it. Moments are (block, thread, barriers passed).
struct Blocks : testing::Test {
  enum Fences { kNone = 0, kBefore = 1, kBehind = 2, kBoth = 3 };
  int32_t counter = 0, word = 0;
  Exchange memory;
  Acquired first, second;

  void count(Fences fences, Moment now) {
    Acquired &acquired = now.block == 2 ? second : first;
    if (fences & kBefore)
      acquired.fence(now);
    memory.add(&counter, 1, now, acquired, "count");
    if (fences & kBehind)
      acquired.fence(now);
  }
  std::string read(Moment now) { return memory.read(&word, 4, now, second, "here"); }
  void write() { ASSERT_EQ(memory.write(&word, 4, {1, 5, 0}, "there"), ""); }
};

TEST_F(Blocks, WhatNobodyHasWrittenIsNotRead) {
  EXPECT_EQ(read({2, 0, 0}), "here: reads a partial result that no block has written");
}

TEST_F(Blocks, ReleasedBehindABarrierAndAcquired) {
  write();
  count(kBoth, {1, 0, 1});
  EXPECT_EQ(counter, 1);
  count(kBoth, {2, 0, 3});
  EXPECT_EQ(read({2, 0, 3}), "") << "by the same thread";
  EXPECT_NE(read({2, 7, 3}), "") << "by another one, without a barrier";
  EXPECT_EQ(read({2, 7, 4}), "");
}

TEST_F(Blocks, NotReleased) {
  write();
  count(kBoth, {1, 0, 0}); // another thread than the one that wrote, without a barrier
  count(kBoth, {2, 0, 0});
  EXPECT_EQ(read({2, 0, 1}),
            "here: race: reads what thread 5 (there) of another block has written: it was not released "
            "behind that, or is not acquired before this");
  count(kBehind, {1, 5, 0});
  count(kBoth, {2, 0, 0});
  EXPECT_NE(read({2, 0, 1}), "");
  count(kBefore, {1, 5, 0}); // by the one that wrote
  count(kBoth, {2, 0, 0});
  EXPECT_EQ(read({2, 0, 1}), "");
}

TEST_F(Blocks, NotAcquired) {
  write();
  count(kBoth, {1, 0, 1});
  EXPECT_NE(read({2, 0, 5}), "");
  count(kBefore, {2, 0, 0});
  EXPECT_NE(read({2, 0, 5}), "");
}

TEST_F(Blocks, ACounterThatIsResetBeginsAnew) {
  write();
  count(kBoth, {1, 0, 1});
  ASSERT_EQ(memory.write(&counter, 4, {1, 0, 1}, "reset"), "");
  count(kBoth, {2, 0, 0});
  EXPECT_NE(read({2, 0, 1}), "");
}

TEST_F(Blocks, WithinABlockBarriersDecide) {
  write();
  EXPECT_EQ(read({1, 5, 0}), "");
  EXPECT_NE(read({1, 6, 0}), "");
  EXPECT_EQ(read({1, 6, 1}), "");
  EXPECT_NE(memory.write(&word, 4, {1, 6, 0}, "again"), "");
  EXPECT_EQ(memory.write(&word, 4, {1, 6, 1}, "again"), "");
}

} // namespace
