// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rules are those of cuTensorMapEncodeTiled in the CUDA Driver API.
#include "TensorMap.h"

#include "Elements.h"

using namespace fovea;
using namespace fovea::cuda;

static constexpr int64_t kGranule = 16; // bytes
static constexpr int64_t kMaxStride = int64_t(1) << 40, kMaxSize = int64_t(1) << 32;

static bool isEmpty(const fovea_param &param, const fovea_value &value) {
  for (int d = 0; d < param.rank; ++d)
    if (value.sizes[d] == 0)
      return true;
  return false;
}

const char *fovea::cuda::refusedByTma(const fovea_param &param, const fovea_value &value) {
  if (isEmpty(param, value))
    return nullptr; // nothing is copied from it
  const int last = param.rank - 1;
  for (int d = 0; d < param.rank; ++d)
    if (value.sizes[d] > kMaxSize)
      return "has a dimension of more than 2^32 elements";
  if (reinterpret_cast<uintptr_t>(value.as.data) % kGranule)
    return "starts at an address that is no multiple of 16";
  if (value.sizes[last] > 1 && value.strides[last] != 1)
    return "has a last dimension of another stride than 1";
  for (int d = 0; d < last; ++d) {
    if (value.sizes[d] == 1)
      continue; // never stepped
    if (value.strides[d] <= 0)
      return "has a stride of 0 or below";
    const int64_t width = elementBytes(param);
    if (value.strides[d] >= kMaxStride / width || value.strides[d] * width % kGranule)
      return "has strides that are no multiples of 16 bytes below 2^40";
  }
  return nullptr;
}

static int typeOf(const fovea_param &param) {
  if (param.dtype_code == kDLBfloat)
    return kMapBfloat16;
  const bool isFloat = param.dtype_code == kDLFloat;
  switch (elementBytes(param)) {
  case 1:
    return kMapUint8;
  case 2:
    return isFloat ? kMapFloat16 : kMapUint16;
  case 4:
    return isFloat ? kMapFloat32 : kMapUint32;
  default:
    return isFloat ? kMapFloat64 : kMapUint64;
  }
}

static int swizzleOf(uint32_t bytes) {
  return bytes == 128 ? kSwizzle128 : bytes == 64 ? kSwizzle64 : bytes == 32 ? kSwizzle32 : kSwizzleNone;
}

Status fovea::cuda::encodeTensorMap(const Driver &driver, const fovea_param &param, const fovea_value &value,
                                    const fovea_tensor_map &request, TensorMap &map) {
  map = {};
  if (isEmpty(param, value))
    return {};
  uint64_t sizes[FOVEA_MAX_RANK], strides[FOVEA_MAX_RANK]; // the innermost dimension first, whose stride is not said
  uint32_t box[FOVEA_MAX_RANK], steps[FOVEA_MAX_RANK];
  for (int n = 0; n < param.rank; ++n) {
    const int d = param.rank - 1 - n;
    sizes[n] = uint64_t(value.sizes[d]);
    box[n] = request.box[d];
    steps[n] = 1;
    if (n > 0)
      strides[n - 1] = value.sizes[d] == 1 ? kGranule : uint64_t(value.strides[d] * elementBytes(param));
  }
  const Result result = driver.encodeTiled(&map, typeOf(param), param.rank, value.as.data, sizes, strides, box, steps,
                                           kInterleaveNone, swizzleOf(request.swizzle), kPromoteL2To256, kFillZero);
  return result == kSuccess ? Status() : driverFailure(driver, result, "TMA cannot describe it");
}
