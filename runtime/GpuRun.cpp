// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One launch. What a CUDA graph could not capture, allocation, copies and waiting, has happened in the plan.
#include "Arguments.h"
#include "Describe.h"
#include "Elements.h"
#include "Plan.h"
#include "TensorMap.h"

#include <algorithm>

using namespace fovea;
using namespace fovea::cuda;

static constexpr size_t kMaxValues = FOVEA_GPU_MAX_PARAMETER_BYTES / sizeof(fovea_value);
static constexpr size_t kMaxMaps = FOVEA_GPU_MAX_PARAMETER_BYTES / sizeof(TensorMap);
static constexpr int64_t kGranule = 16; // bytes that are copied at a time

/// What copies of 16 bytes at a time would fault on.
static Status checkAligned(const fovea_kernel_table &kernel, const fovea_value *values) {
  for (uint32_t n = 0; n < kernel.gpu->num_aligned; ++n) {
    const uint32_t p = kernel.gpu->aligned[n];
    const fovea_param &param = kernel.params[p];
    const fovea_value &value = values[p];
    if (reinterpret_cast<uintptr_t>(value.as.data) % kGranule)
      return failure(FOVEA_INVALID, describeArgument(kernel, p),
                     ": its first element is at an address that is no multiple of ", kGranule, ", and GPU code copies ",
                     kGranule, " bytes at a time: copy it to aligned memory");
    for (int d = 0; d < param.rank; ++d) {
      const bool isLast = d == param.rank - 1;
      const bool isGood = value.sizes[d] <= 1 ||
                          (isLast ? value.strides[d] == 1 : value.strides[d] * elementBytes(param) % kGranule == 0);
      if (!isGood)
        return failure(FOVEA_INVALID, describeArgument(kernel, p), ": ", describeDim(param, d), " has a stride of ",
                       value.strides[d],
                       isLast ? " elements, but must have 1" : " elements, which are no whole 16 bytes",
                       ": GPU code copies 16 bytes at a time");
    }
  }
  return {};
}

namespace {
/// The parameters of a launch, as the driver takes them.
struct Parameters {
  fovea_value values[kMaxValues];
  TensorMap maps[kMaxMaps];
  Address tasks;
  void *addresses[2 + kMaxMaps];
};
} // namespace

/// The first parameter that a map is wanted of and TMA refuses; -1: none.
static int64_t firstRefused(const fovea_kernel_table &kernel, const fovea_value *values) {
  const fovea_gpu_entry &entry = kernel.gpu->entry;
  for (uint32_t m = 0; m < entry.num_maps; ++m)
    if (refusedByTma(kernel.params[entry.maps[m].param], values[entry.maps[m].param]))
      return entry.maps[m].param;
  return -1;
}

static Status launch(const fovea_plan &plan, const fovea_gpu_entry &entry, Function function, Stream stream,
                     Parameters &parameters) {
  const GpuPlan &mine = *plan.gpu;
  const fovea_kernel_table &kernel = *plan.kernel->table;
  parameters.tasks = mine.memory.address();
  parameters.addresses[0] = parameters.values;
  parameters.addresses[1] = &parameters.tasks;
  for (uint32_t m = 0; m < entry.num_maps; ++m) {
    const uint32_t p = entry.maps[m].param;
    Status status =
        encodeTensorMap(*mine.gpu.driver, kernel.params[p], parameters.values[p], entry.maps[m], parameters.maps[m]);
    if (status.failed())
      return failure(status.code, describeArgument(kernel, p), ": ", status.message);
    parameters.addresses[2 + m] = &parameters.maps[m];
  }
  const Current current(mine.gpu);
  if (Status status = current.check(); status.failed())
    return status;
  const Result result = mine.gpu.driver->launch(function, unsigned(plan.tasks.size()), 1, 1, entry.threads, 1, 1,
                                                unsigned(entry.shared_bytes), stream, parameters.addresses, nullptr);
  return result == kSuccess
             ? Status()
             : driverFailure(*mine.gpu.driver, result, std::string("cannot launch kernel '") + entry.name + "'");
}

Status fovea::runOnGpu(const fovea_plan &plan, const fovea_arg *args, size_t numArgs, void *workspace,
                       const fovea_exec *exec) {
  const fovea_kernel_table &kernel = *plan.kernel->table;
  GpuPlan &mine = *plan.gpu;
  Parameters parameters;
  fovea_value *values = parameters.values;
  if (Status status = readArguments(kernel, args, numArgs, Phase::Run, values); status.failed())
    return status;
  if (Status status = checkAgainstPlan(kernel, plan.values.data(), values); status.failed())
    return status;
  int32_t ordinal = mine.gpu.ordinal;
  if (Status status = deviceOfArguments(kernel, args, ordinal); status.failed())
    return status;
  if (ordinal != mine.gpu.ordinal)
    return failure(FOVEA_INVALID, "the arguments are on cuda:", ordinal,
                   ", but the plan was made for cuda:", mine.gpu.ordinal, ": make a plan for it");
  if (Status status = checkAligned(kernel, values); status.failed())
    return status;
  if (plan.layout.total)
    if (Status status = checkWorkspaceAddress(workspace); status.failed())
      return status;
  if (exec && exec->cancel && __atomic_load_n(exec->cancel, __ATOMIC_RELAXED))
    return failure(FOVEA_CANCELLED, "the run was cancelled before its launch");
  if (plan.tasks.empty())
    return {};
  std::copy(mine.summaries.begin(), mine.summaries.end(), values + kernel.num_params);
  if (kernel.has_partials) {
    values[plan.values.size() - 1] = plan.values.back();
    values[plan.values.size() - 1].as.data = plan.layout.total ? workspace : nullptr;
  }
  const Stream stream = streamOf(exec);
  const int64_t refused = firstRefused(kernel, values);
  if (refused < 0)
    return launch(plan, kernel.gpu->entry, mine.entry, stream, parameters);
  if (!mine.fallback)
    return failure(FOVEA_INVALID, describeArgument(kernel, size_t(refused)), ": TMA cannot describe a tensor that ",
                   refusedByTma(kernel.params[refused], values[refused]), ": copy it to memory of its own, densely");
  if (Status status = launch(plan, kernel.gpu->fallback, mine.fallback, stream, parameters); status.failed())
    return status;
  mine.fallbackRuns.fetch_add(1, std::memory_order_relaxed);
  return {};
}
