// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The functions that a kernel becomes: what they have in common, and the one that makes the list of tasks.
#ifndef FOVEA_LIB_DIALECT_ATTN_TRANSFORMS_KERNEL_ENTRY_H
#define FOVEA_LIB_DIALECT_ATTN_TRANSFORMS_KERNEL_ENTRY_H

#include "DescribeKernel.h"
#include "mlir/IR/IRMapping.h"

namespace fovea::attn {

/// One of the functions under construction: arguments unpacked, prologue copied.
struct Entry {
  mlir::func::FuncOp function;
  mlir::IRMapping mapping;
  mlir::OpBuilder builder;
};

Entry beginEntry(Kernel &kernel, llvm::StringRef suffix, mlir::TypeRange arguments);

/// Copies `op` and what it needs from the same block, in order.
void cloneWithOperands(mlir::OpBuilder &builder, mlir::Operation *op, mlir::Block *block, mlir::IRMapping &mapping);

/// Reads sizes out of descriptors. The conversion to LLVM rewrites constants before memref.dim asks for its index, and
/// would then spill the sizes to the stack to index them.
void resolveSizes(mlir::func::FuncOp function);

/// int32 NAME_plan(values, tasks, capacity, count)
void emitPlanFunction(Kernel &kernel);

} // namespace fovea::attn

#endif
