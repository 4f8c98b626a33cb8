/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The same without the runtime: the launcher's functions, the driver, and the plan function of the object. */
#include "gpu-means.h"
#include "launcher.h"
#include "means.h"

#include <stdlib.h>

extern int cuInit(unsigned flags);
extern int cuDevicePrimaryCtxRetain(void **context, int device);
extern int cuCtxPushCurrent_v2(void *context);
extern int cuMemAlloc_v2(unsigned long long *memory, size_t bytes);
extern int cuMemcpyHtoDAsync_v2(unsigned long long to, const void *from, size_t bytes, void *stream);
extern int cuMemcpyDtoHAsync_v2(void *to, unsigned long long from, size_t bytes, void *stream);
extern int cuStreamSynchronize(void *stream);

static void check(int result) {
  if (result == 0)
    return;
  fprintf(stderr, "the driver says %d\n", result);
  exit(1);
}

static unsigned long long upload(const void *from, size_t bytes) {
  unsigned long long memory;
  check(cuMemAlloc_v2(&memory, bytes));
  check(cuMemcpyHtoDAsync_v2(memory, from, bytes, NULL));
  return memory;
}

/* Zeroed, of the size that the tasks ask for; see fovea_abi.h. */
static fovea_value partial_results(const fovea_task *tasks, int64_t count) {
  fovea_value value = {.strides = {0, 1}};
  for (int64_t n = 0; n < count; ++n) {
    if (tasks[n].pieces <= 1)
      continue;
    if (value.sizes[0] < tasks[n].partial + tasks[n].pieces)
      value.sizes[0] = tasks[n].partial + tasks[n].pieces;
    value.sizes[1] = value.strides[0] = tasks[n].partial_bytes / 4;
  }
  if (value.sizes[0] > 0) {
    size_t words = (size_t)(value.sizes[0] * value.sizes[1]);
    void *zeros = calloc(words, 4);
    value.as.data = (void *)(uintptr_t)upload(zeros, words * 4);
    free(zeros);
  }
  return value;
}

int main(void) {
  void *context = NULL, *module = NULL;
  fovea_value values[means_main_values];
  enum { kMaxTasks = 16 };
  fovea_task tasks[kMaxTasks];
  int64_t count = 0;
  fill();
  check(cuInit(0));
  check(cuDevicePrimaryCtxRetain(&context, 0));
  check(cuCtxPushCurrent_v2(context));
  for (int n = 0; n < kTensors; ++n) {
    fovea_value value = {.sizes = {1, kHeads, kKeys, kSize}, .strides = {kElements, kKeys * kSize, kSize, 1}};
    value.as.data = (void *)(uintptr_t)upload(data[n], sizeof data[n]);
    values[n] = value;
  }
  check(fovea_module_means.kernels[0].plan(values, tasks, kMaxTasks, &count));
  if ((int)means_main_values > kTensors)
    values[means_main_values - 1] = partial_results(tasks, count);
  unsigned long long list = upload(tasks, (size_t)count * sizeof *tasks);
  check(means_load(&module));
  check(means_main_launch(module, NULL, values, (void *)(uintptr_t)list, (unsigned)count));
  check(cuMemcpyDtoHAsync_v2(data[3], (uintptr_t)values[3].as.data, sizeof data[3], NULL));
  check(cuStreamSynchronize(NULL));
  print();
  return 0;
}
