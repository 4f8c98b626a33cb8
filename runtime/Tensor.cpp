// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Tensor.h"

#include "Describe.h"
#include "Elements.h"

#include <algorithm>

using namespace fovea;

static bool isEmpty(const fovea_param &param, const fovea_value &value) {
  return std::find(value.sizes, value.sizes + param.rank, 0) != value.sizes + param.rank;
}

static Status checkType(const fovea_param &param, const DLTensor &tensor, int32_t device) {
  if (deviceType(tensor.device) != device)
    return failure(FOVEA_INVALID, "its memory is on device ", describeDevice(tensor.device),
                   ", but the kernel runs on ", device == kDLCPU ? "the CPU" : "an NVIDIA GPU (cuda)",
                   ": copy it there first");
  DLDataType type = tensor.dtype;
  if (type.code == kDLPackBool && type.bits == 8)
    type = {kDLUInt, 1, type.lanes};
  if (type.code != param.dtype_code || type.bits != param.dtype_bits || type.lanes != 1)
    return failure(FOVEA_INVALID, "its dtype is ", describeDtype(tensor.dtype), ", but the kernel takes ",
                   describeDtype(param), ": convert it, or compile the kernel for its dtype");
  if (tensor.ndim != param.rank)
    return failure(FOVEA_INVALID, "rank ", tensor.ndim, ", but the kernel takes rank ", param.rank, " ",
                   describeShape(param));
  if (param.rank && !tensor.shape)
    return failure(FOVEA_INVALID, "its shape is NULL, but the kernel takes rank ", param.rank, " ",
                   describeShape(param));
  return {};
}

static Status readSizes(const fovea_param &param, const DLTensor &tensor, fovea_value &value) {
  int64_t bytes = elementBytes(param); // empty dimensions left out: products of the others are computed too
  for (int d = 0; d < param.rank; ++d) {
    const int64_t size = value.sizes[d] = tensor.shape[d];
    if (size < 0)
      return failure(FOVEA_INVALID, describeDim(param, d), " has the negative size ", size);
    if (param.sizes[d] >= 0 && size != param.sizes[d])
      return failure(FOVEA_INVALID, describeDim(param, d), " has size ", size, ", but the kernel was compiled for ",
                     param.sizes[d]);
    if (size && __builtin_mul_overflow(bytes, size, &bytes))
      return failure(FOVEA_OUT_OF_RANGE, "its sizes multiply to more than 2^63 - 1 bytes");
  }
  return {};
}

static void readStrides(const fovea_param &param, const DLTensor &tensor, fovea_value &value) {
  int64_t rowMajor = 1;
  for (int d = param.rank - 1; d >= 0; --d) {
    // DLPack leaves the stride of a dimension that is never stepped arbitrary; 1 keeps a unit inner stride visible.
    value.strides[d] = value.sizes[d] <= 1 ? 1 : tensor.strides ? tensor.strides[d] : rowMajor;
    rowMajor *= std::max<int64_t>(value.sizes[d], 1);
  }
}

/// Distances in bytes from the first element to the lowest and to the end of the highest; false when they overflow.
static bool reachOf(const fovea_param &param, const fovea_value &value, int64_t &below, int64_t &above) {
  int64_t low = 0, high = 1;
  for (int d = 0; d < param.rank; ++d) {
    int64_t distance;
    if (__builtin_mul_overflow(value.strides[d], value.sizes[d] - 1, &distance))
      return false;
    int64_t &side = distance < 0 ? low : high;
    if (__builtin_add_overflow(side, distance, &side))
      return false;
  }
  const int64_t bytes = elementBytes(param);
  int64_t span;
  return !__builtin_mul_overflow(low, bytes, &below) && !__builtin_mul_overflow(high, bytes, &above) &&
         !__builtin_sub_overflow(above, below, &span);
}

static Status readAddress(const fovea_param &param, const DLTensor &tensor, bool needsData, fovea_value &value) {
  value.as.data = nullptr;
  if (isEmpty(param, value))
    return {}; // its address means nothing, not even an aligned one
  int64_t below, above;
  if (!reachOf(param, value, below, above))
    return failure(FOVEA_OUT_OF_RANGE, "its strides reach over more than 2^63 - 1 bytes");
  if (!tensor.data && needsData)
    return failure(FOVEA_INVALID, "its data is NULL, but it is not empty",
                   param.flags & FOVEA_PARAM_FROZEN ? " and decides which tiles are skipped" : "");
  if (!tensor.data)
    return {};
  uintptr_t address, end;
  if (__builtin_add_overflow(reinterpret_cast<uintptr_t>(tensor.data), tensor.byte_offset, &address) ||
      address < -uintptr_t(below) || __builtin_add_overflow(address, above, &end))
    return failure(FOVEA_OUT_OF_RANGE, "its data, byte_offset and strides reach beyond the address space");
  if (address % elementBytes(param))
    return failure(FOVEA_INVALID, "its first element is not aligned to the ", elementBytes(param), " bytes of ",
                   describeDtype(param), ": copy it to aligned memory");
  value.as.data = reinterpret_cast<void *>(address);
  return {};
}

static std::string listOf(const int64_t *numbers, int count) {
  std::string text = "[";
  for (int n = 0; n < count; ++n)
    text.append(n ? ", " : "").append(std::to_string(numbers[n]));
  return text + "]";
}

/// Tasks write outputs concurrently, so two indices must not share an element. Sufficient, and true of every slice,
/// transpose and broadcast: ordered by stride, each dimension steps over all that the smaller ones reach.
static Status checkWritable(const fovea_param &param, const fovea_value &value) {
  auto step = [&](int d) { return value.strides[d] < 0 ? -value.strides[d] : value.strides[d]; };
  int order[FOVEA_MAX_RANK];
  int stepped = 0;
  for (int d = 0; d < param.rank; ++d) {
    if (value.sizes[d] <= 1)
      continue;
    int at = stepped++;
    for (; at > 0 && step(order[at - 1]) > step(d); --at)
      order[at] = order[at - 1];
    order[at] = d;
  }
  int64_t reached = 0;
  for (int k = 0; k < stepped; ++k) {
    const int d = order[k];
    if (step(d) == 0)
      return failure(FOVEA_INVALID, describeDim(param, d), " has size ", value.sizes[d],
                     " and stride 0, but an output needs an element of its own for each index");
    if (step(d) <= reached)
      return failure(FOVEA_INVALID, "sizes ", listOf(value.sizes, param.rank), " with strides ",
                     listOf(value.strides, param.rank),
                     " share elements, but an output needs an element of its own for each index");
    reached += step(d) * (value.sizes[d] - 1);
  }
  return {};
}

Status fovea::readTensor(const fovea_param &param, const DLTensor &tensor, int32_t device, bool needsData,
                         fovea_value &value) {
  if (Status status = checkType(param, tensor, device); status.failed())
    return status;
  if (Status status = readSizes(param, tensor, value); status.failed())
    return status;
  readStrides(param, tensor, value);
  if (Status status = readAddress(param, tensor, needsData, value); status.failed())
    return status;
  return (param.flags & FOVEA_PARAM_OUTPUT) && !isEmpty(param, value) ? checkWritable(param, value) : Status();
}

Extent fovea::extentOf(const fovea_param &param, const fovea_value &value) {
  int64_t below, above;
  if (!value.as.data || isEmpty(param, value) || !reachOf(param, value, below, above))
    return {};
  const auto address = reinterpret_cast<uintptr_t>(value.as.data);
  return {address + below, address + above};
}
