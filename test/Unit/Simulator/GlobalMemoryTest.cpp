// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rules of global memory, one by one.
#include "GlobalMemory.h"

#include "gtest/gtest.h"

using namespace fovea::simulator;

namespace {

struct Tensors : testing::Test {
  char memory[256] = {};
  fovea_value values[3] = {};
  struct {
    int32_t count = 3;
    TensorTable::Entry entries[3] = {{2, 2, 0}, {-1, 0, 0}, {1, 4, 1}};
  } table;
  GlobalMemory global;

  /// 'x': 3 rows of 5 elements of 2 bytes, rows backwards and 16 bytes apart; a scalar; 'y': 4 elements of 4 bytes.
  Tensors() {
    values[0] = {{memory + 64}, {3, 5}, {-8, 1}};
    values[2] = {{memory + 128}, {4}, {1}};
    reset();
  }
  void reset() { global.reset(values, reinterpret_cast<const TensorTable *>(&table), "x\0n\0y\0"); }
  std::string read(int64_t at, int64_t bytes) { return global.access(memory + at, bytes, /*isWrite=*/false, "here"); }
  std::string write(int64_t at, int64_t bytes) { return global.access(memory + at, bytes, /*isWrite=*/true, "here"); }
};

TEST_F(Tensors, FromTheFirstByteToTheLast) {
  EXPECT_EQ(read(32, 2), ""); // the last row
  EXPECT_EQ(read(64, 10), "");
  EXPECT_EQ(read(128, 16), "");
  EXPECT_EQ(read(30, 2), "here: reads 2 bytes at byte -2 of 'x', which has 42");
  EXPECT_EQ(read(66, 10), "here: reads 10 bytes at byte 34 of 'x', which has 42");
  EXPECT_EQ(read(144, 4), "here: reads 4 bytes at byte 16 of 'y', which has 16");
}

TEST_F(Tensors, InputsAreNotWritten) {
  EXPECT_EQ(write(140, 4), "");
  EXPECT_EQ(write(64, 2), "here: writes 2 bytes of 'x', which is an input");
  EXPECT_EQ(write(141, 4), "here: writes 4 bytes at byte 13 of 'y', which has 16");
}

TEST_F(Tensors, EmptyOnesHaveNoBytes) {
  values[0].sizes[0] = values[2].sizes[0] = 0;
  reset();
  EXPECT_EQ(read(64, 2), "here: reads 2 bytes of global memory, and no tensor of the kernel has any");
}

TEST_F(Tensors, OfAnUnknownKernelAreNotChecked) {
  table.count = 0;
  reset();
  EXPECT_EQ(write(0, 4), "");
}

} // namespace
