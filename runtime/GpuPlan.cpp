// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "GpuPlan.h"

#include "Describe.h"
#include "Plan.h"
#include "Tensor.h"

#include <cstddef>

using namespace fovea;
using namespace fovea::cuda;

static constexpr size_t kLine = 128; // of a GPU's caches

cuda::Stream fovea::streamOf(const fovea_exec *exec) {
  const bool hasStream = exec && exec->struct_size >= offsetof(fovea_exec, stream) + sizeof(void *);
  return hasStream ? static_cast<Stream>(exec->stream) : nullptr;
}

Status fovea::deviceOfArguments(const fovea_kernel_table &kernel, const fovea_arg *args, int32_t &ordinal) {
  const uint32_t none = kernel.num_params;
  uint32_t first = none;
  for (uint32_t p = 0; p < kernel.num_params; ++p) {
    if (kernel.params[p].kind != FOVEA_PARAM_TENSOR)
      continue;
    const int32_t its = args[p].as.tensor->device.device_id;
    if (first == none) {
      first = p;
      ordinal = its;
    } else if (its != ordinal) {
      return failure(FOVEA_INVALID, describeArgument(kernel, p), ": its memory is on device cuda:", its,
                     ", but that of ", describeArgument(kernel, first), " is on cuda:", ordinal,
                     ": a kernel runs on one device");
    }
  }
  return {};
}

/// The host's copy of all bytes from the tensor's first to its last.
static Status copyToHost(const Gpu &gpu, const fovea_param &param, Stream stream, fovea_value &value,
                         std::vector<std::unique_ptr<char[]>> &copies) {
  const Extent extent = extentOf(param, value);
  const size_t bytes = extent.end - extent.begin;
  if (!bytes)
    return {};
  char *copy = copies.emplace_back(new char[bytes]).get();
  if (const Result result = gpu.driver->copyToHost(copy, extent.begin, bytes, stream); result != kSuccess)
    return driverFailure(*gpu.driver, result, "cannot copy it to the host, where the plan reads it");
  value.as.data = copy + (reinterpret_cast<uintptr_t>(value.as.data) - extent.begin);
  return {};
}

static Status synchronize(const Gpu &gpu, Stream stream) {
  const Result result = gpu.driver->streamSynchronize(stream);
  return result == kSuccess ? Status() : driverFailure(*gpu.driver, result, "work on the stream failed");
}

Status fovea::beginGpuPlan(fovea_plan &plan, const fovea_arg *args, const fovea_exec *exec) {
  const fovea_kernel_table &kernel = *plan.kernel->table;
  const fovea_gpu_code &code = *kernel.gpu;
  int32_t ordinal = 0;
  if (Status status = deviceOfArguments(kernel, args, ordinal); status.failed())
    return status;
  plan.gpu = std::make_unique<GpuPlan>();
  GpuPlan &mine = *plan.gpu;
  if (Status status = openGpu(ordinal, mine.gpu); status.failed())
    return status;
  const Current current(mine.gpu);
  if (Status status = current.check(); status.failed())
    return status;
  Module module;
  if (Status status = plan.kernel->module->images.find(mine.gpu, code, module); status.failed())
    return status;
  if (Status status = prepareEntry(mine.gpu, module, code.entry, mine.entry); status.failed())
    return status;
  if (code.fallback.name)
    if (Status status = prepareEntry(mine.gpu, module, code.fallback, mine.fallback); status.failed())
      return status;
  const Stream stream = streamOf(exec);
  for (uint32_t p = 0; p < kernel.num_params; ++p)
    if (kernel.params[p].flags & FOVEA_PARAM_FROZEN)
      if (Status status = copyToHost(mine.gpu, kernel.params[p], stream, plan.values[p], mine.frozen); status.failed())
        return failure(status.code, describeArgument(kernel, p), ": ", status.message);
  return mine.frozen.empty() ? Status() : synchronize(mine.gpu, stream);
}

Status fovea::initGpuWorkspace(const fovea_plan &plan, void *workspace) {
  if (!plan.layout.total)
    return {};
  if (Status status = checkWorkspaceAddress(workspace); status.failed())
    return status;
  const Gpu &gpu = plan.gpu->gpu;
  const Current current(gpu);
  if (Status status = current.check(); status.failed())
    return status;
  const Result result =
      gpu.driver->memorySet(reinterpret_cast<uintptr_t>(workspace), 0, plan.layout.total, /*stream=*/nullptr);
  return result == kSuccess ? synchronize(gpu, nullptr)
                            : driverFailure(*gpu.driver, result, "cannot clear the workspace");
}

static size_t roundUp(size_t bytes) { return (bytes + kLine - 1) / kLine * kLine; }

Status fovea::finishGpuPlan(fovea_plan &plan, const fovea_exec *exec) {
  GpuPlan &mine = *plan.gpu;
  const fovea_kernel_table &kernel = *plan.kernel->table;
  if (plan.tasks.size() > size_t(mine.gpu.maxBlocks))
    return failure(FOVEA_OUT_OF_RANGE, "these sizes make ", plan.tasks.size(),
                   " tasks, but a grid on cuda:", mine.gpu.ordinal, " (", mine.gpu.name, ") has at most ",
                   mine.gpu.maxBlocks, " blocks: split the batch");
  const size_t taskBytes = plan.tasks.size() * sizeof(fovea_task);
  size_t bytes = roundUp(taskBytes);
  for (const std::vector<int64_t> &summary : plan.summaries)
    bytes += roundUp(summary.size() * sizeof(int64_t));
  const Current current(mine.gpu);
  if (Status status = current.check(); status.failed())
    return status;
  if (Status status = mine.memory.allocate(mine.gpu, bytes, "the plan's work list"); status.failed())
    return status;
  const Stream stream = streamOf(exec);
  Address next = mine.memory.address();
  const auto upload = [&](const void *from, size_t size) {
    const Result result = size ? mine.gpu.driver->copyToDevice(next, from, size, stream) : kSuccess;
    next += roundUp(size);
    return result;
  };
  Result result = upload(plan.tasks.data(), taskBytes);
  mine.summaries.resize(plan.summaries.size());
  for (size_t s = 0; s < plan.summaries.size() && result == kSuccess; ++s) {
    mine.summaries[s] = plan.values[kernel.num_params + s];
    mine.summaries[s].as.data = reinterpret_cast<void *>(uintptr_t(next));
    result = upload(plan.summaries[s].data(), plan.summaries[s].size() * sizeof(int64_t));
  }
  if (result != kSuccess)
    return driverFailure(*mine.gpu.driver, result, "cannot copy the plan's work list to the device");
  return bytes ? synchronize(mine.gpu, stream) : Status();
}
