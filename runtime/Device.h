// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_RUNTIME_DEVICE_H
#define FOVEA_RUNTIME_DEVICE_H

#include "Driver.h"

namespace fovea::cuda {

/// A GPU and the context in which everything of ours is done there. Contexts belong to the process: a primary one that
/// was asked for once is kept until the end.
struct Gpu {
  const Driver *driver = nullptr;
  int32_t ordinal = 0;
  Context context = nullptr;
  int major = 0, minor = 0; // compute capability
  int sharedBytes = 0;      // that a block may have
  int maxThreads = 0;       // of a block
  int maxBlocks = 0;        // of a grid
  int multiprocessors = 0;
  char name[128] = {};
};

/// In the calling thread's context if it is on this device, so that a program with contexts of its own may use its
/// memory; else in the primary one, which the CUDA runtime and everything on top of it uses.
Status openGpu(int32_t ordinal, Gpu &gpu);

/// Makes a GPU's context the calling thread's, for as long as it lives.
class Current {
public:
  explicit Current(const Gpu &gpu) : driver(*gpu.driver), result(driver.contextPush(gpu.context)) {}
  Current(const Current &) = delete;
  ~Current() {
    Context popped;
    if (result == kSuccess)
      driver.contextPop(&popped);
  }

  Status check() const {
    return result == kSuccess ? Status() : driverFailure(driver, result, "cannot use the device's context");
  }

private:
  const Driver &driver;
  const Result result;
};

/// Device memory. The context must be current where it is made; it is found again where it is freed.
class Memory {
public:
  Memory() = default;
  Memory(const Memory &) = delete;
  ~Memory();

  /// NO_MEMORY says how much was wanted, and what for. 0 bytes are no memory.
  Status allocate(const Gpu &gpu, size_t bytes, const char *what);
  Address address() const { return memory; }

private:
  const Gpu *gpu = nullptr;
  Address memory = 0;
};

} // namespace fovea::cuda

#endif
