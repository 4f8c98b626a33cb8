// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// fovea_device: memory and time on a GPU for tools, through the driver that plans use.
#include "Device.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>

using namespace fovea;
using namespace fovea::cuda;

struct fovea_device {
  Gpu gpu;
};

extern "C" fovea_status fovea_device_open(int32_t ordinal, fovea_device **device, fovea_error **error) {
  return guarded(error, [&]() -> Status {
    if (!device)
      return failure(FOVEA_INVALID, "the place for the device is NULL");
    auto opened = std::make_unique<fovea_device>();
    if (Status status = openGpu(ordinal, opened->gpu); status.failed())
      return status;
    *device = opened.release();
    return {};
  });
}

extern "C" void fovea_device_close(fovea_device *device) { delete device; }

extern "C" fovea_status fovea_device_get_info(const fovea_device *device, fovea_device_info *info) {
  if (!device || !info || info->struct_size < offsetof(fovea_device_info, major))
    return FOVEA_INVALID;
  const Gpu &gpu = device->gpu;
  fovea_device_info full{info->struct_size, gpu.major, gpu.minor, gpu.multiprocessors, gpu.sharedBytes, {}};
  static_assert(sizeof full.name == sizeof gpu.name);
  std::memcpy(full.name, gpu.name, sizeof full.name);
  std::memcpy(info, &full, std::min<size_t>(info->struct_size, sizeof full));
  return FOVEA_OK;
}

/// body(gpu) with its context current.
template <typename Body> static fovea_status onDevice(const fovea_device *device, fovea_error **error, Body &&body) {
  return guarded(error, [&]() -> Status {
    if (!device)
      return failure(FOVEA_INVALID, "the device is NULL");
    const Current current(device->gpu);
    if (Status status = current.check(); status.failed())
      return status;
    return body(device->gpu);
  });
}

static Status describe(const Gpu &gpu, Result result, const char *what) {
  return result == kSuccess ? Status() : driverFailure(*gpu.driver, result, what);
}

static Address addressOf(const void *memory) { return reinterpret_cast<uintptr_t>(memory); }

extern "C" fovea_status fovea_device_alloc(const fovea_device *device, size_t bytes, void **memory,
                                           fovea_error **error) {
  return onDevice(device, error, [&](const Gpu &gpu) -> Status {
    if (!memory)
      return failure(FOVEA_INVALID, "the place for the memory is NULL");
    Address address = 0;
    const Result result = gpu.driver->memoryAlloc(&address, std::max<size_t>(bytes, 1));
    if (result != kSuccess)
      return driverFailure(*gpu.driver, result,
                           "cannot have " + std::to_string(bytes) + " bytes on cuda:" + std::to_string(gpu.ordinal));
    *memory = reinterpret_cast<void *>(uintptr_t(address));
    return {};
  });
}

extern "C" void fovea_device_free(const fovea_device *device, void *memory) {
  if (memory)
    (void)onDevice(device, nullptr, [&](const Gpu &gpu) {
      gpu.driver->memoryFree(addressOf(memory));
      return Status();
    });
}

/// Copies are asynchronous where the memory allows: both ends may go away when the caller has the answer.
template <typename Copy>
static fovea_status copyAndWait(const fovea_device *device, void *stream, fovea_error **error, Copy &&copy) {
  return onDevice(device, error, [&](const Gpu &gpu) -> Status {
    const auto on = static_cast<Stream>(stream);
    if (Status status = describe(gpu, copy(*gpu.driver, on), "cannot copy"); status.failed())
      return status;
    return describe(gpu, gpu.driver->streamSynchronize(on), "work on the stream failed");
  });
}

extern "C" fovea_status fovea_device_upload(const fovea_device *device, void *to, const void *from, size_t bytes,
                                            void *stream, fovea_error **error) {
  return copyAndWait(device, stream, error, [&](const Driver &driver, Stream on) {
    return bytes ? driver.copyToDevice(addressOf(to), from, bytes, on) : kSuccess;
  });
}

extern "C" fovea_status fovea_device_download(const fovea_device *device, void *to, const void *from, size_t bytes,
                                              void *stream, fovea_error **error) {
  return copyAndWait(device, stream, error, [&](const Driver &driver, Stream on) {
    return bytes ? driver.copyToHost(to, addressOf(from), bytes, on) : kSuccess;
  });
}

extern "C" fovea_status fovea_device_synchronize(const fovea_device *device, void *stream, fovea_error **error) {
  return copyAndWait(device, stream, error, [](const Driver &, Stream) { return kSuccess; });
}

namespace {
struct Events {
  const Driver &driver;
  Event events[2] = {};
  ~Events() {
    for (Event event : events)
      if (event)
        driver.eventDestroy(event);
  }
};
} // namespace

extern "C" fovea_status fovea_device_time(const fovea_device *device, void *stream, void (*body)(void *ctx), void *ctx,
                                          float *milliseconds, fovea_error **error) {
  return onDevice(device, error, [&](const Gpu &gpu) -> Status {
    if (!body || !milliseconds)
      return failure(FOVEA_INVALID, "fovea_device_time needs something to time and a place for the result");
    const Driver &driver = *gpu.driver;
    const auto on = static_cast<Stream>(stream);
    Events all{driver};
    Result result = driver.eventCreate(&all.events[0], 0);
    if (result == kSuccess)
      result = driver.eventCreate(&all.events[1], 0);
    if (result == kSuccess)
      result = driver.eventRecord(all.events[0], on);
    if (result != kSuccess)
      return driverFailure(driver, result, "cannot measure time on the device");
    body(ctx);
    result = driver.eventRecord(all.events[1], on);
    if (result == kSuccess)
      result = driver.eventSynchronize(all.events[1]);
    if (result == kSuccess)
      result = driver.eventElapsedTime(milliseconds, all.events[0], all.events[1]);
    return describe(gpu, result, "work on the stream failed");
  });
}
