// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "RowSum.h"

#include <cstring>
#include <limits>

using namespace fovea::test;

namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();

struct Tensors : ::testing::Test {
  void expectRefusal(fovea_status status, const std::string &message) {
    const Answer answer = call.plan();
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(answer.message, message);
  }
  void expectInvalid(const std::string &message) { expectRefusal(FOVEA_INVALID, message); }
  /// Plans, runs and compares.
  void expectRight() {
    call.clearOutputs();
    PlanPtr plan = call.mustPlan();
    ASSERT_TRUE(plan);
    WorkspaceMemory workspace(plan.get());
    const Answer answer = call.run(plan.get(), workspace.get());
    EXPECT_EQ(answer.status, FOVEA_OK) << answer.message;
    EXPECT_TRUE(call.isRight());
  }
  RowSum call;
};

} // namespace

TEST_F(Tensors, Device) {
  call.x.dl.device = {kDLCUDA, 1};
  expectInvalid("argument 0 'x': its memory is on device cuda:1, but the kernel runs on the CPU: copy it there first");
  const int32_t unknown = 99; // of a newer DLPack
  std::memcpy(&call.x.dl.device.device_type, &unknown, sizeof unknown);
  call.x.dl.device.device_id = 0;
  expectInvalid("argument 0 'x': its memory is on device DLPack device type 99:0, but the kernel runs on the CPU: copy "
                "it there first");
}

TEST_F(Tensors, Dtype) {
  const std::string remedy = ", but the kernel takes float32: convert it, or compile the kernel for its dtype";
  call.x.dl.dtype = {kDLFloat, 64, 1};
  expectInvalid("argument 0 'x': its dtype is float64" + remedy);
  call.x.dl.dtype = {kDLInt, 32, 1};
  expectInvalid("argument 0 'x': its dtype is int32" + remedy);
  call.x.dl.dtype = {kDLFloat, 32, 4};
  expectInvalid("argument 0 'x': its dtype is float32 with 4 lanes" + remedy);
  call.x.dl.dtype = {kDLBfloat, 16, 1};
  expectInvalid("argument 0 'x': its dtype is bfloat16" + remedy);
  call.x.dl.dtype = {77, 8, 1};
  expectInvalid("argument 0 'x': its dtype is of DLPack code 77 with 8 bits" + remedy);
}

TEST_F(Tensors, BoolOfNewerDLPack) {
  call.keep.dl.dtype = {6, 8, 1}; // kDLBool, as NumPy and PyTorch send it
  expectRight();
  call.keep.dl.dtype = {kDLUInt, 8, 1};
  expectInvalid(
      "argument 1 'keep': its dtype is uint8, but the kernel takes bool: convert it, or compile the kernel for "
      "its dtype");
}

TEST_F(Tensors, Rank) {
  call.x.shape = {call.rows, call.cols, 1};
  expectInvalid("argument 0 'x': rank 3, but the kernel takes rank 2 [R, C]");
  call.x.shape = {};
  expectInvalid("argument 0 'x': rank 0, but the kernel takes rank 2 [R, C]");
}

TEST_F(Tensors, NullShape) {
  std::vector<fovea_arg> list = call.args();
  call.x.dl.shape = nullptr;
  const Answer answer = answerOf([&](fovea_error **error) {
    fovea_plan *plan = nullptr;
    return fovea_plan_create(call.kernel, list.data(), list.size(), nullptr, &plan, error);
  });
  EXPECT_EQ(answer.status, FOVEA_INVALID);
  EXPECT_EQ(answer.message, "argument 0 'x': its shape is NULL, but the kernel takes rank 2 [R, C]");
}

TEST_F(Tensors, Sizes) {
  call.count.shape = {call.rows, 3};
  expectInvalid("argument 7 'count': dimension 1 has size 3, but the kernel was compiled for 2");
  call.x.shape = {call.rows, -1};
  expectInvalid("argument 0 'x': dimension 1 'C' has the negative size -1");
}

TEST_F(Tensors, SizesOverflow) {
  call.x.shape = {kMax, kMax};
  expectRefusal(FOVEA_OUT_OF_RANGE, "argument 0 'x': its sizes multiply to more than 2^63 - 1 bytes");
  call.x.shape = {kMax / 4 + 1, 1};
  expectRefusal(FOVEA_OUT_OF_RANGE, "argument 0 'x': its sizes multiply to more than 2^63 - 1 bytes");
}

TEST_F(Tensors, StridesOverflow) {
  const std::string message = "argument 0 'x': its strides reach over more than 2^63 - 1 bytes";
  for (const std::vector<int64_t> &strides : {std::vector<int64_t>{kMax, 1},
                                              {kMin, 1},
                                              {kMax / 50, kMin / 100},
                                              {kMax / 20, 1},
                                              {-(kMax / 44), kMax / 312}}) {
    call.x.strides = strides;
    expectRefusal(FOVEA_OUT_OF_RANGE, message);
  }
}

TEST_F(Tensors, AddressesOverflow) {
  const std::string message = "argument 0 'x': its data, byte_offset and strides reach beyond the address space";
  call.x.dl.byte_offset = std::numeric_limits<uint64_t>::max();
  expectRefusal(FOVEA_OUT_OF_RANGE, message);
  call.x.dl.byte_offset = std::numeric_limits<uint64_t>::max() - reinterpret_cast<uintptr_t>(call.x.dl.data) - 7;
  expectRefusal(FOVEA_OUT_OF_RANGE, message);
  call.x.dl.byte_offset = 0;
  call.x.strides = {-(kMax / 64), 1};
  expectRefusal(FOVEA_OUT_OF_RANGE, message);
}

TEST_F(Tensors, Alignment) {
  call.x.dl.byte_offset = 2;
  expectInvalid(
      "argument 0 'x': its first element is not aligned to the 4 bytes of float32: copy it to aligned memory");
}

TEST_F(Tensors, ByteOffset) {
  std::vector<float> shifted(call.xData.size() + 3);
  std::copy(call.xData.begin(), call.xData.end(), shifted.begin() + 3);
  call.x.dl.data = shifted.data();
  call.x.dl.byte_offset = 3 * sizeof(float);
  expectRight();
}

TEST_F(Tensors, TransposedStrides) {
  std::vector<float> transposed(call.xData.size());
  for (int64_t r = 0; r < call.rows; ++r)
    for (int64_t c = 0; c < call.cols; ++c)
      transposed[c * call.rows + r] = call.xData[r * call.cols + c];
  call.x.dl.data = transposed.data();
  call.x.strides = {1, call.rows};
  expectRight();
}

TEST_F(Tensors, NegativeStrides) {
  const std::vector<float> reversed(call.xData.rbegin(), call.xData.rend());
  call.x.dl.data = const_cast<float *>(&reversed.back());
  call.x.strides = {-call.cols, -1};
  expectRight();

  std::vector<float> out(call.rows);
  call.out.dl.data = &out.back();
  call.out.strides = {-1};
  PlanPtr plan = call.mustPlan();
  WorkspaceMemory workspace(plan.get());
  ASSERT_EQ(call.run(plan.get(), workspace.get()).status, FOVEA_OK);
  call.outData.assign(out.rbegin(), out.rend());
  EXPECT_TRUE(call.isRight());
}

TEST_F(Tensors, ZeroStridesOfInputs) {
  for (int64_t r = 0; r < call.rows; ++r)
    std::copy_n(call.xData.begin(), call.cols, call.xData.begin() + r * call.cols);
  call.x.strides = {0, 1};
  expectRight();
}

TEST_F(Tensors, StridesMayDifferBetweenRuns) {
  PlanPtr plan = call.mustPlan();
  WorkspaceMemory workspace(plan.get());
  std::vector<float> wide(call.rows * (call.cols + 9));
  for (int64_t r = 0; r < call.rows; ++r)
    std::copy_n(call.xData.begin() + r * call.cols, call.cols, wide.begin() + r * (call.cols + 9));
  call.x.dl.data = wide.data();
  call.x.strides = {call.cols + 9, 1};
  EXPECT_EQ(call.run(plan.get(), workspace.get()).status, FOVEA_OK);
  EXPECT_TRUE(call.isRight());
}

TEST_F(Tensors, StrideOfASingleElementIsIgnored) {
  RowSum one(1, 40);
  one.x.strides = {kMin, 1};
  one.out.strides = {0};
  one.count.strides = {-7, 1};
  PlanPtr plan = one.mustPlan();
  WorkspaceMemory workspace(plan.get());
  EXPECT_EQ(one.run(plan.get(), workspace.get()).status, FOVEA_OK);
  EXPECT_TRUE(one.isRight());
}

TEST_F(Tensors, EmptyNeedNoData) {
  RowSum empty(0, 40);
  for (Tensor *tensor : {&empty.x, &empty.keep, &empty.out, &empty.count})
    tensor->dl.data = nullptr;
  PlanPtr plan = empty.mustPlan(4);
  WorkspaceMemory workspace(plan.get());
  EXPECT_EQ(empty.run(plan.get(), workspace.get()).status, FOVEA_OK);
  RowSum noColumns(12, 0);
  noColumns.x.dl.data = nullptr;
  plan = noColumns.mustPlan(4);
  WorkspaceMemory other(plan.get());
  EXPECT_EQ(noColumns.run(plan.get(), other.get()).status, FOVEA_OK);
  EXPECT_TRUE(noColumns.isRight());
}

TEST_F(Tensors, OutputsNeedElementsOfTheirOwn) {
  call.out.strides = {0};
  expectInvalid("argument 6 'out': dimension 0 'R' has size 12 and stride 0, but an output needs an element of its own "
                "for each index");
  call.out.strides = {};
  call.count.strides = {1, 1};
  expectInvalid("argument 7 'count': sizes [12, 2] with strides [1, 1] share elements, but an output needs an element "
                "of its own for each index");
  call.count.strides = {-2, 3};
  expectInvalid("argument 7 'count': sizes [12, 2] with strides [-2, 3] share elements, but an output needs an element "
                "of its own for each index");
}

TEST_F(Tensors, OutputsMayBeAnyView) {
  std::vector<int32_t> wide(call.rows * 2);
  call.count.dl.data = &wide.back(); // transposed and reversed
  call.count.strides = {-1, -call.rows};
  PlanPtr plan = call.mustPlan();
  WorkspaceMemory workspace(plan.get());
  ASSERT_EQ(call.run(plan.get(), workspace.get()).status, FOVEA_OK);
  for (int64_t r = 0; r < call.rows; ++r)
    for (int64_t k = 0; k < 2; ++k)
      call.countData[2 * r + k] = wide[2 * call.rows - 1 - r - k * call.rows];
  EXPECT_TRUE(call.isRight());
}

TEST_F(Tensors, OutputsDoNotOverlapInputs) {
  const std::string why = " in memory (from its first byte to its last, gaps included): give it memory of its own";
  call.out.dl.data = &call.xData.back();
  expectInvalid("argument 6 'out': this output overlaps argument 0 'x'" + why);
  call.out.dl.data = call.xData.data() + call.xData.size() - 1;
  call.out.strides = {-1};
  expectInvalid("argument 6 'out': this output overlaps argument 0 'x'" + why);
  call.out.strides = {};
  call.out.dl.data = call.countData.data() + 2;
  expectInvalid("argument 6 'out': this output overlaps argument 7 'count'" + why);
}

TEST_F(Tensors, RunChecksOverlapToo) {
  PlanPtr plan = call.mustPlan();
  WorkspaceMemory workspace(plan.get());
  call.out.dl.data = call.xData.data();
  EXPECT_EQ(call.run(plan.get(), workspace.get()).status, FOVEA_INVALID);
}

TEST_F(Tensors, NeighboursDoNotOverlap) {
  std::vector<float> block(call.xData.size() + call.rows);
  std::copy(call.xData.begin(), call.xData.end(), block.begin());
  call.x.dl.data = block.data();
  call.out.dl.data = block.data() + call.xData.size();
  PlanPtr plan = call.mustPlan();
  WorkspaceMemory workspace(plan.get());
  ASSERT_EQ(call.run(plan.get(), workspace.get()).status, FOVEA_OK);
  std::copy(block.end() - call.rows, block.end(), call.outData.begin());
  EXPECT_TRUE(call.isRight());
}
