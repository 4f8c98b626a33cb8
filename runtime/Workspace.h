// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The caller's memory for one run at a time:
//
//   header | slot 0: entry flag, values, scratch | slot 1: ... | ... | partial results
//
// Everything starts on a cache line of its own. The entry flag is touched once per run, so its line is also the padding
// between the scratch of one slot and the values of the next.
#ifndef FOVEA_RUNTIME_WORKSPACE_H
#define FOVEA_RUNTIME_WORKSPACE_H

#include "Error.h"

#include <atomic>

namespace fovea {

constexpr size_t kLineBytes = 64;

/// How a run ends: FOVEA_OK until the first slot stops it. One word, so that whoever sees the status sees the task's
/// return code too.
struct Outcome {
  int32_t status = FOVEA_OK;
  int32_t taskResult = 0;
};

struct alignas(kLineBytes) WorkspaceHeader {
  std::atomic<uint64_t> serial{0}; // of the plan it was initialised for
  std::atomic<int64_t> next{0};    // the first task nobody has claimed
  std::atomic<Outcome> outcome{Outcome()};
  std::atomic<uint32_t> arrived{0}; // slots that will claim no more
  std::atomic<uint32_t> busy{0};    // a fovea_run is using it

  void stop(fovea_status status, int32_t taskResult = 0) {
    Outcome running;
    outcome.compare_exchange_strong(running, Outcome{status, taskResult});
  }
};
static_assert(sizeof(WorkspaceHeader) == kLineBytes);

struct alignas(kLineBytes) SlotEntry {
  std::atomic<uint32_t> entered{0};

  /// False when the slot is already part of the run.
  bool enter() { return entered.exchange(1, std::memory_order_acquire) == 0; }
};

/// How many values a kernel takes; the one for partial results is the last.
inline size_t countValues(const fovea_kernel_table &kernel) {
  return size_t(kernel.num_params) + kernel.num_summaries + kernel.has_partials;
}

/// Where tasks that have pieces of one tile meet.
struct PartialResults {
  int64_t count = 0, bytes = 0; // bytes: of one
};

struct WorkspaceLayout {
  size_t values = 0; // bytes of one slot's values, rounded up to lines
  size_t slot = 0;   // bytes of one slot
  size_t slots = 0;  // bytes of all
  PartialResults partials;
  size_t total = 0;

  /// False when a size overflows.
  bool compute(const fovea_kernel_table &kernel, uint32_t slots, PartialResults partials);
  /// Of a GPU's plan: partial results alone, in device memory.
  void useDevice(PartialResults results) {
    partials = results;
    total = size_t(results.count * results.bytes);
  }
};

/// A caller's memory seen as a plan's workspace.
class Workspace {
public:
  Workspace(const fovea_plan &plan, void *memory);

  WorkspaceHeader &header() const { return *reinterpret_cast<WorkspaceHeader *>(memory); }
  SlotEntry &entry(uint32_t slot) const { return *reinterpret_cast<SlotEntry *>(at(slot)); }
  fovea_value *values(uint32_t slot) const { return reinterpret_cast<fovea_value *>(at(slot) + sizeof(SlotEntry)); }
  char *arena(uint32_t slot) const { return at(slot) + sizeof(SlotEntry) + layout.values; }
  char *partials() const { return memory + sizeof(WorkspaceHeader) + layout.slots; }

  /// The first word of each counts the tasks that have arrived.
  void clearPartials() const;

  /// Makes it ready for the next run. Nobody else may be using it.
  void reset() const;

private:
  char *at(uint32_t slot) const { return memory + sizeof(WorkspaceHeader) + slot * layout.slot; }

  char *memory;
  const WorkspaceLayout &layout;
  uint32_t slots;
};

/// Refuses what can be no workspace, on any device.
Status checkWorkspaceAddress(const void *workspace);

/// Refuses memory that fovea_workspace_init has not prepared for this plan.
Status checkWorkspace(const fovea_plan &plan, void *workspace);

} // namespace fovea

#endif
