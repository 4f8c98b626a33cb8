// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// NVIDIA's driver, found when the first GPU kernel is planned. Types and functions are those of its public reference
// (CUDA Driver API), written down here so that nothing of CUDA is needed to build.
#ifndef FOVEA_RUNTIME_DRIVER_H
#define FOVEA_RUNTIME_DRIVER_H

#include "Error.h"

namespace fovea::cuda {

using Result = int; // CUresult: 0 is success
using Device = int;
using Context = struct ContextHandle *;
using Module = struct ModuleHandle *;
using Function = struct FunctionHandle *;
using Stream = struct StreamHandle *;
using Event = struct EventHandle *;
using Address = unsigned long long; // CUdeviceptr

struct alignas(64) TensorMap {
  uint64_t opaque[16];
};

// Results that mean something special here.
enum : Result {
  kSuccess = 0,
  kOutOfMemory = 2,
  kStubLibrary = 34,
  kDeviceUnavailable = 46,
  kNoDevice = 100,
  kInvalidDevice = 101,
  kInvalidImage = 200,
  kNoBinaryForGpu = 209,
  kInvalidPtx = 218,
  kNoJitCompiler = 221,
  kUnsupportedPtxVersion = 222,
  kJitDisabled = 223,
  kInvalidHandle = 400,
  kDriverMismatch = 803,
  kCompatNotSupported = 804,
  kCaptureUnsupported = 900,
  kCaptureWrongThread = 908,
};

enum : int { // CUdevice_attribute
  kMaxThreadsPerBlock = 1,
  kMaxGridDimX = 5,
  kMultiprocessorCount = 16,
  kCapabilityMajor = 75,
  kCapabilityMinor = 76,
  kMaxSharedPerBlock = 97, // with opt-in
};
enum : int { kMaxDynamicShared = 8 };                   // CUfunction_attribute
enum : int { kJitErrorLog = 5, kJitErrorLogBytes = 6 }; // CUjit_option
enum : int {
  kMapUint8 = 0,
  kMapUint16 = 1,
  kMapUint32 = 2,
  kMapUint64 = 4,
  kMapFloat16 = 6,
  kMapFloat32 = 7,
  kMapFloat64 = 8,
  kMapBfloat16 = 9
}; // CUtensorMapDataType
enum : int { kSwizzleNone = 0, kSwizzle32 = 1, kSwizzle64 = 2, kSwizzle128 = 3 };
enum : int { kInterleaveNone = 0, kPromoteL2To256 = 3, kFillZero = 0 };

/// X(name here, name in the library, parameters)
#define FOVEA_CUDA_FUNCTIONS(X)                                                                                        \
  X(init, "cuInit", (unsigned flags))                                                                                  \
  X(errorName, "cuGetErrorName", (Result result, const char **name))                                                   \
  X(errorString, "cuGetErrorString", (Result result, const char **text))                                               \
  X(deviceGetCount, "cuDeviceGetCount", (int *count))                                                                  \
  X(deviceGet, "cuDeviceGet", (Device * device, int ordinal))                                                          \
  X(deviceGetName, "cuDeviceGetName", (char *name, int bytes, Device device))                                          \
  X(deviceGetAttribute, "cuDeviceGetAttribute", (int *value, int attribute, Device device))                            \
  X(primaryContextRetain, "cuDevicePrimaryCtxRetain", (Context * context, Device device))                              \
  X(contextGetCurrent, "cuCtxGetCurrent", (Context * context))                                                         \
  X(contextGetDevice, "cuCtxGetDevice", (Device * device))                                                             \
  X(contextPush, "cuCtxPushCurrent_v2", (Context context))                                                             \
  X(contextPop, "cuCtxPopCurrent_v2", (Context * context))                                                             \
  X(moduleLoad, "cuModuleLoadDataEx",                                                                                  \
    (Module * module, const void *image, unsigned numOptions, int *options, void **values))                            \
  X(moduleUnload, "cuModuleUnload", (Module module))                                                                   \
  X(moduleGetFunction, "cuModuleGetFunction", (Function * function, Module module, const char *name))                  \
  X(functionSetAttribute, "cuFuncSetAttribute", (Function function, int attribute, int value))                         \
  X(memoryAlloc, "cuMemAlloc_v2", (Address * memory, size_t bytes))                                                    \
  X(memoryFree, "cuMemFree_v2", (Address memory))                                                                      \
  X(memorySet, "cuMemsetD8Async", (Address memory, unsigned char value, size_t bytes, Stream stream))                  \
  X(copyToDevice, "cuMemcpyHtoDAsync_v2", (Address to, const void *from, size_t bytes, Stream stream))                 \
  X(copyToHost, "cuMemcpyDtoHAsync_v2", (void *to, Address from, size_t bytes, Stream stream))                         \
  X(streamSynchronize, "cuStreamSynchronize", (Stream stream))                                                         \
  X(eventCreate, "cuEventCreate", (Event * event, unsigned flags))                                                     \
  X(eventRecord, "cuEventRecord", (Event event, Stream stream))                                                        \
  X(eventSynchronize, "cuEventSynchronize", (Event event))                                                             \
  X(eventElapsedTime, "cuEventElapsedTime", (float *milliseconds, Event start, Event end))                             \
  X(eventDestroy, "cuEventDestroy_v2", (Event event))                                                                  \
  X(launch, "cuLaunchKernel",                                                                                          \
    (Function function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY,              \
     unsigned blockZ, unsigned sharedBytes, Stream stream, void **parameters, void **extra))                           \
  X(encodeTiled, "cuTensorMapEncodeTiled",                                                                             \
    (TensorMap * map, int type, uint32_t rank, void *address, const uint64_t *sizes, const uint64_t *strides,          \
     const uint32_t *box, const uint32_t *steps, int interleave, int swizzle, int promotion, int fill))

struct Driver {
#define FOVEA_CUDA_FIELD(NAME, SYMBOL, PARAMETERS) Result(*NAME) PARAMETERS = nullptr;
  FOVEA_CUDA_FUNCTIONS(FOVEA_CUDA_FIELD)
#undef FOVEA_CUDA_FIELD
};

/// Fills `driver` from a shared library. NO_DEVICE: it is not there, is too old, or finds no GPU.
Status loadDriver(const char *library, Driver &driver);

/// The machine's, loaded once and kept. A failure is not kept: the next call tries again.
Status getDriver(const Driver *&driver);

/// What a call of the driver failed with; `what` says in which attempt, "cannot load the code of kernel 'main'".
Status driverFailure(const Driver &driver, Result result, const std::string &what);

} // namespace fovea::cuda

#endif
