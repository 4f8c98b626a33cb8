// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Plan.h"

#include "Arguments.h"
#include "Describe.h"
#include "Summaries.h"

#include <oneapi/tbb/info.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <tuple>

using namespace fovea;

Status fovea::checkExec(const fovea_exec *exec) {
  if (exec && exec->struct_size < sizeof(fovea_exec))
    return failure(FOVEA_INVALID, "fovea_exec.struct_size is ", exec->struct_size,
                   ", set it to sizeof(fovea_exec) = ", sizeof(fovea_exec));
  return {};
}

static Status checkReported(const fovea_kernel_table &kernel, int32_t result, int64_t count) {
  if (result > 0 && uint32_t(result) <= kernel.num_messages)
    return failure(FOVEA_INVALID, kernel.messages[result - 1]);
  if (result != 0)
    return failure(FOVEA_INTERNAL, "the plan function of kernel '", kernel.name, "' returned ", result,
                   ", which is none of its messages");
  if (count < 0)
    return failure(FOVEA_INTERNAL, "the plan function of kernel '", kernel.name, "' counts ", count, " tasks");
  return {};
}

/// Claims about frozen tensors are checked, summaries of them are made.
static Status lookAtContents(const fovea_kernel_table &kernel, fovea_plan &plan) {
  for (uint32_t p = 0; p < kernel.num_params; ++p)
    if (kernel.params[p].flags & FOVEA_PARAM_SORTED)
      if (Status status = checkSorted(kernel.params[p], plan.values[p]); status.failed())
        return failure(status.code, describeArgument(kernel, p), " is ", status.message);
  for (uint32_t p = 0; p < kernel.num_params; ++p)
    if (kernel.params[p].flags & FOVEA_PARAM_INDEX) {
      const uint32_t indexed = kernel.params[p].indexed;
      Status status = checkIndices(kernel.params[p], plan.values[p], plan.values[indexed].sizes[0]);
      if (status.failed())
        return failure(status.code, describeArgument(kernel, p), " ", status.message, " of ",
                       describeArgument(kernel, indexed));
    }
  plan.summaries.resize(kernel.num_summaries);
  for (uint32_t s = 0; s < kernel.num_summaries; ++s) {
    const fovea_summary &summary = kernel.summaries[s];
    Status status = makeSummary(kernel.params[summary.param], plan.values[summary.param], summary, plan.summaries[s],
                                plan.values[kernel.num_params + s]);
    if (status.failed())
      return failure(status.code, describeArgument(kernel, summary.param), ": ", status.message);
  }
  return {};
}

/// Some gigabytes of records; a day of work.
static constexpr int64_t kMaxTasks = int64_t(1) << 25;

static Status listTasks(const fovea_kernel_table &kernel, const fovea_value *values, std::vector<fovea_task> &tasks) {
  int64_t needed = 0;
  int32_t result = kernel.plan(values, nullptr, 0, &needed);
  if (Status status = checkReported(kernel, result, needed); status.failed())
    return status;
  if (needed > kMaxTasks)
    return failure(FOVEA_OUT_OF_RANGE, "these sizes make ", needed, " tasks; a plan holds at most ", kMaxTasks,
                   ": split the batch");
  tasks.resize(size_t(needed));
  int64_t filled = 0;
  result = kernel.plan(values, tasks.data(), needed, &filled);
  if (Status status = checkReported(kernel, result, filled); status.failed())
    return status;
  if (filled != needed)
    return failure(FOVEA_INTERNAL, "the plan function of kernel '", kernel.name, "' counts ", needed, " tasks, then ",
                   filled, ": was a frozen tensor changed meanwhile?");
  return {};
}

/// Largest first keeps the slots busy to the end. Every field takes part: tasks that tie are the same, so that the
/// order does not depend on the sort.
static bool runsBefore(const fovea_task &a, const fovea_task &b) {
  auto key = [](const fovea_task &task) {
    const int64_t (&index)[4] = task.index;
    return std::tie(index[0], index[1], index[2], index[3], task.begin, task.end, task.blocks);
  };
  return a.visited != b.visited ? a.visited > b.visited : key(a) < key(b);
}

static uint32_t slotsAskedFor(const fovea_exec *exec) {
  if (!exec)
    return 1;
  return exec->slots ? exec->slots : uint32_t(std::max(1, oneapi::tbb::info::default_concurrency()));
}

static uint64_t nextSerial() {
  static std::atomic<uint64_t> next{0x466F76656120776Bu}; // unlikely in memory that was never initialised
  return next.fetch_add(1, std::memory_order_relaxed);
}

extern "C" fovea_status fovea_plan_create(const fovea_kernel *kernel, const fovea_arg *args, size_t num_args,
                                          const fovea_exec *exec, fovea_plan **plan, fovea_error **error) {
  return guarded(error, [&]() -> Status {
    if (!kernel)
      return failure(FOVEA_INVALID, "the kernel is NULL");
    if (!plan)
      return failure(FOVEA_INVALID, "the place for the plan is NULL");
    if (Status status = checkExec(exec); status.failed())
      return status;
    const fovea_kernel_table &table = *kernel->table;
    auto created = std::make_unique<fovea_plan>();
    created->values.resize(size_t(table.num_params) + table.num_summaries);
    fovea_value *values = created->values.data();
    if (Status status = readArguments(table, args, num_args, Phase::Plan, values); status.failed())
      return status;
    if (Status status = checkNamedDims(table, values); status.failed())
      return status;
    if (Status status = lookAtContents(table, *created); status.failed())
      return status;
    std::vector<fovea_task> &tasks = created->tasks;
    if (Status status = listTasks(table, values, tasks); status.failed())
      return status;
    std::sort(tasks.begin(), tasks.end(), runsBefore);
    for (const fovea_task &task : tasks) {
      created->blocks += task.blocks;
      created->visited += task.visited;
    }
    created->kernel = kernel;
    created->requestedSlots = slotsAskedFor(exec);
    created->slots = uint32_t(std::min<size_t>(created->requestedSlots, std::max<size_t>(1, tasks.size())));
    created->serial = nextSerial();
    if (!created->layout.compute(table, created->slots))
      return failure(FOVEA_OUT_OF_RANGE, created->slots, " slots with ", table.arena_bytes,
                     " bytes of scratch each need a workspace beyond the address space: ask for fewer slots");
    fovea_module_retain(kernel->module);
    *plan = created.release();
    return {};
  });
}

extern "C" void fovea_plan_destroy(fovea_plan *plan) {
  if (!plan)
    return;
  fovea_module *module = plan->kernel->module;
  delete plan;
  fovea_module_release(module);
}

extern "C" fovea_status fovea_plan_get_stats(const fovea_plan *plan, fovea_plan_stats *stats) {
  if (!plan || !stats || stats->struct_size < offsetof(fovea_plan_stats, tasks))
    return FOVEA_INVALID;
  const uint32_t size = std::min<uint32_t>(stats->struct_size, sizeof(fovea_plan_stats));
  const fovea_plan_stats full{stats->struct_size, plan->slots, int64_t(plan->tasks.size()), plan->blocks,
                              plan->visited};
  std::memcpy(stats, &full, size);
  return FOVEA_OK;
}

extern "C" const fovea_task *fovea_plan_tasks(const fovea_plan *plan, size_t *count) {
  if (count)
    *count = plan ? plan->tasks.size() : 0;
  return plan ? plan->tasks.data() : nullptr;
}
