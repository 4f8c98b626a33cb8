// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "RowSum.h"

#include <atomic>
#include <thread>

using namespace fovea::test;

namespace {

/// Puts a hook before the tasks while it lives.
struct Hook {
  explicit Hook(std::function<int32_t(const fovea_task &)> hook) { gTaskHook = std::move(hook); }
  ~Hook() { gTaskHook = nullptr; }
};

void expectInvalid(const Answer &answer, const std::string &message) {
  EXPECT_EQ(answer.status, FOVEA_INVALID);
  EXPECT_EQ(answer.message, message);
}

} // namespace

TEST(Run, SameBitsForAnyNumberOfSlots) {
  RowSum call(67, 300);
  for (uint32_t slots = 1; slots <= 8; ++slots) {
    PlanPtr plan = call.mustPlan(slots);
    WorkspaceMemory workspace(plan.get());
    for (int repeat = 0; repeat < 20; ++repeat) {
      call.clearOutputs();
      const Answer answer = call.run(plan.get(), workspace.get());
      ASSERT_EQ(answer.status, FOVEA_OK) << answer.message;
      ASSERT_TRUE(call.isRight()) << slots << " slots";
    }
  }
}

TEST(Run, EveryTaskOnce) {
  RowSum call(200, 4);
  std::vector<std::atomic<int>> ran(200);
  PlanPtr plan = call.mustPlan(4);
  WorkspaceMemory workspace(plan.get());
  Hook hook([&](const fovea_task &task) { return ran[task.index[0]].fetch_add(1), 0; });
  ASSERT_EQ(call.run(plan.get(), workspace.get()).status, FOVEA_OK);
  for (const std::atomic<int> &times : ran)
    EXPECT_EQ(times.load(), 1);
}

TEST(Run, RefusesTheWrongWorkspace) {
  RowSum call;
  PlanPtr plan = call.mustPlan(), other = call.mustPlan();
  WorkspaceMemory workspace(plan.get());
  expectInvalid(call.run(plan.get(), nullptr), "the workspace is NULL");
  expectInvalid(call.run(plan.get(), static_cast<char *>(workspace.get()) + 8),
                "the workspace is not aligned to 64 bytes");
  expectInvalid(
      call.run(other.get(), workspace.get()),
      "the workspace was not initialised for this plan: call fovea_workspace_init(plan, workspace) once before "
      "its first run");
  expectInvalid(call.run(nullptr, workspace.get()), "the plan is NULL");
  EXPECT_EQ(call.run(plan.get(), workspace.get()).status, FOVEA_OK);
}

TEST(Run, RefusesAWorkspaceInUse) {
  RowSum call, inner;
  PlanPtr plan = call.mustPlan();
  WorkspaceMemory workspace(plan.get());
  Answer nested{FOVEA_OK, ""};
  {
    Hook hook([&](const fovea_task &task) {
      if (task.index[0] == 2)
        nested = inner.run(plan.get(), workspace.get());
      return 0;
    });
    EXPECT_EQ(call.run(plan.get(), workspace.get()).status, FOVEA_OK);
  }
  expectInvalid(nested, "the workspace is in use by another run: each concurrent run needs its own");
  EXPECT_TRUE(call.isRight());
  EXPECT_EQ(inner.run(plan.get(), workspace.get()).status, FOVEA_OK);
}

TEST(Run, ReportsAFailingTask) {
  RowSum call;
  for (uint32_t slots : {1, 4}) {
    PlanPtr plan = call.mustPlan(slots);
    WorkspaceMemory workspace(plan.get());
    {
      Hook hook([](const fovea_task &task) { return task.index[0] == 5 ? 17 : 0; });
      const Answer answer = call.run(plan.get(), workspace.get());
      EXPECT_EQ(answer.status, FOVEA_INTERNAL);
      EXPECT_EQ(answer.message, "a task of kernel 'row_sum' returned 17");
    }
    call.clearOutputs();
    EXPECT_EQ(call.run(plan.get(), workspace.get()).status, FOVEA_OK);
    EXPECT_TRUE(call.isRight());
  }
}

TEST(Run, CancelsBetweenTasks) {
  RowSum call(50, 8);
  for (uint32_t slots : {1, 4}) {
    PlanPtr plan = call.mustPlan(slots);
    WorkspaceMemory workspace(plan.get());
    std::atomic<int> ran{0};
    int32_t cancel = 0;
    fovea_exec exec = makeExec(slots);
    exec.cancel = &cancel;
    {
      Hook hook([&](const fovea_task &) {
        if (ran.fetch_add(1) == 9)
          __atomic_store_n(&cancel, 1, __ATOMIC_RELAXED);
        return 0;
      });
      const Answer answer = call.run(plan.get(), workspace.get(), &exec);
      EXPECT_EQ(answer.status, FOVEA_CANCELLED);
      EXPECT_EQ(answer.message, "the run was cancelled: its outputs are incomplete");
    }
    EXPECT_GE(ran.load(), 10);
    EXPECT_LT(ran.load(), 50);
    cancel = 0;
    call.clearOutputs();
    EXPECT_EQ(call.run(plan.get(), workspace.get(), &exec).status, FOVEA_OK);
    EXPECT_TRUE(call.isRight());
  }
}

TEST(Run, TooLateToCancel) {
  RowSum call(10, 8);
  PlanPtr plan = call.mustPlan();
  WorkspaceMemory workspace(plan.get());
  int32_t cancel = 0, ran = 0;
  fovea_exec exec = makeExec(1);
  exec.cancel = &cancel;
  Hook hook([&](const fovea_task &) { return cancel = ++ran == 10, 0; });
  EXPECT_EQ(call.run(plan.get(), workspace.get(), &exec).status, FOVEA_OK) << "every task has run";
}

TEST(Run, ConcurrentRunsShareAPlan) {
  RowSum shape(40, 100);
  PlanPtr plan = shape.mustPlan(3);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      RowSum call(40, 100);
      WorkspaceMemory workspace(plan.get());
      for (int repeat = 0; repeat < 50; ++repeat) {
        call.clearOutputs();
        if (call.run(plan.get(), workspace.get()).status != FOVEA_OK || !call.isRight())
          ++wrong;
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(wrong.load(), 0);
}
