// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A run that succeeds does not allocate. The replaced operators serve this binary and the libraries it loads.
#include "RowSum.h"

#include <atomic>
#include <cstdlib>
#include <new>

using namespace fovea::test;

static std::atomic<int64_t> gAllocations{0};

static void *allocate(size_t bytes, size_t alignment) {
  gAllocations.fetch_add(1, std::memory_order_relaxed);
  void *memory = nullptr;
  if (bytes > size_t(INT64_MAX) || posix_memalign(&memory, alignment, bytes ? bytes : 1))
    throw std::bad_alloc();
  return memory;
}

void *operator new(size_t bytes) { return allocate(bytes, alignof(std::max_align_t)); }
void *operator new(size_t bytes, std::align_val_t alignment) { return allocate(bytes, size_t(alignment)); }
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, size_t) noexcept { std::free(memory); }
void operator delete(void *memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void *memory, size_t, std::align_val_t) noexcept { std::free(memory); }

TEST(Allocation, RunDoesNotAllocate) {
  RowSum call(20, 30);
  int64_t before = gAllocations;
  PlanPtr plan = call.mustPlan(1);
  EXPECT_GT(gAllocations, before) << "the counter does not see the library's allocations";
  WorkspaceMemory workspace(plan.get());
  const std::vector<fovea_arg> args = call.args();
  before = gAllocations;
  const fovea_status status = fovea_run(plan.get(), args.data(), args.size(), workspace.get(), nullptr, nullptr);
  const int64_t after = gAllocations;
  EXPECT_EQ(status, FOVEA_OK);
  EXPECT_EQ(after - before, 0);
  EXPECT_TRUE(call.isRight());
}

TEST(Allocation, SlotsDoNotAllocate) {
  RowSum call(20, 30);
  PlanPtr plan = call.mustPlan(3);
  WorkspaceMemory workspace(plan.get());
  const std::vector<fovea_arg> args = call.args();
  fovea_exec exec = makeExec(3);
  exec.parallel_for = [](void *, uint32_t n, void (*body)(void *, uint32_t), void *ctx) {
    for (uint32_t slot = 0; slot < n; ++slot)
      body(ctx, slot);
  };
  const int64_t before = gAllocations;
  fovea_status status = fovea_run(plan.get(), args.data(), args.size(), workspace.get(), &exec, nullptr);
  for (uint32_t slot = 0; slot < 3 && status == FOVEA_OK; ++slot)
    status = fovea_run_slot(plan.get(), args.data(), args.size(), workspace.get(), slot, nullptr, nullptr);
  const int64_t after = gAllocations;
  EXPECT_EQ(status, FOVEA_OK);
  EXPECT_EQ(after - before, 0);
}
