// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tiles whose keys are cut into pieces: their partial results are the only workspace that a GPU's plan has.
#include "GpuKernel.h"

#include <cstring>

using namespace fovea::test;
namespace fake = fovea::fake;

namespace {

constexpr int64_t kPieces = 3, kPartialBytes = 192;

/// Each row in three pieces.
int32_t planPieces(const fovea_value *v, fovea_task *tasks, int64_t capacity, int64_t *count) {
  *count = v[GpuTable::X].sizes[0] * kPieces;
  for (int64_t k = 0; k < std::min(*count, capacity); ++k) {
    fovea_task task = {};
    task.index[0] = k / kPieces;
    task.piece = task.index[3] = k % kPieces;
    task.pieces = kPieces;
    task.partial = k / kPieces * kPieces;
    task.partial_bytes = kPartialBytes;
    tasks[k] = task;
  }
  return 0;
}

struct GpuWorkspace : GpuCall {
  void SetUp() override {
    GpuCall::SetUp();
    table.kernel.plan = planPieces;
    table.kernel.has_partials = 1;
  }
  Answer runWith(const fovea_plan *plan, void *workspace) {
    return answerOf([&](fovea_error **error) {
      const std::vector<fovea_arg> list = args();
      return fovea_run(plan, list.data(), list.size(), workspace, nullptr, error);
    });
  }
};

} // namespace

TEST_F(GpuWorkspace, IsClearedOnTheDevice) {
  PlanPtr plan = mustPlan();
  const size_t bytes = fovea_plan_workspace(plan.get());
  ASSERT_EQ(bytes, size_t(kRows * kPieces * kPartialBytes));
  DeviceMemory workspace(std::string(bytes, '\xFF').data(), bytes);
  fake::clearCalls();
  EXPECT_EQ(fovea_workspace_init(plan.get(), workspace.get()), FOVEA_OK);
  EXPECT_EQ(fake::calls(), std::vector<std::string>({"cuCtxPushCurrent_v2", "cuMemsetD8Async", "cuStreamSynchronize",
                                                     "cuCtxPopCurrent_v2"}));
  EXPECT_EQ(workspace.read<char>(), std::vector<char>(bytes, 0));
  EXPECT_EQ(fovea_workspace_init(plan.get(), nullptr), FOVEA_INVALID);
  fake::fail("cuMemsetD8Async", 700);
  EXPECT_EQ(fovea_workspace_init(plan.get(), workspace.get()), FOVEA_INTERNAL);
}

TEST_F(GpuWorkspace, IsTheLastValue) {
  PlanPtr plan = mustPlan();
  const size_t bytes = fovea_plan_workspace(plan.get());
  DeviceMemory workspace(std::string(bytes, '\0').data(), bytes);
  fake::setParameters("xor_rows", {6 * sizeof(fovea_value), sizeof(void *)});
  EXPECT_EQ(runWith(plan.get(), workspace.get()).message, "");
  const fake::Launch launch = fake::launches().at(0);
  EXPECT_EQ(launch.blocks, unsigned(kRows * kPieces));
  fovea_value value;
  std::memcpy(&value, launch.parameters.at(0).data() + 5 * sizeof value, sizeof value);
  EXPECT_EQ(value.as.data, workspace.get());
  EXPECT_EQ(value.sizes[0], kRows * kPieces);
  EXPECT_EQ(value.sizes[1], kPartialBytes / 4);
  EXPECT_EQ(value.strides[0], kPartialBytes / 4);
  EXPECT_EQ(value.strides[1], 1);
}

TEST_F(GpuWorkspace, Refusals) {
  PlanPtr plan = mustPlan();
  EXPECT_EQ(runWith(plan.get(), nullptr).message, "the workspace is NULL");
  EXPECT_EQ(runWith(plan.get(), static_cast<char *>(xMemory.get()) + 4).message,
            "the workspace is not aligned to 64 bytes");
  EXPECT_TRUE(fake::launches().empty());
}
