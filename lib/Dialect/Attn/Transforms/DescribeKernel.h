// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_DIALECT_ATTN_TRANSFORMS_DESCRIBE_KERNEL_H
#define FOVEA_LIB_DIALECT_ATTN_TRANSFORMS_DESCRIBE_KERNEL_H

#include "fovea/Dialect/Attn/IR/Attn.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace fovea::attn {

/// The parts of a kernel function.
struct Kernel {
  mlir::func::FuncOp function;
  TaskOp task;
  TileBoundsOp bounds;                           // the task's own, at its top level
  llvm::SmallVector<mlir::Operation *> prologue; // pure code before the task
  llvm::SmallVector<SummaryOp> summaries;        // of it
  llvm::SmallVector<mlir::cf::AssertOp> asserts;
  PartialsOp partials; // of a task that may have only a piece of its keys; or null
};

/// What the module table says about the kernel; see fovea_abi.h.
mlir::DictionaryAttr describeKernel(Kernel &kernel);

} // namespace fovea::attn

#endif
