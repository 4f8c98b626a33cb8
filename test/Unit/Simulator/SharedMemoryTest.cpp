// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rules of shared memory, one by one.
#include "SharedMemory.h"

#include "gtest/gtest.h"

#include <cstring>

using fovea::simulator::Access;
using fovea::simulator::SharedMemory;

namespace {

struct Rules : testing::Test {
  SharedMemory memory;
  char content[16];
  Access writer{3, "copy"}, sameWarp{4, "read"}, otherWarp{40, "read"};

  Rules() {
    memory.reset(256);
    std::memset(content, 7, sizeof content);
  }
  char *at(int64_t offset) { return memory.data() + offset; }
  void copied() {
    ASSERT_EQ(memory.beginCopy(at(32), writer), "");
    memory.land(at(32), content);
  }
  static bool says(const std::string &fault, const char *part) { return fault.find(part) != std::string::npos; }
};

TEST_F(Rules, WhatLandsIsSeenBehindABarrier) {
  copied();
  EXPECT_EQ(memory.read(at(32), writer), "") << "its own thread sees it at once";
  EXPECT_TRUE(says(memory.read(at(32), sameWarp), "without a barrier"));
  memory.passBarrier();
  EXPECT_EQ(memory.read(at(32), otherWarp), "");
  EXPECT_EQ(at(32)[5], 7);
}

TEST_F(Rules, WhatIsOnItsWayIsNotThere) {
  ASSERT_EQ(memory.beginCopy(at(32), writer), "");
  EXPECT_EQ(uint8_t(at(32)[5]), SharedMemory::kPoison);
  memory.passBarrier(); // a barrier does not wait for copies
  EXPECT_TRUE(says(memory.read(at(32), writer), "has not been waited for"));
  EXPECT_TRUE(says(memory.read(at(32), otherWarp), "has not been waited for"));
}

TEST_F(Rules, WhatIsReadIsOverwrittenBehindABarrier) {
  copied();
  memory.passBarrier();
  ASSERT_EQ(memory.read(at(32), otherWarp), "");
  EXPECT_TRUE(says(memory.beginCopy(at(32), writer), "overwrites what warp 1 has read"));
  memory.passBarrier();
  EXPECT_EQ(memory.beginCopy(at(32), writer), "");
}

TEST_F(Rules, WritesDoNotMeet) {
  ASSERT_EQ(memory.beginCopy(at(32), writer), "");
  EXPECT_TRUE(says(memory.beginCopy(at(32), otherWarp), "overwrites what thread 3 has written"));
  EXPECT_EQ(memory.beginCopy(at(48), otherWarp), "") << "the next 16 bytes are others";
}

TEST_F(Rules, WhatIsStoredIsSeenBehindABarrier) {
  ASSERT_EQ(memory.write(at(32), writer), "");
  EXPECT_EQ(memory.read(at(32), writer), "");
  EXPECT_TRUE(says(memory.read(at(32), sameWarp), "without a barrier"));
  memory.passBarrier();
  EXPECT_EQ(memory.read(at(32), otherWarp), "");
  EXPECT_TRUE(says(memory.write(at(32), writer), "overwrites what warp 1 has read"));
  ASSERT_EQ(memory.beginCopy(at(48), writer), "");
  EXPECT_TRUE(says(memory.write(at(48), otherWarp), "overwrites what thread 3 has written"));
}

TEST_F(Rules, AddressesAreWithinAndAligned) {
  EXPECT_TRUE(says(memory.read(at(0), writer), "nothing has written it"));
  EXPECT_TRUE(says(memory.read(at(256), writer), "of which there are 256"));
  EXPECT_TRUE(says(memory.beginCopy(at(-16), writer), "of which there are 256"));
  EXPECT_TRUE(says(memory.beginCopy(at(8), writer), "not a multiple of 16"));
}

} // namespace
