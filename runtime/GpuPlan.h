// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a plan of a GPU's kernel is besides: code on a device, and the work list in its memory.
#ifndef FOVEA_RUNTIME_GPU_PLAN_H
#define FOVEA_RUNTIME_GPU_PLAN_H

#include "GpuImage.h"

#include <atomic>
#include <memory>

struct fovea_plan;

namespace fovea {

struct GpuPlan {
  cuda::Gpu gpu;
  cuda::Function entry = nullptr, fallback = nullptr; // fallback: null when the kernel has none
  cuda::Memory memory;                                // the tasks, then the summaries
  std::vector<fovea_value> summaries;                 // as the device sees them
  std::vector<std::unique_ptr<char[]>> frozen;        // what the host reads of frozen tensors
  std::atomic<int64_t> fallbackRuns{0};
};

/// Before anything is planned: finds the device of the tensors in `args`, loads the code, and makes copies of the
/// frozen tensors, that values point to from then on.
Status beginGpuPlan(fovea_plan &plan, const fovea_arg *args, const fovea_exec *exec);

/// After the tasks are listed: brings them and the summaries to the device.
Status finishGpuPlan(fovea_plan &plan, const fovea_exec *exec);

/// Zeros in the workspace, which is device memory.
Status initGpuWorkspace(const fovea_plan &plan, void *workspace);

/// fovea_run of such a plan.
Status runOnGpu(const fovea_plan &plan, const fovea_arg *args, size_t numArgs, void *workspace, const fovea_exec *exec);

/// The stream of an exec, which may be older than that field.
cuda::Stream streamOf(const fovea_exec *exec);

/// Which GPU the tensors are on; they must agree.
Status deviceOfArguments(const fovea_kernel_table &kernel, const fovea_arg *args, int32_t &ordinal);

} // namespace fovea

#endif
