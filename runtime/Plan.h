// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_RUNTIME_PLAN_H
#define FOVEA_RUNTIME_PLAN_H

#include "GpuPlan.h"
#include "Module.h"
#include "Workspace.h"

struct fovea_plan {
  const fovea_kernel *kernel;                  // its module is retained while the plan lives
  std::vector<fovea_value> values;             // of parameters, then of summaries
  std::vector<std::vector<int64_t>> summaries; // what the latter point to
  std::vector<fovea_task> tasks;               // largest first
  uint32_t requestedSlots;                     // as asked for; `slots` is lower when there are fewer tasks
  uint32_t slots;
  int64_t blocks;
  int64_t visited;
  fovea::WorkspaceLayout layout;
  std::unique_ptr<fovea::GpuPlan> gpu; // of a GPU's kernel
  uint64_t serial; // tells its workspaces from those of other plans, also of one that lived at the same address
};

namespace fovea {

/// An exec that is older than the fields we read.
Status checkExec(const fovea_exec *exec);

} // namespace fovea

#endif
