// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Parameters, dtypes, devices and shapes in words, for messages.
#ifndef FOVEA_RUNTIME_DESCRIBE_H
#define FOVEA_RUNTIME_DESCRIBE_H

#include "fovea/fovea.h"

#include <string>

namespace fovea {

/// kDLBool of DLPack 0.8 and later, which NumPy and PyTorch send; older headers lack it.
constexpr uint8_t kDLPackBool = 6;

/// As a number: a newer DLPack sends types that this header's enum cannot hold.
int32_t deviceType(const DLDevice &device);

/// "argument 1 'key'"
std::string describeArgument(const fovea_kernel_table &kernel, size_t index);
/// "dimension 2 'Nk'", or "dimension 2" when it has no name
std::string describeDim(const fovea_param &param, int dim);
/// "[B, Hkv, ?, D=64]"
std::string describeShape(const fovea_param &param);
/// "float32", "bfloat16", "bool", "float32 with 4 lanes"
std::string describeDtype(DLDataType type);
std::string describeDtype(const fovea_param &param);
/// "cuda:0"
std::string describeDevice(const DLDevice &device);
/// "a tensor of float32 [B, N]", "an integer", "a float": what the kernel takes
std::string describeExpected(const fovea_param &param);

} // namespace fovea

#endif
