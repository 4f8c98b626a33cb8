// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a run costs besides time: workspace of a fixed size, and no memory from the heap.
#include "Problems.h"

#include <cstdlib>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define FOVEA_HAS_SANITIZER
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FOVEA_HAS_SANITIZER
#endif
#if defined(__GLIBC__) && !defined(FOVEA_HAS_SANITIZER)
#define FOVEA_COUNTS_ALLOCATIONS
#endif

#ifdef FOVEA_COUNTS_ALLOCATIONS
/// This binary's malloc serves every library and compiled kernel of the process.
static thread_local int64_t gAllocations = 0;

extern "C" {
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void *malloc(size_t bytes) { return ++gAllocations, __libc_malloc(bytes); }
void *calloc(size_t count, size_t bytes) { return ++gAllocations, __libc_calloc(count, bytes); }
void *realloc(void *memory, size_t bytes) { return ++gAllocations, __libc_realloc(memory, bytes); }
void *aligned_alloc(size_t alignment, size_t bytes) { return ++gAllocations, __libc_memalign(alignment, bytes); }
int posix_memalign(void **memory, size_t alignment, size_t bytes) {
  ++gAllocations;
  *memory = __libc_memalign(alignment, bytes);
  return *memory ? 0 : 12;
}
}
#endif

using namespace fovea::test;

namespace {

#ifdef FOVEA_COUNTS_ALLOCATIONS
TEST(Allocations, ARunMakesNone) {
  for (const char *name : {"window", "documents", "alibi", "softcap"})
    for (const Variant &variant : variants()) {
      SCOPED_TRACE(std::string(name) + " " + variant.name);
      const Problem &problem = fovea::test::problem(name);
      Spec spec = withProblem({}, problem);
      spec.keySize = 33; // odd: blocks are packed
      spec.schedule = variant.schedule;
      const Kernel &kernel = compiled(moduleText(spec), variant.target);
      if (!kernel)
        continue;
      Random random(1);
      Call call(kernel, inputsOf(spec, problem, {1, 2, 1, 70, 130}, random), {{1, 2, 70, 64}, {1, 2, 70}});
      int64_t before = gAllocations;
      ASSERT_TRUE(execute(call));
      EXPECT_GT(gAllocations, before) << "the counter does not see the plan's allocations";
      before = gAllocations;
      fovea_status status =
          fovea_run(call.get(), call.args.data(), call.args.size(), call.workspaceMemory(), nullptr, nullptr);
      int64_t after = gAllocations;
      EXPECT_EQ(status, FOVEA_OK);
      EXPECT_EQ(after - before, 0);
    }
}
#endif

constexpr size_t kMaxWorkspacePerSlot = size_t(8) << 20;

TEST(Workspace, DoesNotGrowWithTheSequence) {
  for (const Variant &variant : variants())
    for (const char *name : {"none", "window", "alibi"}) {
      SCOPED_TRACE(variant.name + " " + name);
      Spec spec = withProblem({}, problem(name));
      spec.schedule = variant.schedule;
      const Kernel &kernel = compiled(moduleText(spec), variant.target);
      if (!kernel)
        continue;
      size_t bytes[2] = {};
      for (uint32_t slots : {1, 4}) {
        for (int k : {0, 1}) {
          int64_t n = k ? 4096 : 300;
          Random random(1);
          Sizes s = {1, 4, 4, n, n};
          auto zeros = std::make_shared<HostTensor>(HostTensor::zeros(DType::F32, {1, 4, n, 64}));
          std::vector<TensorRef> inputs = {zeros, zeros, zeros};
          for (TensorRef &value : problem(name).values(s, n, random))
            inputs.push_back(value);
          Call call(kernel, inputs, {{1, 4, n, 64}, {1, 4, n}});
          ASSERT_EQ(call.plan(slots), FOVEA_OK) << call.message;
          ASSERT_EQ(call.stats().slots, slots);
          bytes[k] = fovea_plan_workspace(call.get());
          EXPECT_LT(bytes[k], slots * kMaxWorkspacePerSlot);
        }
        EXPECT_EQ(bytes[0], bytes[1]);
      }
    }
}

/// Only what the mask reads has to be there when a plan is made.
TEST(Plan, NeedsNoDataOfQueryKeyAndValue) {
  Spec spec = withProblem({}, problem("padding"));
  const Kernel &kernel = compiled(moduleText(spec));
  Random random(1);
  Call call(kernel, inputsOf(spec, problem("padding"), {2, 2, 1, 70, 130}, random), {{2, 2, 70, 64}, {2, 2, 70}});
  for (size_t k : {0, 1, 2, 4, 5})
    call.tensor(k).data = nullptr;
  EXPECT_EQ(call.plan(), FOVEA_OK) << call.message;
  call.tensor(3).data = nullptr;
  EXPECT_EQ(call.plan(), FOVEA_INVALID);
}

} // namespace
