// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tasks that have pieces of one tile meet in a run's partial results.
#include "RowSum.h"

#include <algorithm>
#include <atomic>

using namespace fovea::test;

namespace {

constexpr int64_t kTiles = 3, kPieces = 4, kBytes = 128;
std::atomic<int64_t> gSums[kTiles];   // what the last task of a tile found
std::atomic<int32_t> gMerges[kTiles]; // and how often there was one
std::atomic<int32_t> gTasks{0};
int32_t gStop = 0; // the task of a run that fails; 0: none does

/// A tile's pieces: 10, 20, 30, 40 times its number + 1.
int32_t pieceTask(const fovea_value *values, const fovea_task *task, char *) {
  const fovea_value &partials = values[0];
  auto rowOf = [&](int64_t piece) {
    return static_cast<int32_t *>(partials.as.data) + (task->partial + piece) * partials.strides[0];
  };
  rowOf(task->piece)[16] = int32_t((task->index[2] + 1) * 10 * (task->piece + 1));
  if (gStop && ++gTasks == gStop)
    return 9;
  if (__atomic_fetch_add(rowOf(0), 1, __ATOMIC_ACQ_REL) + 1 != task->pieces)
    return 0;
  int64_t sum = 0;
  for (int64_t piece = 0; piece < task->pieces; ++piece)
    sum += rowOf(piece)[16];
  gSums[task->index[2]] = sum;
  ++gMerges[task->index[2]];
  rowOf(0)[0] = 0;
  return 0;
}

int32_t planPieces(const fovea_value *, fovea_task *tasks, int64_t capacity, int64_t *count) {
  *count = kTiles * kPieces;
  for (int64_t k = 0; k < std::min(capacity, *count); ++k) {
    tasks[k] = {};
    tasks[k].index[2] = k / kPieces;
    tasks[k].piece = k % kPieces;
    tasks[k].pieces = kPieces;
    tasks[k].partial = k / kPieces * kPieces;
    tasks[k].partial_bytes = kBytes;
  }
  return 0;
}

struct Pieces : testing::Test {
  static fovea_task broken; // what planBroken says
  fovea_kernel_table kernel = {};
  ModulePtr module;
  PlanPtr plan;
  std::string message;

  Pieces() {
    kernel.name = "pieces";
    kernel.plan = planPieces;
    kernel.task = pieceTask;
    kernel.classify = [](const fovea_value *, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t) { return 0; };
    kernel.has_partials = 1;
    gStop = gTasks = 0;
    for (int64_t tile = 0; tile < kTiles; ++tile)
      gSums[tile] = gMerges[tile] = 0;
  }

  fovea_status makePlan(uint32_t slots) {
    const fovea_module_table table = {FOVEA_ABI_MAGIC, FOVEA_ABI_VERSION, "by hand", &kernel, 1, 0};
    module = makeModule(table);
    const fovea_exec exec = makeExec(slots);
    const Answer answer = answerOf([&](fovea_error **error) {
      fovea_plan *raw = nullptr;
      const fovea_status status =
          fovea_plan_create(fovea_module_kernel_at(module.get(), 0), nullptr, 0, &exec, &raw, error);
      plan = PlanPtr(raw);
      return status;
    });
    message = answer.message;
    return answer.status;
  }

  static void expectMerges(int32_t runs) {
    for (int64_t tile = 0; tile < kTiles; ++tile) {
      EXPECT_EQ(gSums[tile], (tile + 1) * 100);
      EXPECT_EQ(gMerges[tile], runs);
    }
  }

  fovea_status planWith(const fovea_task &task) {
    broken = task;
    kernel.plan = [](const fovea_value *, fovea_task *tasks, int64_t capacity, int64_t *count) {
      *count = 1;
      if (capacity)
        tasks[0] = broken;
      return 0;
    };
    return makePlan(1);
  }
};
fovea_task Pieces::broken;

} // namespace

TEST_F(Pieces, MeetWhateverTheSlots) {
  int32_t runs = 0;
  for (uint32_t slots : {1, 2, 5}) {
    ASSERT_EQ(makePlan(slots), FOVEA_OK) << message;
    WorkspaceMemory workspace(plan.get());
    for (int repeat = 0; repeat < 20; ++repeat) {
      ASSERT_EQ(fovea_run(plan.get(), nullptr, 0, workspace.get(), nullptr, nullptr), FOVEA_OK);
      expectMerges(++runs);
    }
  }
}

TEST_F(Pieces, SlotsOfTheHost) {
  ASSERT_EQ(makePlan(3), FOVEA_OK);
  WorkspaceMemory workspace(plan.get());
  for (int32_t run = 1; run <= 3; ++run) {
    for (uint32_t slot = 0; slot < 3; ++slot)
      EXPECT_EQ(fovea_run_slot(plan.get(), nullptr, 0, workspace.get(), slot, nullptr, nullptr), FOVEA_OK);
    expectMerges(run);
  }
}

/// Tiles that were half counted when a task failed are counted anew.
TEST_F(Pieces, AfterARunThatFailed) {
  ASSERT_EQ(makePlan(1), FOVEA_OK);
  WorkspaceMemory workspace(plan.get());
  gStop = 7;
  EXPECT_EQ(fovea_run(plan.get(), nullptr, 0, workspace.get(), nullptr, nullptr), FOVEA_INTERNAL);
  gStop = 0;
  for (int64_t tile = 0; tile < kTiles; ++tile)
    gMerges[tile] = 0;
  ASSERT_EQ(fovea_run(plan.get(), nullptr, 0, workspace.get(), nullptr, nullptr), FOVEA_OK);
  expectMerges(1);
}

TEST_F(Pieces, WithoutAPlaceAreRefused) {
  fovea_task task = {};
  task.piece = 1;
  task.pieces = 2;
  task.partial_bytes = 64;
  EXPECT_EQ(planWith(task), FOVEA_OK) << message;
  for (auto spoil : {+[](fovea_task &t) { t.partial_bytes = 60; }, +[](fovea_task &t) { t.partial_bytes = 0; },
                     +[](fovea_task &t) { t.piece = 2; }, +[](fovea_task &t) { t.partial = -1; }}) {
    fovea_task wrong = task;
    spoil(wrong);
    EXPECT_EQ(planWith(wrong), FOVEA_INTERNAL);
    EXPECT_NE(message.find("the plan function of kernel 'pieces' makes pieces of a tile"), std::string::npos);
  }
  task.partial = int64_t(1) << 60;
  EXPECT_EQ(planWith(task), FOVEA_OUT_OF_RANGE);
  EXPECT_NE(message.find("partial results of 64 bytes each are beyond the address space"), std::string::npos);
  kernel.has_partials = 0;
  task.partial = 0;
  EXPECT_EQ(planWith(task), FOVEA_INTERNAL);
}
