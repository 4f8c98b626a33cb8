// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "RowSum.h"

#include <cstddef>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <thread>

using namespace fovea::test;

namespace {

/// A kernel without parameters, whose plan function does as a test says.
struct FakePlan : ::testing::Test {
  using Fill = std::function<int32_t(fovea_task *, int64_t, int64_t *)>;
  static Fill fill;

  Answer plan(int64_t arenaBytes = 0, PlanPtr *made = nullptr, uint32_t slots = 1) {
    static const char *const messages[] = {"one", "two"};
    fovea_kernel_table kernel = {};
    kernel.name = "fake";
    kernel.messages = messages;
    kernel.arena_bytes = arenaBytes;
    kernel.num_messages = 2;
    kernel.plan = [](const fovea_value *, fovea_task *tasks, int64_t capacity, int64_t *count) {
      return fill(tasks, capacity, count);
    };
    kernel.task = [](const fovea_value *, const fovea_task *, char *) { return int32_t(0); };
    kernel.classify = [](const fovea_value *, int64_t b, int64_t, int64_t, int64_t, int64_t, int64_t) {
      return int32_t(b);
    };
    kernels[0] = kernel;
    const fovea_module_table table = {FOVEA_ABI_MAGIC, FOVEA_ABI_VERSION, "by hand", kernels, 1, 0};
    module = makeModule(table);
    const fovea_exec exec = makeExec(slots);
    return answerOf([&](fovea_error **error) {
      fovea_plan *raw = nullptr;
      const fovea_status status =
          fovea_plan_create(fovea_module_kernel_at(module.get(), 0), nullptr, 0, &exec, &raw, error);
      PlanPtr owner(raw);
      if (made)
        *made = std::move(owner);
      return status;
    });
  }
  void expectRefusal(fovea_status status, const std::string &message) {
    const Answer answer = plan();
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(answer.message, message);
  }
  fovea_kernel_table kernels[1];
  ModulePtr module;
};
FakePlan::Fill FakePlan::fill;

} // namespace

TEST_F(FakePlan, MessagesAreTheCompilers) {
  fill = [](fovea_task *, int64_t, int64_t *count) { return *count = 0, 2; };
  expectRefusal(FOVEA_INVALID, "two");
  fill = [](fovea_task *, int64_t capacity, int64_t *count) { return *count = 3, capacity ? 1 : 0; };
  expectRefusal(FOVEA_INVALID, "one");
}

TEST_F(FakePlan, UnknownMessages) {
  for (int32_t result : {3, -1}) {
    fill = [=](fovea_task *, int64_t, int64_t *count) { return *count = 0, result; };
    expectRefusal(FOVEA_INTERNAL, "the plan function of kernel 'fake' returned " + std::to_string(result) +
                                      ", which is none of its messages");
  }
}

TEST_F(FakePlan, StrangeCounts) {
  fill = [](fovea_task *, int64_t, int64_t *count) { return *count = -4, 0; };
  expectRefusal(FOVEA_INTERNAL, "the plan function of kernel 'fake' counts -4 tasks");
  fill = [](fovea_task *, int64_t capacity, int64_t *count) { return *count = capacity ? 6 : 5, 0; };
  expectRefusal(FOVEA_INTERNAL,
                "the plan function of kernel 'fake' counts 5 tasks, then 6: was a frozen tensor changed "
                "meanwhile?");
}

TEST_F(FakePlan, ExceptionsStayInside) {
  fill = [](fovea_task *, int64_t, int64_t *) -> int32_t { throw std::bad_alloc(); };
  expectRefusal(FOVEA_NO_MEMORY, "out of memory");
  fill = [](fovea_task *, int64_t, int64_t *) -> int32_t { throw std::runtime_error("oops"); };
  expectRefusal(FOVEA_INTERNAL, "oops");
  fill = [](fovea_task *, int64_t, int64_t *) -> int32_t { throw 7; };
  expectRefusal(FOVEA_INTERNAL, "unknown C++ exception");
}

TEST_F(FakePlan, SortsLargestFirstThenByIndex) {
  const std::vector<fovea_task> given = {{{1, 0, 0, 0}, 0, 1, 2, 2}, {{0, 0, 1, 1}, 0, 2, 5, 5},
                                         {{0, 0, 1, 0}, 0, 3, 5, 7}, {{0, 1, 0, 0}, 0, 4, 5, 5},
                                         {{0, 0, 0, 0}, 5, 5, 0, 4}, {{1, 0, 0, 0}, 7, 8, 2, 2}};
  fill = [&](fovea_task *tasks, int64_t capacity, int64_t *count) {
    *count = int64_t(given.size());
    std::copy_n(given.begin(), std::min<int64_t>(capacity, *count), tasks);
    return 0;
  };
  PlanPtr made;
  ASSERT_EQ(plan(0, &made).status, FOVEA_OK);
  size_t count = 0;
  const fovea_task *tasks = fovea_plan_tasks(made.get(), &count);
  ASSERT_EQ(count, given.size());
  const int order[] = {2, 1, 3, 0, 5, 4};
  for (size_t t = 0; t < count; ++t)
    EXPECT_EQ(std::memcmp(&tasks[t], &given[order[t]], sizeof(fovea_task)), 0) << t;
  fovea_plan_stats stats{sizeof(fovea_plan_stats), 0, 0, 0, 0, 0};
  ASSERT_EQ(fovea_plan_get_stats(made.get(), &stats), FOVEA_OK);
  EXPECT_EQ(stats.tasks, 6);
  EXPECT_EQ(stats.visited, 2 + 5 + 5 + 5 + 0 + 2);
  EXPECT_EQ(stats.blocks, 2 + 5 + 7 + 5 + 4 + 2);
}

TEST_F(FakePlan, WorkspaceOverflows) {
  fill = [](fovea_task *tasks, int64_t capacity, int64_t *count) {
    *count = 8;
    std::fill_n(tasks, capacity, fovea_task{});
    return 0;
  };
  const Answer answer = plan(std::numeric_limits<int64_t>::max(), nullptr, 8);
  EXPECT_EQ(answer.status, FOVEA_OUT_OF_RANGE);
  EXPECT_EQ(answer.message,
            "8 slots with 9223372036854775807 bytes of scratch each need a workspace beyond the address "
            "space: ask for fewer slots");
  EXPECT_EQ(plan(std::numeric_limits<int64_t>::max(), nullptr, 1).status, FOVEA_OK);
}

TEST_F(FakePlan, TooManyTasksAreRefusedBeforeTheyAreListed) {
  fill = [](fovea_task *, int64_t capacity, int64_t *count) {
    EXPECT_EQ(capacity, 0);
    *count = int64_t(1) << 40;
    return 0;
  };
  const Answer answer = plan(0, nullptr, 1);
  EXPECT_EQ(answer.status, FOVEA_OUT_OF_RANGE);
  EXPECT_EQ(answer.message, "these sizes make 1099511627776 tasks; a plan holds at most 33554432: split the batch");
}

TEST_F(FakePlan, NoTasksIsARunThatDoesNothing) {
  fill = [](fovea_task *, int64_t, int64_t *count) { return *count = 0, 0; };
  PlanPtr made;
  ASSERT_EQ(plan(0, &made, 8).status, FOVEA_OK);
  WorkspaceMemory workspace(made.get());
  const int32_t cancel = 1;
  fovea_exec exec = makeExec(0);
  exec.cancel = &cancel;
  EXPECT_EQ(fovea_run(made.get(), nullptr, 0, workspace.get(), &exec, nullptr), FOVEA_OK) << "nothing was left undone";
}

static uint32_t slotsOf(const PlanPtr &plan) {
  fovea_plan_stats stats{sizeof(fovea_plan_stats), 0, 0, 0, 0, 0};
  EXPECT_EQ(fovea_plan_get_stats(plan.get(), &stats), FOVEA_OK);
  return stats.slots;
}

TEST(Plan, Slots) {
  RowSum call(6, 10);
  EXPECT_EQ(slotsOf(call.mustPlan(3)), 3u);
  EXPECT_EQ(slotsOf(call.mustPlan(100)), 6u) << "no more slots than tasks";
  EXPECT_EQ(slotsOf(RowSum(0, 10).mustPlan(5)), 1u);
  PlanPtr plan;
  ASSERT_EQ(call.plan(&plan, nullptr).status, FOVEA_OK);
  EXPECT_EQ(slotsOf(plan), 1u) << "no exec: one slot";
  EXPECT_GE(slotsOf(call.mustPlan(0)), 1u);
  EXPECT_LE(slotsOf(call.mustPlan(0)), std::max(1u, std::thread::hardware_concurrency()));
}

TEST(Plan, StatsGrowAtTheirEnd) {
  RowSum call(6, 10);
  PlanPtr plan = call.mustPlan(3);
  fovea_plan_stats stats{offsetof(fovea_plan_stats, blocks), 0, 0, -7, -7, -7};
  ASSERT_EQ(fovea_plan_get_stats(plan.get(), &stats), FOVEA_OK);
  EXPECT_EQ(stats.struct_size, offsetof(fovea_plan_stats, blocks));
  EXPECT_EQ(stats.tasks, 6);
  EXPECT_EQ(stats.blocks, -7) << "beyond what the caller knows";
  stats.struct_size = 4;
  EXPECT_EQ(fovea_plan_get_stats(plan.get(), &stats), FOVEA_INVALID);
  EXPECT_EQ(fovea_plan_get_stats(plan.get(), nullptr), FOVEA_INVALID);
  EXPECT_EQ(fovea_plan_get_stats(nullptr, &stats), FOVEA_INVALID);
}

TEST(Plan, RefusesNullAndOldExec) {
  RowSum call;
  fovea_plan *plan = nullptr;
  EXPECT_EQ(
      answerOf([&](fovea_error **e) { return fovea_plan_create(nullptr, nullptr, 0, nullptr, &plan, e); }).message,
      "the kernel is NULL");
  EXPECT_EQ(answerOf([&](fovea_error **e) {
              return fovea_plan_create(call.kernel, nullptr, 0, nullptr, nullptr, e);
            }).message,
            "the place for the plan is NULL");
  fovea_exec exec = makeExec(1);
  exec.struct_size = 8;
  const Answer answer = call.plan(nullptr, &exec);
  EXPECT_EQ(answer.status, FOVEA_INVALID);
  EXPECT_EQ(answer.message, "fovea_exec.struct_size is 8, set it to sizeof(fovea_exec) = 40");
  EXPECT_EQ(fovea_plan_workspace(nullptr), 0u);
  fovea_plan_destroy(nullptr);
  size_t count = 5;
  EXPECT_EQ(fovea_plan_tasks(nullptr, &count), nullptr);
  EXPECT_EQ(count, 0u);
}

TEST(Plan, WorkspaceDoesNotGrowWithTheData) {
  RowSum small(100, 10), large(1000, 500);
  EXPECT_EQ(fovea_plan_workspace(small.mustPlan(4).get()), fovea_plan_workspace(large.mustPlan(4).get()));
  EXPECT_EQ(fovea_plan_workspace(small.mustPlan(4).get()) % 64, 0u);
}

TEST(Plan, WorkspaceInit) {
  RowSum call;
  PlanPtr plan = call.mustPlan();
  WorkspaceMemory workspace(plan.get());
  EXPECT_EQ(fovea_workspace_init(plan.get(), static_cast<char *>(workspace.get()) + 32), FOVEA_INVALID);
  EXPECT_EQ(fovea_workspace_init(plan.get(), nullptr), FOVEA_INVALID);
  EXPECT_EQ(fovea_workspace_init(nullptr, workspace.get()), FOVEA_INVALID);
}
