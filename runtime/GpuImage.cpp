// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "GpuImage.h"

#include <cstdlib>
#include <cstring>

using namespace fovea;
using namespace fovea::cuda;

bool fovea::cuda::parseArch(const char *arch, int &number, char &suffix) {
  constexpr int kSmallest = 80, kLargest = 999;
  if (!arch || std::strncmp(arch, "sm_", 3) != 0)
    return false;
  char *end = nullptr;
  const long parsed = std::strtol(arch + 3, &end, 10);
  if (parsed < kSmallest || parsed > kLargest || (*end && (end[1] || (*end != 'a' && *end != 'f'))))
    return false;
  number = int(parsed);
  suffix = *end;
  return true;
}

/// What a chip runs: code with a suffix "a" on exactly that chip, with "f" within its family; other machine code within
/// its family from that chip on; other PTX on every later chip.
static Status checkArch(const Gpu &gpu, const fovea_gpu_code &code) {
  int number = 0;
  char suffix = 0;
  parseArch(code.arch, number, suffix); // the module table has been checked
  const int here = 10 * gpu.major + gpu.minor;
  const bool isFamily = number / 10 == gpu.major && number <= here;
  const bool runs = suffix == 'a'                                   ? number == here
                    : suffix == 'f' || code.kind == FOVEA_GPU_CUBIN ? isFamily
                                                                    : number <= here;
  if (runs)
    return {};
  return failure(FOVEA_UNSUPPORTED, "the code is for ", code.arch, ", but cuda:", gpu.ordinal, " (", gpu.name,
                 ") is an sm_", here, ": compile it for the target cuda:sm_", here);
}

static std::string describeLoading(const Gpu &gpu, const fovea_gpu_code &code) {
  return std::string("cuda:") + std::to_string(gpu.ordinal) + " (" + gpu.name + ") cannot load " +
         (code.kind == FOVEA_GPU_PTX ? "PTX for " : "machine code for ") + code.arch;
}

Status ImageCache::find(const Gpu &gpu, const fovea_gpu_code &code, Module &module) {
  std::lock_guard<std::mutex> lock(mutex);
  for (const Loaded &loaded : images)
    if (loaded.image == code.image && loaded.gpu.context == gpu.context) {
      module = loaded.module;
      return {};
    }
  if (Status status = checkArch(gpu, code); status.failed())
    return status;
  char log[2048] = "";
  int options[] = {kJitErrorLog, kJitErrorLogBytes};
  void *values[] = {log, reinterpret_cast<void *>(uintptr_t(sizeof log - 1))};
  images.reserve(images.size() + 1); // nothing may fail once it is loaded
  const Result result = gpu.driver->moduleLoad(&module, code.image, 2, options, values);
  if (result != kSuccess) {
    Status status = driverFailure(*gpu.driver, result, describeLoading(gpu, code));
    if (*log)
      status.message.append("\n").append(log);
    return status;
  }
  images.push_back({gpu, code.image, module});
  return {};
}

ImageCache::~ImageCache() {
  for (const Loaded &loaded : images) {
    const Current current(loaded.gpu);
    loaded.gpu.driver->moduleUnload(loaded.module);
  }
}

Status fovea::cuda::prepareEntry(const Gpu &gpu, Module module, const fovea_gpu_entry &entry, Function &function) {
  const auto where = [&] { return std::string(", but cuda:") + std::to_string(gpu.ordinal) + " (" + gpu.name + ")"; };
  if (entry.shared_bytes > gpu.sharedBytes)
    return failure(FOVEA_UNSUPPORTED, "kernel '", entry.name, "' needs ", entry.shared_bytes,
                   " bytes of shared memory per block", where(), " has ", gpu.sharedBytes,
                   ": compile it for that device, or with a smaller key_block or query_tile");
  if (entry.threads > uint32_t(gpu.maxThreads))
    return failure(FOVEA_UNSUPPORTED, "kernel '", entry.name, "' has ", entry.threads, " threads per block", where(),
                   " runs at most ", gpu.maxThreads);
  Result result = gpu.driver->moduleGetFunction(&function, module, entry.name);
  if (result != kSuccess)
    return driverFailure(*gpu.driver, result, std::string("the code has no kernel '") + entry.name + "'");
  result = gpu.driver->functionSetAttribute(function, kMaxDynamicShared, int(entry.shared_bytes));
  if (result != kSuccess)
    return driverFailure(*gpu.driver, result,
                         std::string("kernel '") + entry.name + "' cannot have " + std::to_string(entry.shared_bytes) +
                             " bytes of shared memory per block");
  return {};
}
