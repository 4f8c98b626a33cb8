// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Device.h"

#include <map>
#include <mutex>

using namespace fovea;
using namespace fovea::cuda;

static Status primaryContext(const Driver &driver, Device device, Context &context) {
  static std::mutex mutex;
  static std::map<Device, Context> retained;
  std::lock_guard<std::mutex> lock(mutex);
  Context &kept = retained[device];
  if (!kept)
    if (const Result result = driver.primaryContextRetain(&kept, device); result != kSuccess) {
      kept = nullptr;
      return driverFailure(driver, result, "cannot use cuda:" + std::to_string(device));
    }
  context = kept;
  return {};
}

/// Null when the calling thread has none on this device.
static Context currentContextOn(const Driver &driver, Device device) {
  Context context = nullptr;
  Device its;
  if (driver.contextGetCurrent(&context) != kSuccess || !context || driver.contextGetDevice(&its) != kSuccess)
    return nullptr;
  return its == device ? context : nullptr;
}

Status fovea::cuda::openGpu(int32_t ordinal, Gpu &gpu) {
  const Driver *driver = nullptr;
  if (Status status = getDriver(driver); status.failed())
    return status;
  int count = 0;
  if (const Result result = driver->deviceGetCount(&count); result != kSuccess)
    return driverFailure(*driver, result, "cannot count the GPUs");
  if (ordinal < 0 || ordinal >= count)
    return failure(FOVEA_NO_DEVICE, "there is no cuda:", ordinal, ": this machine has ",
                   count == 0 ? std::string("no GPU that the driver may use")
                              : "cuda:0" + (count > 1 ? " to cuda:" + std::to_string(count - 1) : std::string()));
  gpu.driver = driver;
  gpu.ordinal = ordinal;
  Device device;
  if (const Result result = driver->deviceGet(&device, ordinal); result != kSuccess)
    return driverFailure(*driver, result, "cannot use cuda:" + std::to_string(ordinal));
  const std::pair<int, int *> attributes[] = {
      {kCapabilityMajor, &gpu.major},         {kCapabilityMinor, &gpu.minor},
      {kMaxSharedPerBlock, &gpu.sharedBytes}, {kMaxThreadsPerBlock, &gpu.maxThreads},
      {kMaxGridDimX, &gpu.maxBlocks},         {kMultiprocessorCount, &gpu.multiprocessors}};
  for (const auto &[attribute, value] : attributes)
    if (const Result result = driver->deviceGetAttribute(value, attribute, device); result != kSuccess)
      return driverFailure(*driver, result, "cannot ask cuda:" + std::to_string(ordinal) + " for its limits");
  if (driver->deviceGetName(gpu.name, sizeof gpu.name, device) != kSuccess)
    gpu.name[0] = 0;
  gpu.context = currentContextOn(*driver, device);
  return gpu.context ? Status() : primaryContext(*driver, device, gpu.context);
}

Status Memory::allocate(const Gpu &owner, size_t bytes, const char *what) {
  if (!bytes)
    return {};
  if (const Result result = owner.driver->memoryAlloc(&memory, bytes); result != kSuccess) {
    memory = 0;
    return driverFailure(*owner.driver, result,
                         "cannot have " + std::to_string(bytes) + " bytes on cuda:" + std::to_string(owner.ordinal) +
                             " for " + what);
  }
  gpu = &owner;
  return {};
}

Memory::~Memory() {
  if (!memory)
    return;
  const Current current(*gpu); // whatever goes wrong here has gone wrong before: the process may be ending
  gpu->driver->memoryFree(memory);
}
