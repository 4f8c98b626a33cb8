// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names, parameters, numbers and rules are those of the CUDA Driver API's reference.
#include "State.h"

#include <dlfcn.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace fovea::fake;

namespace {

/// Device memory is readable while the driver works on it.
class Open {
public:
  Open() : lock(gMutex) { protect(PROT_READ | PROT_WRITE); }
  ~Open() { protect(PROT_NONE); }

private:
  static void protect(int how) {
    for (const auto &[address, bytes] : gMemory)
      mprotect(reinterpret_cast<void *>(address), bytes, how);
  }
  std::lock_guard<std::recursive_mutex> lock;
};

/// Notes the call; the failure that was asked for, or success.
Result enter(const char *name) {
  std::lock_guard<std::recursive_mutex> lock(gMutex);
  gCalls.push_back(name);
  auto found = settings().failures.find(name);
  if (found == settings().failures.end())
    return kSuccess;
  const auto [result, always] = found->second;
  if (!always)
    settings().failures.erase(found);
  return result;
}

/// The same for what needs a current context and, unless it is `capturable`, no capture.
Result enterContext(const char *name, bool capturable) {
  if (Result result = enter(name))
    return result;
  if (gStack.empty())
    return kInvalidContext;
  return settings().isCapturing && !capturable ? kCaptureUnsupported : kSuccess;
}

bool isDeviceMemory(uintptr_t address, size_t bytes) {
  auto after = gMemory.upper_bound(address);
  if (after == gMemory.begin())
    return false;
  const auto &[start, size] = *--after;
  return address + bytes <= start + size;
}

bool isStream(const void *stream) { return stream != reinterpret_cast<void *>(0xBAD); }

} // namespace

#define FAKE extern "C" FOVEA_FAKE_API Result

FAKE cuInit(unsigned) { return enter("cuInit"); }

static const std::map<Result, std::pair<const char *, const char *>> kErrors = {
    {kInvalidValue, {"CUDA_ERROR_INVALID_VALUE", "invalid argument"}},
    {kOutOfMemory, {"CUDA_ERROR_OUT_OF_MEMORY", "out of memory"}},
    {kNoDevice, {"CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"}},
    {kInvalidContext, {"CUDA_ERROR_INVALID_CONTEXT", "invalid device context"}},
    {209, {"CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for execution on the device"}},
    {218, {"CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"}},
    {kInvalidHandle, {"CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"}},
    {kNotFound, {"CUDA_ERROR_NOT_FOUND", "named symbol not found"}},
    {700, {"CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"}},
    {701, {"CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"}},
    {kCaptureUnsupported,
     {"CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"}},
};
FAKE cuGetErrorName(Result result, const char **name) {
  auto found = kErrors.find(result);
  return found == kErrors.end() ? kInvalidValue : (*name = found->second.first, kSuccess);
}
FAKE cuGetErrorString(Result result, const char **text) {
  auto found = kErrors.find(result);
  return found == kErrors.end() ? kInvalidValue : (*text = found->second.second, kSuccess);
}

FAKE cuDeviceGetCount(int *count) {
  *count = settings().devices;
  return kSuccess;
}
FAKE cuDeviceGet(int *device, int ordinal) {
  *device = ordinal;
  return kSuccess;
}
FAKE cuDeviceGetName(char *name, int bytes, int) {
  std::snprintf(name, size_t(bytes), "Fake GPU");
  return kSuccess;
}
FAKE cuDeviceGetAttribute(int *value, int attribute, int) {
  const Settings &s = settings();
  const std::map<int, int> values = {{1, s.threads}, {5, s.blocks}, {16, 4},
                                     {75, s.major},  {76, s.minor}, {97, s.shared}};
  auto found = values.find(attribute);
  return found == values.end() ? kInvalidValue : (*value = found->second, kSuccess);
}

FAKE cuDevicePrimaryCtxRetain(Context **context, int device) {
  if (Result result = enter("cuDevicePrimaryCtxRetain"))
    return result;
  *context = &gPrimary[device];
  return kSuccess;
}
FAKE cuCtxGetCurrent(Context **context) {
  *context = gStack.empty() ? nullptr : gStack.back();
  return kSuccess;
}
FAKE cuCtxGetDevice(int *device) {
  return gStack.empty() ? kInvalidContext : (*device = gStack.back()->device, kSuccess);
}
FAKE cuCtxPushCurrent_v2(Context *context) {
  if (Result result = enter("cuCtxPushCurrent_v2"))
    return result;
  gStack.push_back(context);
  return kSuccess;
}
FAKE cuCtxPopCurrent_v2(Context **context) {
  if (Result result = enter("cuCtxPopCurrent_v2"))
    return result;
  if (gStack.empty())
    return kInvalidContext;
  *context = gStack.back();
  gStack.pop_back();
  return kSuccess;
}

FAKE cuModuleLoadDataEx(Module **module, const void *, unsigned numOptions, int *options, void **values) {
  if (Result result = enterContext("cuModuleLoadDataEx", false)) {
    enum { kErrorLog = 5, kErrorLogBytes = 6 };
    char *log = nullptr;
    size_t bytes = 0;
    for (unsigned n = 0; n < numOptions; ++n)
      if (options[n] == kErrorLog)
        log = static_cast<char *>(values[n]);
      else if (options[n] == kErrorLogBytes)
        bytes = reinterpret_cast<uintptr_t>(values[n]);
    if (log && bytes)
      std::snprintf(log, bytes, "%s", settings().loadLog.c_str());
    return result;
  }
  *module = *gModules.insert(new Module{gStack.back()}).first;
  return kSuccess;
}
FAKE cuModuleLoadData(Module **module, const void *image) {
  return cuModuleLoadDataEx(module, image, 0, nullptr, nullptr);
}
FAKE cuModuleUnload(Module *module) {
  if (Result result = enterContext("cuModuleUnload", false))
    return result;
  if (gStack.back() != module->context || !gModules.erase(module))
    return kInvalidContext;
  delete module;
  return kSuccess;
}
FAKE cuModuleGetFunction(Function **function, Module *module, const char *name) {
  if (Result result = enterContext("cuModuleGetFunction", true))
    return result;
  Function &found = gFunctions[name];
  found = {name, module};
  *function = &found;
  return kSuccess;
}
FAKE cuFuncSetAttribute(Function *function, int attribute, int value) {
  if (Result result = enterContext("cuFuncSetAttribute", true))
    return result;
  if (attribute != 8 || value > settings().shared)
    return kInvalidValue;
  function->allowedShared = std::max(function->allowedShared, value);
  return kSuccess;
}

FAKE cuMemAlloc_v2(unsigned long long *memory, size_t bytes) {
  if (Result result = enterContext("cuMemAlloc_v2", false))
    return result;
  if (!bytes)
    return kInvalidValue;
  constexpr size_t kPage = 4096;
  const size_t rounded = (bytes + kPage - 1) / kPage * kPage;
  void *pages = mmap(nullptr, rounded, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED)
    return kOutOfMemory;
  std::lock_guard<std::recursive_mutex> lock(gMutex);
  gMemory[reinterpret_cast<uintptr_t>(pages)] = rounded;
  *memory = reinterpret_cast<uintptr_t>(pages);
  return kSuccess;
}
FAKE cuMemFree_v2(unsigned long long memory) {
  if (Result result = enterContext("cuMemFree_v2", false))
    return result;
  std::lock_guard<std::recursive_mutex> lock(gMutex);
  auto found = gMemory.find(memory);
  if (found == gMemory.end())
    return kInvalidValue;
  munmap(reinterpret_cast<void *>(memory), found->second);
  gMemory.erase(found);
  return kSuccess;
}
FAKE cuMemsetD8Async(unsigned long long memory, unsigned char value, size_t bytes, void *) {
  if (Result result = enterContext("cuMemsetD8Async", false))
    return result;
  Open open;
  if (!isDeviceMemory(memory, bytes))
    return kInvalidValue;
  std::memset(reinterpret_cast<void *>(memory), value, bytes);
  return kSuccess;
}
FAKE cuMemcpyHtoDAsync_v2(unsigned long long to, const void *from, size_t bytes, void *stream) {
  if (Result result = enterContext("cuMemcpyHtoDAsync_v2", false))
    return result;
  Open open;
  if (!isStream(stream) || !isDeviceMemory(to, bytes))
    return isStream(stream) ? kInvalidValue : kInvalidHandle;
  std::memcpy(reinterpret_cast<void *>(to), from, bytes);
  return kSuccess;
}
FAKE cuMemcpyDtoHAsync_v2(void *to, unsigned long long from, size_t bytes, void *stream) {
  if (Result result = enterContext("cuMemcpyDtoHAsync_v2", false))
    return result;
  Open open;
  if (!isStream(stream) || !isDeviceMemory(from, bytes))
    return isStream(stream) ? kInvalidValue : kInvalidHandle;
  std::memcpy(to, reinterpret_cast<void *>(from), bytes);
  return kSuccess;
}
FAKE cuStreamSynchronize(void *) { return enterContext("cuStreamSynchronize", false); }

FAKE cuEventCreate(Event **event, unsigned) {
  if (Result result = enterContext("cuEventCreate", true))
    return result;
  *event = new Event();
  return kSuccess;
}
FAKE cuEventRecord(Event *event, void *) {
  event->at = std::chrono::steady_clock::now();
  return enterContext("cuEventRecord", true);
}
FAKE cuEventSynchronize(Event *) { return enterContext("cuEventSynchronize", false); }
FAKE cuEventElapsedTime(float *milliseconds, Event *start, Event *end) {
  *milliseconds = std::chrono::duration<float, std::milli>(end->at - start->at).count();
  return enterContext("cuEventElapsedTime", true);
}
FAKE cuEventDestroy_v2(Event *event) {
  delete event;
  return enterContext("cuEventDestroy_v2", true);
}

/// With FOVEA_FAKE_SOURCE, the library beside this one that executes its kernels tells onLaunch about it.
static void loadSimulatedKernels() {
  static const bool isLoaded =
      !std::getenv("FOVEA_FAKE_SOURCE") || dlopen("libfovea-simulated-kernels.so", RTLD_NOW | RTLD_LOCAL);
  if (!isLoaded) {
    std::fprintf(stderr, "fake driver: %s\n", dlerror());
    std::abort();
  }
}

FAKE cuLaunchKernel(Function *function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,
                    unsigned blockY, unsigned blockZ, unsigned sharedBytes, void *stream, void **parameters, void **) {
  if (Result result = enterContext("cuLaunchKernel", true))
    return result;
  if (!isStream(stream))
    return kInvalidHandle;
  const Settings &s = settings();
  if (!gridX || gridX > unsigned(s.blocks) || gridY != 1 || gridZ != 1 || !blockX || blockX > unsigned(s.threads) ||
      blockY != 1 || blockZ != 1 || sharedBytes > unsigned(function->allowedShared))
    return kInvalidValue;
  if (gStack.back() != function->module->context)
    return kInvalidContext;
  loadSimulatedKernels();
  Open open;
  Launch launch{function->name, gridX, blockX, sharedBytes, stream, {}, parameters, {}};
  if (auto found = s.parameters.find(function->name); found != s.parameters.end())
    for (size_t n = 0; n < found->second.size(); ++n) {
      const auto *bytes = static_cast<const char *>(parameters[n]);
      launch.parameters.emplace_back(bytes, bytes + found->second[n]);
      launch.places.push_back(reinterpret_cast<uintptr_t>(bytes));
    }
  gLaunches.push_back(launch);
  return s.body ? s.body(launch) : kSuccess;
}

/// The map holds what it was made of: address, type, rank, swizzle, sizes from word 4, strides from word 9, box from
/// word 13, 32 bits each.
FAKE cuTensorMapEncodeTiled(uint64_t *map, int type, uint32_t rank, void *address, const uint64_t *sizes,
                            const uint64_t *strides, const uint32_t *box, const uint32_t *steps, int interleave,
                            int swizzle, int, int fill) {
  if (Result result = enter("cuTensorMapEncodeTiled"))
    return result;
  bool isGood = reinterpret_cast<uintptr_t>(map) % 64 == 0 && reinterpret_cast<uintptr_t>(address) % 16 == 0 &&
                address && rank >= 1 && rank <= 5 && interleave == 0 && fill == 0;
  for (uint32_t n = 0; n < rank; ++n)
    isGood &= sizes[n] >= 1 && sizes[n] <= uint64_t(1) << 32 && box[n] >= 1 && box[n] <= 256 && steps[n] == 1;
  for (uint32_t n = 0; n + 1 < rank; ++n)
    isGood &= strides[n] % 16 == 0 && strides[n] > 0 && strides[n] < uint64_t(1) << 40;
  if (!isGood)
    return kInvalidValue;
  const uint64_t words[16] = {reinterpret_cast<uintptr_t>(address), uint64_t(type), rank, uint64_t(swizzle)};
  std::memcpy(map, words, sizeof words);
  std::memcpy(map + 4, sizes, rank * sizeof *sizes);
  std::memcpy(map + 9, strides, (rank - 1) * sizeof *strides);
  std::memcpy(map + 13, box, rank * sizeof *box);
  return kSuccess;
}
