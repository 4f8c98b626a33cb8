// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Plan.h"

using namespace fovea;

static_assert(std::atomic<Outcome>::is_always_lock_free && std::atomic<int64_t>::is_always_lock_free,
              "a workspace is plain memory: it has no place for locks");

static bool roundToLines(size_t bytes, size_t &rounded) {
  if (__builtin_add_overflow(bytes, kLineBytes - 1, &rounded))
    return false;
  rounded = rounded / kLineBytes * kLineBytes;
  return true;
}

bool WorkspaceLayout::compute(const fovea_kernel_table &kernel, uint32_t slotCount, PartialResults results) {
  size_t arena, shared;
  partials = results;
  return roundToLines(countValues(kernel) * sizeof(fovea_value), values) &&
         roundToLines(size_t(kernel.arena_bytes), arena) &&
         !__builtin_add_overflow(sizeof(SlotEntry) + values, arena, &slot) &&
         !__builtin_mul_overflow(slot, slotCount, &slots) &&
         !__builtin_mul_overflow(partials.count, partials.bytes, &shared) &&
         !__builtin_add_overflow(slots, shared, &total) &&
         !__builtin_add_overflow(total, sizeof(WorkspaceHeader), &total);
}

Workspace::Workspace(const fovea_plan &plan, void *memory)
    : memory(static_cast<char *>(memory)), layout(plan.layout), slots(plan.slots) {}

void Workspace::clearPartials() const {
  for (int64_t k = 0; k < layout.partials.count; ++k)
    *reinterpret_cast<int32_t *>(partials() + k * layout.partials.bytes) = 0;
}

void Workspace::reset() const {
  if (header().outcome.load(std::memory_order_relaxed).status != FOVEA_OK)
    clearPartials(); // a run that ended well has left zeros
  for (uint32_t slot = 0; slot < slots; ++slot)
    entry(slot).entered.store(0, std::memory_order_relaxed);
  header().next.store(0, std::memory_order_relaxed);
  header().outcome.store(Outcome(), std::memory_order_relaxed);
  header().arrived.store(0, std::memory_order_release);
}

static bool isAligned(const void *workspace) { return reinterpret_cast<uintptr_t>(workspace) % kLineBytes == 0; }

Status fovea::checkWorkspaceAddress(const void *workspace) {
  if (!workspace)
    return failure(FOVEA_INVALID, "the workspace is NULL");
  if (!isAligned(workspace))
    return failure(FOVEA_INVALID, "the workspace is not aligned to ", kLineBytes, " bytes");
  return {};
}

Status fovea::checkWorkspace(const fovea_plan &plan, void *workspace) {
  if (Status status = checkWorkspaceAddress(workspace); status.failed())
    return status;
  if (Workspace(plan, workspace).header().serial.load(std::memory_order_relaxed) != plan.serial)
    return failure(FOVEA_INVALID, "the workspace was not initialised for this plan: call fovea_workspace_init(plan, "
                                  "workspace) once before its first run");
  return {};
}

extern "C" size_t fovea_plan_workspace(const fovea_plan *plan) { return plan ? plan->layout.total : 0; }

extern "C" fovea_status fovea_workspace_init(const fovea_plan *plan, void *workspace) {
  if (plan && plan->gpu)
    return guarded(nullptr, [&] { return initGpuWorkspace(*plan, workspace); });
  if (!plan || !workspace || !isAligned(workspace))
    return FOVEA_INVALID;
  // Scratch is left alone: its pages then come from the node of the thread that first runs the slot.
  Workspace view(*plan, workspace);
  for (uint32_t slot = 0; slot < plan->slots; ++slot)
    new (&view.entry(slot)) SlotEntry();
  view.clearPartials();
  auto *header = new (&view.header()) WorkspaceHeader();
  header->serial.store(plan->serial, std::memory_order_release);
  return FOVEA_OK;
}
