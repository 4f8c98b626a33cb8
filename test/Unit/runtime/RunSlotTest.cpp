// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "RowSum.h"

#include <algorithm>
#include <thread>

using namespace fovea::test;

namespace {

struct RunSlot : ::testing::Test {
  static constexpr uint32_t kSlots = 4;

  Answer slot(uint32_t index, const volatile int32_t *cancel = nullptr) {
    return call.runSlot(plan.get(), workspace.get(), index, cancel);
  }
  void expectGoodRun() {
    call.clearOutputs();
    for (uint32_t index = 0; index < kSlots; ++index) {
      const Answer answer = slot(index);
      EXPECT_EQ(answer.status, FOVEA_OK) << answer.message;
    }
    EXPECT_TRUE(call.isRight());
  }
  ~RunSlot() override { gTaskHook = nullptr; }

  RowSum call{30, 60};
  PlanPtr plan = call.mustPlan(kSlots);
  WorkspaceMemory workspace{plan.get()};
};

} // namespace

TEST_F(RunSlot, AnyOrder) {
  std::vector<uint32_t> order = {0, 1, 2, 3};
  do {
    call.clearOutputs();
    for (uint32_t index : order)
      ASSERT_EQ(slot(index).status, FOVEA_OK);
    ASSERT_TRUE(call.isRight());
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_F(RunSlot, Threads) {
  for (int repeat = 0; repeat < 30; ++repeat) {
    call.clearOutputs();
    const std::vector<fovea_arg> args = call.args();
    fovea_status statuses[kSlots];
    std::vector<std::thread> threads;
    for (uint32_t index = 0; index < kSlots; ++index)
      threads.emplace_back([&, index] {
        statuses[index] =
            fovea_run_slot(plan.get(), args.data(), args.size(), workspace.get(), index, nullptr, nullptr);
      });
    for (std::thread &thread : threads)
      thread.join();
    for (fovea_status status : statuses)
      ASSERT_EQ(status, FOVEA_OK);
    ASSERT_TRUE(call.isRight());
  }
}

TEST_F(RunSlot, OutOfRange) {
  const Answer answer = slot(kSlots);
  EXPECT_EQ(answer.status, FOVEA_OUT_OF_RANGE);
  EXPECT_EQ(answer.message, "slot 4 of a plan with 4 slots (fovea_plan_stats.slots)");
  expectGoodRun();
}

TEST_F(RunSlot, Twice) {
  ASSERT_EQ(slot(2).status, FOVEA_OK);
  const Answer answer = slot(2);
  EXPECT_EQ(answer.status, FOVEA_INVALID);
  EXPECT_EQ(answer.message, "slot 2 was called again before all slots of its run were: a run is one call per slot, and "
                            "the next run starts when all have returned");
  for (uint32_t index : {0, 1, 3})
    EXPECT_EQ(slot(index).status, FOVEA_OK);
  EXPECT_TRUE(call.isRight());
  expectGoodRun();
}

TEST_F(RunSlot, CancelledSlotsStillArrive) {
  int32_t cancel = 1;
  EXPECT_EQ(slot(1, &cancel).status, FOVEA_CANCELLED);
  EXPECT_EQ(slot(0).status, FOVEA_CANCELLED) << "one slot cancels the run";
  EXPECT_EQ(slot(3, &cancel).status, FOVEA_CANCELLED);
  EXPECT_EQ(slot(2).status, FOVEA_CANCELLED);
  expectGoodRun();
}

TEST_F(RunSlot, FailingTaskEndsTheRun) {
  gTaskHook = [](const fovea_task &task) { return task.index[0] == 0 ? 3 : 0; };
  for (uint32_t index : {2, 0, 1, 3}) {
    const Answer answer = slot(index);
    EXPECT_EQ(answer.status, FOVEA_INTERNAL);
    EXPECT_EQ(answer.message, "a task of kernel 'row_sum' returned 3");
  }
  gTaskHook = nullptr;
  expectGoodRun();
}

TEST_F(RunSlot, RefusedSlotsStillArrive) {
  call.first.as.i = 4;
  Answer answer = slot(3);
  EXPECT_EQ(answer.status, FOVEA_INVALID);
  EXPECT_EQ(answer.message, "argument 2 'first': it is 4, but the plan was made for 3: make a plan for it");
  call.first.as.i = 3;
  for (uint32_t index : {0, 1, 2}) {
    answer = slot(index);
    EXPECT_EQ(answer.status, FOVEA_INVALID);
    EXPECT_EQ(answer.message, "another slot of this run refused its arguments");
  }
  expectGoodRun();
}

TEST_F(RunSlot, TheLastArriverKnowsTheOutcome) {
  // Slots 0 to 2 find nothing left to do while slot 3 is still in the last task, which fails.
  plan = call.mustPlan(kSlots);
  size_t count = 0;
  const int64_t last = (fovea_plan_tasks(plan.get(), &count) + count - 1)->index[0];
  WorkspaceMemory memory(plan.get());
  gTaskHook = [&](const fovea_task &task) -> int32_t {
    if (task.index[0] != last)
      return 0;
    for (uint32_t index : {0, 1, 2})
      EXPECT_EQ(call.runSlot(plan.get(), memory.get(), index).status, FOVEA_OK);
    return 8;
  };
  EXPECT_EQ(call.runSlot(plan.get(), memory.get(), 3).status, FOVEA_INTERNAL);
}

TEST_F(RunSlot, RefusesTheWrongWorkspace) {
  PlanPtr other = call.mustPlan(kSlots);
  EXPECT_EQ(call.runSlot(other.get(), workspace.get(), 0).status, FOVEA_INVALID);
  EXPECT_EQ(call.runSlot(plan.get(), nullptr, 0).status, FOVEA_INVALID);
  EXPECT_EQ(call.runSlot(nullptr, workspace.get(), 0).message, "the plan is NULL");
  expectGoodRun();
}

TEST_F(RunSlot, MixesWithRun) {
  expectGoodRun();
  call.clearOutputs();
  EXPECT_EQ(call.run(plan.get(), workspace.get()).status, FOVEA_OK);
  EXPECT_TRUE(call.isRight());
  expectGoodRun();
}
