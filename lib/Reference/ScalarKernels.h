// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What each scalar op computes, for a block of positions.
#ifndef FOVEA_LIB_REFERENCE_SCALARKERNELS_H
#define FOVEA_LIB_REFERENCE_SCALARKERNELS_H

#include "fovea/Reference/RegionProgram.h"
#include "llvm/ADT/StringMap.h"

namespace fovea::reference {

/// Null for an op that the reference does not know.
const Kernel *findKernel(llvm::StringRef opName);
/// The element of `instruction.array` at the index operands.
Kernel elementRead(bool isFloat);

/// The low `width` bits of x, sign-extended or zero-extended.
inline int64_t signExtend(int64_t x, unsigned width) {
  return width >= 64 ? x : int64_t(uint64_t(x) << (64 - width)) >> (64 - width);
}
inline uint64_t zeroExtend(int64_t x, unsigned width) {
  return width >= 64 ? uint64_t(x) : uint64_t(x) & ((uint64_t(1) << width) - 1);
}

using KernelTable = llvm::StringMap<Kernel>;
void addIntegerKernels(KernelTable &table);
void addFloatKernels(KernelTable &table);

} // namespace fovea::reference

#endif
