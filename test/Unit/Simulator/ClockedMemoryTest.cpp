// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rules of memory without barriers, and of mbarriers, one by one.
#include "ClockedMemory.h"
#include "Mbarriers.h"
#include "TensorMap.h"

#include "gtest/gtest.h"

#include <cstring>

using namespace fovea::simulator;

namespace {

bool says(const std::string &fault, const char *part) { return fault.find(part) != std::string::npos; }

struct Clocked : testing::Test {
  alignas(16) char bytes[256];
  char content[16] = {};
  ClockedMemory memory;
  VectorClock producer, consumer; // warps 0 and 1
  Step landing{mbarrierActor(0), 1, "copy"};

  Clocked() {
    memory.reset(bytes, sizeof bytes, 2);
    producer[0] = consumer[1] = 1;
  }
};

TEST_F(Clocked, WhatACopyBringsIsSeenBehindItsMbarrier) {
  ASSERT_EQ(memory.beginBulk(32, 0, producer, landing, "copy"), "");
  EXPECT_TRUE(says(memory.readAsync(32, 1, consumer, 1, "product"), "has not waited for its mbarrier"));
  consumer[mbarrierActor(0)] = 1;
  EXPECT_TRUE(says(memory.readAsync(32, 1, consumer, 1, "product"), "expects too few bytes")) << "it has not landed";
  memory.land(32, content);
  EXPECT_EQ(memory.readAsync(32, 1, consumer, 1, "product"), "");
}

TEST_F(Clocked, WhatIsReadIsOverwrittenBehindARelease) {
  ASSERT_EQ(memory.beginBulk(32, 0, producer, landing, "copy"), "");
  memory.land(32, content);
  consumer[mbarrierActor(0)] = 1;
  ASSERT_EQ(memory.readAsync(32, 1, consumer, consumer[1], "product"), "");
  EXPECT_TRUE(says(memory.beginBulk(32, 0, producer, landing, "copy"), "overwrites what warp 1 reads"));
  producer.join(consumer);
  EXPECT_EQ(memory.beginBulk(32, 0, producer, landing, "copy"), "");
}

TEST_F(Clocked, TheAsyncProxySeesStoresBehindItsFence) {
  ASSERT_EQ(memory.write(32, 4, 1, consumer, "store"), "");
  EXPECT_EQ(memory.read(32, 4, 1, consumer, "load"), "");
  EXPECT_TRUE(says(memory.read(32, 4, 0, producer, "load"), "nothing orders the two"));
  EXPECT_TRUE(says(memory.readAsync(32, 1, consumer, 1, "product"), "without a fence.proxy.async"));
  memory.fenceProxy(1);
  EXPECT_EQ(memory.readAsync(32, 1, consumer, 1, "product"), "");
}

TEST_F(Clocked, AddressesAreWithinAndAligned) {
  EXPECT_TRUE(says(memory.read(0, 4, 1, consumer, "load"), "nothing has written it"));
  EXPECT_TRUE(says(memory.read(256, 4, 1, consumer, "load"), "of which there are 256"));
  EXPECT_TRUE(says(memory.write(6, 4, 1, consumer, "store"), "not a multiple of 4"));
  EXPECT_TRUE(says(memory.beginBulk(-16, 0, producer, landing, "copy"), "of which there are 256"));
}

struct Barriers : testing::Test {
  Mbarriers all;
  Mbarrier *barrier = nullptr;
  VectorClock now;
  Barriers() {
    EXPECT_EQ(all.initialize(64, 2, {0, 1, "init"}), "");
    EXPECT_EQ(all.find(64, 0, now, "wait", barrier), "");
  }
};

TEST_F(Barriers, APhaseCountsArrivalsAndBytes) {
  EXPECT_TRUE(barrier->isOver(1)) << "the phase before the first";
  EXPECT_EQ(all.arrive(*barrier, now, "arrive"), "");
  barrier->bytes += 128;
  EXPECT_EQ(all.arrive(*barrier, now, "arrive"), "");
  EXPECT_FALSE(Mbarriers::advance(*barrier));
  EXPECT_EQ(barrier->describe(), "the mbarrier at byte 64 (phase 0: 0 arrivals and 128 bytes are missing)");
  EXPECT_TRUE(says(all.arrive(*barrier, now, "arrive"), "arrives too often"));
  barrier->bytes -= 128;
  EXPECT_TRUE(Mbarriers::advance(*barrier));
  EXPECT_TRUE(barrier->isOver(0));
  EXPECT_FALSE(barrier->isOver(1));
}

TEST_F(Barriers, AreInitialisedOnceAndInTime) {
  EXPECT_TRUE(says(all.initialize(64, 2, {0, 1, "init"}), "is an mbarrier already"));
  EXPECT_TRUE(says(all.initialize(68, 1, {0, 1, "init"}), "not a multiple of 8"));
  EXPECT_TRUE(says(all.initialize(72, 0, {0, 1, "init"}), "for 0 arrivals"));
  EXPECT_TRUE(says(all.find(80, 0, now, "wait", barrier), "nothing has initialised it"));
  EXPECT_TRUE(says(all.find(64, 1, now, "wait", barrier), "nothing orders that behind its initialisation"));
}

TEST(TensorMaps, RefuseWhatTheDriverRefuses) {
  alignas(16) static char data[64];
  fovea_value value = {};
  value.as.data = data;
  int64_t sizes[] = {1, 2, 8, 64}, strides[] = {1024, 512, 64, 1};
  std::memcpy(value.sizes, sizes, sizeof sizes);
  std::memcpy(value.strides, strides, sizeof strides);
  EXPECT_EQ(TensorMap({1, 1, 8, 64}, 128).checkBox(), "");
  EXPECT_EQ(TensorMap({1, 1, 8, 64}, 128).encode(value), "");
  EXPECT_TRUE(says(TensorMap({1, 1, 8, 64}, 64).checkBox(), "rows of 128 bytes, and a swizzle of 64"));
  EXPECT_TRUE(says(TensorMap({1, 1, 257, 64}, 128).checkBox(), "a side of 257"));
  value.strides[1] = 0;
  EXPECT_TRUE(says(TensorMap({1, 1, 8, 64}, 128).encode(value), "a stride of 0 elements in dimension 1"));
  value.sizes[1] = 1;
  EXPECT_EQ(TensorMap({1, 1, 8, 64}, 128).encode(value), "") << "one of a dimension has any stride";
  value.as.data = data + 8;
  EXPECT_TRUE(says(TensorMap({1, 1, 8, 64}, 128).encode(value), "multiple of 16 bytes"));
  value.sizes[2] = 0;
  EXPECT_EQ(TensorMap({1, 1, 8, 64}, 128).encode(value), "") << "nobody reads an empty tensor";
}

TEST(TensorMaps, BoxesAreSwizzledAndEndWithTheTensor) {
  EXPECT_EQ(swizzled(0x080, 128), 0x090);
  EXPECT_EQ(swizzled(0x3F0, 128), 0x380);
  EXPECT_EQ(swizzled(0x3F0, 0), 0x3F0);
  static char data[4 * 128];
  fovea_value value = {};
  value.as.data = data;
  int64_t sizes[] = {1, 1, 4, 64}, strides[] = {256, 256, 64, 1};
  std::memcpy(value.sizes, sizes, sizeof sizes);
  std::memcpy(value.strides, strides, sizeof strides);
  TensorMap map({1, 1, 8, 64}, 128);
  ASSERT_EQ(map.encode(value), "");
  int present = 0, absent = 0;
  map.forEachChunk(1024, {0, 0, 2, 0}, [&](int64_t offset, const char *source) {
    if (offset == 1024 + 128 + 16) { // row 3, its first chunk
      EXPECT_EQ(source, data + 3 * 128);
    }
    ++(source ? present : absent);
  });
  EXPECT_EQ(present, 2 * 8);
  EXPECT_EQ(absent, 6 * 8);
}

} // namespace
