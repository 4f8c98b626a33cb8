// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_RUNTIME_MODULE_H
#define FOVEA_RUNTIME_MODULE_H

#include "GpuImage.h"

#include <atomic>
#include <vector>

struct fovea_kernel {
  fovea_module *module;
  const fovea_kernel_table *table;
};

struct fovea_module {
  const fovea_module_table *table;
  void *owner;
  void (*destroy)(void *owner);
  std::vector<fovea_kernel> kernels;
  std::atomic<uint64_t> references{1};
  fovea::cuda::ImageCache images; // of GPUs
};

namespace fovea {

/// Refuses a table of another ABI, and one whose content the rest of the runtime could not trust.
Status checkModuleTable(const fovea_module_table &table);

} // namespace fovea

#endif
