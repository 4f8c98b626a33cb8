// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Describe.h"

#include <cstring>

using namespace fovea;

std::string fovea::describeArgument(const fovea_kernel_table &kernel, size_t index) {
  return "argument " + std::to_string(index) + " '" + kernel.params[index].name + "'";
}

std::string fovea::describeDim(const fovea_param &param, int dim) {
  std::string text = "dimension " + std::to_string(dim);
  if (param.dims[dim])
    text.append(" '").append(param.dims[dim]).append("'");
  return text;
}

std::string fovea::describeShape(const fovea_param &param) {
  std::string text = "[";
  for (int d = 0; d < param.rank; ++d) {
    text += d ? ", " : "";
    if (param.dims[d])
      text += param.dims[d];
    if (param.dims[d] && param.sizes[d] >= 0)
      text += "=";
    if (param.sizes[d] >= 0)
      text += std::to_string(param.sizes[d]);
    else if (!param.dims[d])
      text += "?";
  }
  return text + "]";
}

static const char *dtypeStem(uint8_t code) {
  switch (code) {
  case kDLInt:
    return "int";
  case kDLUInt:
    return "uint";
  case kDLFloat:
    return "float";
  case kDLBfloat:
    return "bfloat";
  case kDLComplex:
    return "complex";
  default:
    return nullptr;
  }
}

std::string fovea::describeDtype(DLDataType type) {
  const bool isBool = (type.code == kDLUInt && type.bits == 1) || (type.code == kDLPackBool && type.bits == 8);
  std::string text;
  if (isBool)
    text = "bool";
  else if (const char *stem = dtypeStem(type.code))
    text = stem + std::to_string(type.bits);
  else
    text = "of DLPack code " + std::to_string(type.code) + " with " + std::to_string(type.bits) + " bits";
  if (type.lanes != 1)
    text += " with " + std::to_string(type.lanes) + " lanes";
  return text;
}

std::string fovea::describeDtype(const fovea_param &param) {
  return describeDtype(DLDataType{param.dtype_code, param.dtype_bits, 1});
}

int32_t fovea::deviceType(const DLDevice &device) {
  static_assert(sizeof device.device_type == sizeof(int32_t));
  int32_t type;
  std::memcpy(&type, &device.device_type, sizeof type);
  return type;
}

static std::string deviceName(int32_t type) {
  switch (type) {
  case kDLCPU:
    return "cpu";
  case kDLCUDA:
    return "cuda";
  case kDLCUDAHost:
    return "cuda_host";
  case kDLCUDAManaged:
    return "cuda_managed";
  case kDLROCM:
    return "rocm";
  case kDLMetal:
    return "metal";
  case kDLVulkan:
    return "vulkan";
  default:
    return "DLPack device type " + std::to_string(type);
  }
}

std::string fovea::describeDevice(const DLDevice &device) {
  return deviceName(deviceType(device)) + ":" + std::to_string(device.device_id);
}

std::string fovea::describeExpected(const fovea_param &param) {
  switch (param.kind) {
  case FOVEA_PARAM_TENSOR:
    return "a tensor of " + describeDtype(param) + " " + describeShape(param);
  case FOVEA_PARAM_INT:
    return param.dtype_bits == 1 ? "a boolean (an integer, 0 or 1)" : "an integer";
  default:
    return "a float";
  }
}
