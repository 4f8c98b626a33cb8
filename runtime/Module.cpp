// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Module.h"

#include <cstring>
#include <memory>

using namespace fovea;

extern "C" fovea_status fovea_module_create(const fovea_module_table *table, void *owner, void (*destroy)(void *owner),
                                            fovea_module **module, fovea_error **error) {
  return guarded(error, [&]() -> Status {
    if (!table)
      return failure(FOVEA_INVALID, "the module table is NULL");
    if (!module)
      return failure(FOVEA_INVALID, "the place for the module is NULL");
    if (Status status = checkModuleTable(*table); status.failed())
      return status;
    auto created = std::make_unique<fovea_module>();
    created->table = table;
    created->owner = owner;
    created->destroy = destroy;
    created->kernels.reserve(table->num_kernels); // kernels are handed out by address
    for (uint32_t k = 0; k < table->num_kernels; ++k)
      created->kernels.push_back({created.get(), &table->kernels[k]});
    *module = created.release();
    return {};
  });
}

extern "C" void fovea_module_retain(fovea_module *module) {
  if (module)
    module->references.fetch_add(1, std::memory_order_relaxed);
}

extern "C" void fovea_module_release(fovea_module *module) {
  // acq_rel: whoever destroys the code has seen every other holder finish with it.
  if (!module || module->references.fetch_sub(1, std::memory_order_acq_rel) != 1)
    return;
  void *owner = module->owner;
  void (*destroy)(void *) = module->destroy;
  delete module;
  if (destroy)
    destroy(owner);
}

extern "C" size_t fovea_module_kernel_count(const fovea_module *module) { return module ? module->kernels.size() : 0; }

extern "C" const fovea_kernel *fovea_module_kernel_at(const fovea_module *module, size_t index) {
  return module && index < module->kernels.size() ? &module->kernels[index] : nullptr;
}

static std::string kernelNames(const fovea_module &module) {
  std::string names;
  for (const fovea_kernel &kernel : module.kernels)
    names.append(names.empty() ? "'" : ", '").append(kernel.table->name).append("'");
  return names;
}

extern "C" fovea_status fovea_module_kernel(fovea_module *module, const char *name, const fovea_kernel **kernel,
                                            fovea_error **error) {
  return guarded(error, [&]() -> Status {
    if (!module)
      return failure(FOVEA_INVALID, "the module is NULL");
    if (!kernel)
      return failure(FOVEA_INVALID, "the place for the kernel is NULL");
    if (module->kernels.empty())
      return failure(FOVEA_INVALID, "the module has no kernels");
    if (!name && module->kernels.size() > 1)
      return failure(FOVEA_INVALID, "the module has ", module->kernels.size(), " kernels, name one of ",
                     kernelNames(*module));
    for (const fovea_kernel &candidate : module->kernels) {
      if (name && std::strcmp(candidate.table->name, name) != 0)
        continue;
      *kernel = &candidate;
      return {};
    }
    return failure(FOVEA_INVALID, "no kernel '", name, "' in the module, which has ", kernelNames(*module));
  });
}

extern "C" const char *fovea_kernel_name(const fovea_kernel *kernel) { return kernel ? kernel->table->name : ""; }

extern "C" size_t fovea_kernel_param_count(const fovea_kernel *kernel) {
  return kernel ? kernel->table->num_params : 0;
}

extern "C" const fovea_param *fovea_kernel_param(const fovea_kernel *kernel, size_t index) {
  return kernel && index < kernel->table->num_params ? &kernel->table->params[index] : nullptr;
}
