// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What `fovea.kernels` (by --attn-outline-tasks) says about the fovea_values of a kernel.
#ifndef FOVEA_LIB_CONVERSION_COMMON_KERNEL_VALUES_H
#define FOVEA_LIB_CONVERSION_COMMON_KERNEL_VALUES_H

#include "mlir/IR/BuiltinOps.h"

namespace fovea {

struct KernelValue {
  llvm::StringRef name;
  int64_t rank = -1; // of a tensor; -1: a scalar
  int64_t elementBytes = 0;
  bool isWritten = false;
  bool isExchanged = false; // tasks read what others have written
};

/// In the order of the values: arguments, summaries, partial results. None when the module has no such kernel.
llvm::SmallVector<KernelValue> kernelValues(mlir::ModuleOp module, llvm::StringRef kernel);

} // namespace fovea

#endif
