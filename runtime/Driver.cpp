// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Driver.h"

#include <dlfcn.h>

#include <mutex>

using namespace fovea;
using namespace fovea::cuda;

static constexpr const char *kLibrary = "libcuda.so.1";

static fovea_status statusOf(Result result) {
  switch (result) {
  case kOutOfMemory:
    return FOVEA_NO_MEMORY;
  case kStubLibrary:
  case kDeviceUnavailable:
  case kNoDevice:
  case kInvalidDevice:
  case kDriverMismatch:
  case kCompatNotSupported:
    return FOVEA_NO_DEVICE;
  case kInvalidImage:
  case kNoBinaryForGpu:
  case kInvalidPtx:
  case kNoJitCompiler:
  case kUnsupportedPtxVersion:
  case kJitDisabled:
    return FOVEA_UNSUPPORTED;
  case kInvalidHandle:
    return FOVEA_INVALID;
  default:
    return result >= kCaptureUnsupported && result <= kCaptureWrongThread ? FOVEA_INVALID : FOVEA_INTERNAL;
  }
}

Status fovea::cuda::driverFailure(const Driver &driver, Result result, const std::string &what) {
  const char *name = nullptr, *text = nullptr;
  if (driver.errorName(result, &name) != kSuccess || !name)
    name = "an unknown error";
  if (driver.errorString(result, &text) != kSuccess || !text)
    text = "the driver has no words for it";
  return failure(statusOf(result), what, ": ", name, " (", result, "), ", text);
}

Status fovea::cuda::loadDriver(const char *library, Driver &driver) {
  void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return failure(FOVEA_NO_DEVICE, "there is no NVIDIA driver here (", dlerror(),
                   "): install one, or execute the same code on this machine with the target sim:sm_80");
  Driver found;
  const char *missing = nullptr;
  const auto look = [&](auto &function, const char *name) {
    function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(handle, name));
    if (!function && !missing)
      missing = name;
  };
#define FOVEA_CUDA_LOOK(NAME, SYMBOL, PARAMETERS) look(found.NAME, SYMBOL);
  FOVEA_CUDA_FUNCTIONS(FOVEA_CUDA_LOOK)
#undef FOVEA_CUDA_LOOK
  if (missing) {
    dlclose(handle);
    return failure(FOVEA_NO_DEVICE, library, " has no ", missing,
                   ": the NVIDIA driver is too old, it must be one for CUDA 12 or later");
  }
  if (const Result result = found.init(0); result != kSuccess)
    return driverFailure(found, result, "the NVIDIA driver does not start");
  driver = found; // its library stays open
  return {};
}

Status fovea::cuda::getDriver(const Driver *&driver) {
  static std::mutex mutex;
  static Driver loaded;
  static bool isLoaded = false;
  std::lock_guard<std::mutex> lock(mutex);
  if (!isLoaded)
    if (Status status = loadDriver(kLibrary, loaded); status.failed())
      return status;
  isLoaded = true;
  driver = &loaded;
  return {};
}
