// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a caller's DLTensor must be before compiled code may touch its memory.
#ifndef FOVEA_RUNTIME_TENSOR_H
#define FOVEA_RUNTIME_TENSOR_H

#include "Error.h"

namespace fovea {

/// The bytes [begin, end) in which all elements of a tensor lie, whatever the signs of its strides. Gaps between the
/// elements count as the tensor's.
struct Extent {
  uintptr_t begin = 0;
  uintptr_t end = 0;

  bool intersects(const Extent &other) const { return begin < other.end && other.begin < end; }
};

/// Fills `value` from `tensor`, or says why the kernel cannot take it (without naming the argument). Its memory must be
/// of the type `device`, kDLCPU or kDLCUDA. A NULL `data` is good for an empty tensor, and for any other unless
/// `needsData`.
Status readTensor(const fovea_param &param, const DLTensor &tensor, int32_t device, bool needsData, fovea_value &value);

/// Empty for a tensor without elements or without data. `value` has passed readTensor, so that nothing overflows.
Extent extentOf(const fovea_param &param, const fovea_value &value);

} // namespace fovea

#endif
