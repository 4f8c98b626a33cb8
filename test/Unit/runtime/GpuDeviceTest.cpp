// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The driver itself, and what tools do with a device.
#include "Driver.h" // the runtime's
#include "GpuKernel.h"

using namespace fovea::test;
namespace fake = fovea::fake;
namespace cuda = fovea::cuda;

#if FOVEA_HAS_CUDA_H
#include <cuda.h>
// What Driver.h writes down is what NVIDIA's header says.
#define SAME(OURS, THEIRS) static_assert(int(cuda::OURS) == int(THEIRS))
SAME(kMaxThreadsPerBlock, CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK);
SAME(kMaxGridDimX, CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X);
SAME(kMultiprocessorCount, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
SAME(kCapabilityMajor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
SAME(kCapabilityMinor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
SAME(kMaxSharedPerBlock, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
SAME(kMaxDynamicShared, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES);
SAME(kJitErrorLog, CU_JIT_ERROR_LOG_BUFFER);
SAME(kJitErrorLogBytes, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES);
SAME(kMapUint8, CU_TENSOR_MAP_DATA_TYPE_UINT8);
SAME(kMapUint16, CU_TENSOR_MAP_DATA_TYPE_UINT16);
SAME(kMapUint32, CU_TENSOR_MAP_DATA_TYPE_UINT32);
SAME(kMapUint64, CU_TENSOR_MAP_DATA_TYPE_UINT64);
SAME(kMapFloat16, CU_TENSOR_MAP_DATA_TYPE_FLOAT16);
SAME(kMapFloat32, CU_TENSOR_MAP_DATA_TYPE_FLOAT32);
SAME(kMapFloat64, CU_TENSOR_MAP_DATA_TYPE_FLOAT64);
SAME(kMapBfloat16, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16);
SAME(kSwizzleNone, CU_TENSOR_MAP_SWIZZLE_NONE);
SAME(kSwizzle32, CU_TENSOR_MAP_SWIZZLE_32B);
SAME(kSwizzle64, CU_TENSOR_MAP_SWIZZLE_64B);
SAME(kSwizzle128, CU_TENSOR_MAP_SWIZZLE_128B);
SAME(kInterleaveNone, CU_TENSOR_MAP_INTERLEAVE_NONE);
SAME(kPromoteL2To256, CU_TENSOR_MAP_L2_PROMOTION_L2_256B);
SAME(kFillZero, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
SAME(kOutOfMemory, CUDA_ERROR_OUT_OF_MEMORY);
SAME(kStubLibrary, CUDA_ERROR_STUB_LIBRARY);
SAME(kDeviceUnavailable, CUDA_ERROR_DEVICE_UNAVAILABLE);
SAME(kNoDevice, CUDA_ERROR_NO_DEVICE);
SAME(kInvalidDevice, CUDA_ERROR_INVALID_DEVICE);
SAME(kInvalidImage, CUDA_ERROR_INVALID_IMAGE);
SAME(kNoBinaryForGpu, CUDA_ERROR_NO_BINARY_FOR_GPU);
SAME(kInvalidPtx, CUDA_ERROR_INVALID_PTX);
SAME(kNoJitCompiler, CUDA_ERROR_JIT_COMPILER_NOT_FOUND);
SAME(kUnsupportedPtxVersion, CUDA_ERROR_UNSUPPORTED_PTX_VERSION);
SAME(kJitDisabled, CUDA_ERROR_JIT_COMPILATION_DISABLED);
SAME(kInvalidHandle, CUDA_ERROR_INVALID_HANDLE);
SAME(kDriverMismatch, CUDA_ERROR_SYSTEM_DRIVER_MISMATCH);
SAME(kCompatNotSupported, CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE);
SAME(kCaptureUnsupported, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
SAME(kCaptureWrongThread, CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD);
static_assert(sizeof(cuda::TensorMap) == sizeof(CUtensorMap) && sizeof(cuda::Address) == sizeof(CUdeviceptr));
#endif

TEST(GpuDriver, IsMissing) {
  cuda::Driver driver;
  const fovea::Status status = cuda::loadDriver("libcuda-nowhere.so.1", driver);
  EXPECT_EQ(status.code, FOVEA_NO_DEVICE);
  EXPECT_EQ(status.message,
            "there is no NVIDIA driver here (libcuda-nowhere.so.1: cannot open shared object file: No such file or "
            "directory): install one, or execute the same code on this machine with the target sim:sm_80");
}

TEST(GpuDriver, IsTooOld) {
  cuda::Driver driver;
  const fovea::Status status = cuda::loadDriver(FOVEA_RUNTIME_LIBRARY, driver);
  EXPECT_EQ(status.code, FOVEA_NO_DEVICE);
  EXPECT_EQ(status.message,
            FOVEA_RUNTIME_LIBRARY " has no cuInit: the NVIDIA driver is too old, it must be one for CUDA 12 or later");
}

TEST(GpuDriver, FindsNoGpu) {
  fake::reset();
  fake::fail("cuInit", 100);
  cuda::Driver driver;
  const fovea::Status status = cuda::loadDriver("libcuda.so.1", driver);
  EXPECT_EQ(status.code, FOVEA_NO_DEVICE);
  EXPECT_EQ(status.message, "the NVIDIA driver does not start: CUDA_ERROR_NO_DEVICE (100), no CUDA-capable device is "
                            "detected");
  EXPECT_EQ(cuda::loadDriver("libcuda.so.1", driver).message, "");
  EXPECT_EQ(cuda::driverFailure(driver, 4711, "it").message,
            "it: an unknown error (4711), the driver has no words for it");
}

namespace {
struct GpuDevice : GpuCall {
  void SetUp() override {
    ASSERT_EQ(fovea_device_open(0, &device, nullptr), FOVEA_OK);
    GpuCall::SetUp();
  }
  void TearDown() override { fovea_device_close(device); }
  fovea_device *device = nullptr;
};
} // namespace

TEST_F(GpuDevice, Info) {
  fovea_device_info info{};
  info.struct_size = sizeof info;
  ASSERT_EQ(fovea_device_get_info(device, &info), FOVEA_OK);
  EXPECT_STREQ(info.name, "Fake GPU");
  EXPECT_EQ(info.major, 8);
  EXPECT_EQ(info.multiprocessors, 4);
  EXPECT_EQ(info.shared_bytes, 163 * 1024);
  info.struct_size = 0;
  EXPECT_EQ(fovea_device_get_info(device, &info), FOVEA_INVALID);
}

TEST_F(GpuDevice, TimesWhatIsOnTheStream) {
  PlanPtr plan = mustPlan();
  fake::clearCalls();
  struct Context {
    GpuDevice *test;
    const fovea_plan *plan;
  } context{this, plan.get()};
  float milliseconds = -1;
  const Answer answer = answerOf([&](fovea_error **error) {
    return fovea_device_time(
        device, nullptr,
        [](void *ctx) {
          auto *c = static_cast<Context *>(ctx);
          EXPECT_EQ(c->test->run(c->plan).message, "");
        },
        &context, &milliseconds, error);
  });
  EXPECT_EQ(answer.message, "");
  EXPECT_GE(milliseconds, 0);
  EXPECT_EQ(fake::calls(),
            std::vector<std::string>({"cuCtxPushCurrent_v2", "cuEventCreate", "cuEventCreate", "cuEventRecord",
                                      "cuCtxPushCurrent_v2", "cuLaunchKernel", "cuCtxPopCurrent_v2", "cuEventRecord",
                                      "cuEventSynchronize", "cuEventElapsedTime", "cuEventDestroy_v2",
                                      "cuEventDestroy_v2", "cuCtxPopCurrent_v2"}));
}

TEST_F(GpuDevice, Errors) {
  void *memory = nullptr;
  const auto alloc = [&](fovea_error **error) { return fovea_device_alloc(device, 1 << 20, &memory, error); };
  fake::fail("cuMemAlloc_v2", 2);
  EXPECT_EQ(answerOf(alloc).message,
            "cannot have 1048576 bytes on cuda:0: CUDA_ERROR_OUT_OF_MEMORY (2), out of memory");
  // A launch that failed is found out by whoever waits for it.
  fake::fail("cuStreamSynchronize", 700);
  const Answer answer = answerOf([&](fovea_error **error) { return fovea_device_synchronize(device, nullptr, error); });
  EXPECT_EQ(answer.status, FOVEA_INTERNAL);
  EXPECT_EQ(answer.message,
            "work on the stream failed: CUDA_ERROR_ILLEGAL_ADDRESS (700), an illegal memory access was encountered");
  EXPECT_EQ(fovea_device_synchronize(nullptr, nullptr, nullptr), FOVEA_INVALID);
  fovea_device *none = nullptr;
  const Answer missing = answerOf([&](fovea_error **error) { return fovea_device_open(7, &none, error); });
  EXPECT_EQ(missing.status, FOVEA_NO_DEVICE);
  EXPECT_EQ(missing.message, "there is no cuda:7: this machine has cuda:0");
  fovea_device_free(device, nullptr);
  fovea_device_close(nullptr);
}
