// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the conversions to vectors share.
#ifndef FOVEA_LIB_CONVERSION_COMMON_VECTORTARGET_H
#define FOVEA_LIB_CONVERSION_COMMON_VECTORTARGET_H

#include "fovea/Dialect/Attn/IR/Attn.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace fovea {

/// Converts every function with a task. Schedules agree within a function; types only know rows, so the panel width
/// comes from the one schedule. Failure, reported, if tasks disagree or vectors cannot have that many lanes.
mlir::LogicalResult
convertTasks(mlir::ModuleOp module,
             llvm::function_ref<mlir::LogicalResult(mlir::func::FuncOp, attn::ScheduleAttr)> convert);

/// tanh, exp and their like on vectors: upstream's polynomials instead of one libm call per lane. Scalar ones keep
/// libm, so that a kernel's log-sum-exp does not depend on what its mask happens to contain.
mlir::LogicalResult approximateMath(mlir::func::FuncOp function);

} // namespace fovea

#endif
