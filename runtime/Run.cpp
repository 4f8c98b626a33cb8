// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Slots claim tasks from one counter until none is left. Which slot runs a task does not change what the task computes,
// so there is nothing to merge and no barrier.
#include "Arguments.h"
#include "Plan.h"

#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>

using namespace fovea;

/// Claims before it polls, so that a run which had nothing left to do is complete, not cancelled.
static void runTasks(const fovea_plan &plan, const Workspace &workspace, uint32_t slot, const fovea_value *values,
                     const volatile int32_t *cancel) {
  WorkspaceHeader &header = workspace.header();
  const auto count = int64_t(plan.tasks.size());
  for (;;) {
    const int64_t claimed = header.next.fetch_add(1, std::memory_order_relaxed);
    if (claimed >= count || header.outcome.load(std::memory_order_relaxed).status != FOVEA_OK)
      return;
    if (cancel && __atomic_load_n(cancel, __ATOMIC_RELAXED))
      return header.stop(FOVEA_CANCELLED);
    if (int32_t result = plan.kernel->table->task(values, &plan.tasks[claimed], workspace.arena(slot)))
      return header.stop(FOVEA_INTERNAL, result);
  }
}

static Status describe(const fovea_plan &plan, Outcome outcome) {
  switch (outcome.status) {
  case FOVEA_OK:
    return {};
  case FOVEA_CANCELLED:
    return failure(FOVEA_CANCELLED, "the run was cancelled: its outputs are incomplete");
  case FOVEA_INTERNAL:
    return failure(FOVEA_INTERNAL, "a task of kernel '", plan.kernel->table->name, "' returned ", outcome.taskResult);
  default:
    return failure(fovea_status(outcome.status), "another slot of this run refused its arguments");
  }
}

static Status readRunArguments(const fovea_plan &plan, const fovea_arg *args, size_t numArgs,
                               const Workspace &workspace, fovea_value *values) {
  const fovea_kernel_table &kernel = *plan.kernel->table;
  if (Status status = readArguments(kernel, args, numArgs, Phase::Run, values); status.failed())
    return status;
  std::copy(plan.values.begin() + kernel.num_params, plan.values.end(), values + kernel.num_params); // summaries
  if (kernel.has_partials)
    values[plan.values.size() - 1].as.data = workspace.partials();
  return checkAgainstPlan(kernel, plan.values.data(), values);
}

//===- All slots ----------------------------------------------------------===//

namespace {
/// What every slot of one fovea_run shares; lives on the caller's stack.
struct Job {
  const fovea_plan &plan;
  const Workspace &workspace;
  const volatile int32_t *cancel;
  std::atomic<uint32_t> finished{0};
  std::atomic<bool> misused{false}; // a slot called twice, or one that does not exist
};

/// Gives the workspace back however the run ends.
struct Claim {
  const Workspace &workspace;
  const bool taken = workspace.header().busy.exchange(1, std::memory_order_acquire) == 0;
  ~Claim() {
    if (!taken)
      return;
    workspace.reset();
    workspace.header().busy.store(0, std::memory_order_release);
  }
};
} // namespace

static void runJobSlot(void *ctx, uint32_t slot) noexcept {
  Job &job = *static_cast<Job *>(ctx);
  if (slot >= job.plan.slots || !job.workspace.entry(slot).enter()) {
    job.misused.store(true, std::memory_order_relaxed);
    return;
  }
  runTasks(job.plan, job.workspace, slot, job.workspace.values(0), job.cancel);
  job.finished.fetch_add(1, std::memory_order_release);
}

static void runAllSlots(Job &job, const fovea_exec *exec) {
  const uint32_t slots = job.plan.slots;
  if (slots == 1)
    return runJobSlot(&job, 0);
  if (exec && exec->parallel_for)
    return exec->parallel_for(exec->user, slots, runJobSlot, &job);
  // Isolated: while this thread waits it must not pick up host work that could run with the same workspace.
  oneapi::tbb::this_task_arena::isolate([&] {
    oneapi::tbb::parallel_for(
        0u, slots, [&](uint32_t slot) { runJobSlot(&job, slot); }, oneapi::tbb::simple_partitioner());
  });
}

static Status checkRunExec(const fovea_plan &plan, const fovea_exec *exec) {
  if (Status status = checkExec(exec); status.failed())
    return status;
  if (exec && exec->slots && exec->slots != plan.slots && exec->slots != plan.requestedSlots)
    return failure(FOVEA_INVALID, "fovea_exec.slots is ", exec->slots, ", but the plan was made for ",
                   plan.requestedSlots, ": use that, 0, or another plan");
  return {};
}

extern "C" fovea_status fovea_run(const fovea_plan *plan, const fovea_arg *args, size_t num_args, void *workspace,
                                  const fovea_exec *exec, fovea_error **error) {
  return guarded(error, [&]() -> Status {
    if (!plan)
      return failure(FOVEA_INVALID, "the plan is NULL");
    if (plan->gpu) {
      Status status = checkExec(exec);
      return status.failed() ? status : runOnGpu(*plan, args, num_args, workspace, exec);
    }
    if (Status status = checkRunExec(*plan, exec); status.failed())
      return status;
    if (Status status = checkWorkspace(*plan, workspace); status.failed())
      return status;
    const Workspace view(*plan, workspace);
    const Claim claim{view};
    if (!claim.taken)
      return failure(FOVEA_INVALID, "the workspace is in use by another run: each concurrent run needs its own");
    if (Status status = readRunArguments(*plan, args, num_args, view, view.values(0)); status.failed())
      return status;
    Job job{*plan, view, exec ? exec->cancel : nullptr};
    runAllSlots(job, exec);
    const uint32_t finished = job.finished.load(std::memory_order_acquire);
    if (finished != plan->slots || job.misused.load(std::memory_order_relaxed))
      return failure(FOVEA_INVALID, "parallel_for must call body(ctx, slot) once for each slot in [0, ", plan->slots,
                     ") and return when all calls have; ", finished, " ended rightly");
    return describe(*plan, view.header().outcome.load(std::memory_order_relaxed));
  });
}

//===- One slot -----------------------------------------------------------===//

/// The last arriver has seen every other slot stop claiming, so it may reset what they shared. Earlier ones must not
/// look at the header again: it may already belong to the next run.
static Outcome arrive(const Workspace &workspace, uint32_t slots) {
  WorkspaceHeader &header = workspace.header();
  const Outcome seen = header.outcome.load(std::memory_order_relaxed);
  if (header.arrived.fetch_add(1, std::memory_order_acq_rel) + 1 != slots)
    return seen;
  const Outcome final = header.outcome.load(std::memory_order_relaxed);
  workspace.reset();
  return final;
}

extern "C" fovea_status fovea_run_slot(const fovea_plan *plan, const fovea_arg *args, size_t num_args, void *workspace,
                                       uint32_t slot, const volatile int32_t *cancel, fovea_error **error) {
  return guarded(error, [&]() -> Status {
    if (!plan)
      return failure(FOVEA_INVALID, "the plan is NULL");
    if (plan->gpu)
      return failure(FOVEA_UNSUPPORTED, "a GPU's kernel is one launch and has no slots: call fovea_run");
    if (slot >= plan->slots)
      return failure(FOVEA_OUT_OF_RANGE, "slot ", slot, " of a plan with ", plan->slots,
                     plan->slots == 1 ? " slot" : " slots", " (fovea_plan_stats.slots)");
    if (Status status = checkWorkspace(*plan, workspace); status.failed())
      return status;
    const Workspace view(*plan, workspace);
    if (!view.entry(slot).enter())
      return failure(FOVEA_INVALID, "slot ", slot,
                     " was called again before all slots of its run were: a run is one call per slot, and the next run "
                     "starts when all have returned");
    Status refused = readRunArguments(*plan, args, num_args, view, view.values(slot));
    if (refused.failed())
      view.header().stop(refused.code);
    else
      runTasks(*plan, view, slot, view.values(slot), cancel);
    const Outcome outcome = arrive(view, plan->slots);
    return refused.failed() ? refused : describe(*plan, outcome);
  });
}
