// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A libcuda.so.1 without a GPU: it has the functions of the driver that the runtime calls, says in which order they
// came, fails when asked to, and keeps "device memory" in this machine's, where nobody but the driver can touch it:
// whoever reads a device address on the host gets a segmentation fault.
//
// Programs that cannot call the functions below are governed by the environment:
//   FOVEA_FAKE_CAPABILITY=9.0       compute capability (8.0)
//   FOVEA_FAKE_DEVICES=0            number of GPUs (1)
//   FOVEA_FAKE_FAIL=cuMemAlloc_v2=2 every call of a function fails with a result
//   FOVEA_FAKE_SOURCE=f.mlir        launches execute the kernels of f.mlir, in the simulator (SimulatedKernels.cpp)
//   FOVEA_FAKE_ARCH=sm_90a          which those are compiled for (sm_80)
#ifndef FOVEA_TEST_FAKE_DRIVER_H
#define FOVEA_TEST_FAKE_DRIVER_H

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#define FOVEA_FAKE_API __attribute__((visibility("default")))

namespace fovea::fake {

struct Launch {
  std::string kernel;
  unsigned blocks, threads, sharedBytes;
  const void *stream;
  std::vector<std::vector<char>> parameters; // their bytes, if setParameters was told how many
  void **addresses;                          // where they lie, during the launch
  std::vector<uintptr_t> places;             // the same as numbers, to look at afterwards
};

/// Forgets calls, launches, failures and settings, not memory.
FOVEA_FAKE_API void reset();

/// Names of the functions that were called, in order; without those that only ask.
FOVEA_FAKE_API std::vector<std::string> calls();
FOVEA_FAKE_API void clearCalls();
FOVEA_FAKE_API std::vector<Launch> launches();

/// The next call of a function fails with a CUresult, and all others if `always`.
FOVEA_FAKE_API void fail(const std::string &function, int result, bool always = false);

FOVEA_FAKE_API void setDevices(int count);
FOVEA_FAKE_API void setCapability(int major, int minor);
FOVEA_FAKE_API void setLimits(int sharedBytes, int threads, int blocks);
/// As if a stream were captured: what a graph cannot hold fails, as the driver's does.
FOVEA_FAKE_API void setCapturing(bool isCapturing);
/// The text that a failing cuModuleLoadDataEx leaves in the log.
FOVEA_FAKE_API void setLoadLog(const std::string &text);

/// Bytes of each parameter of a kernel, which a real driver reads in the image.
FOVEA_FAKE_API void setParameters(const std::string &kernel, std::vector<size_t> bytes);
/// Called in each launch, with device memory open; its result is the launch's.
FOVEA_FAKE_API void onLaunch(std::function<int(const Launch &)> body);

/// Blocks of device memory, modules, and contexts pushed by this thread, that were not given back.
FOVEA_FAKE_API size_t liveMemory();
FOVEA_FAKE_API size_t liveModules();
FOVEA_FAKE_API size_t depth();
/// A context that a program made for itself on a device, current in the calling thread until popped.
FOVEA_FAKE_API void *pushOwnContext(int device);
FOVEA_FAKE_API void popContext();

} // namespace fovea::fake

#endif
