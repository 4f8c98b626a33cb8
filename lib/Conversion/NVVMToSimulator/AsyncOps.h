// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_CONVERSION_NVVMTOSIMULATOR_ASYNC_OPS_H
#define FOVEA_LIB_CONVERSION_NVVMTOSIMULATOR_ASYNC_OPS_H

#include "CallEmitter.h"

namespace fovea {

/// What sm_90 added: mbarriers, bulk copies of tensors, products of warpgroups, which are text in inline assembly.
class AsyncOps {
public:
  explicit AsyncOps(CallEmitter &emitter) : e(emitter), b(emitter.b) {}

  /// In NAME_task: the maps of a launch, made of the task's values.
  void makeTensorMaps(mlir::Value values, mlir::ArrayAttr maps);
  /// At the start of a thread's function. Ordinary accesses to shared memory are this class's where there are maps.
  void begin(bool hasTensorMaps);
  /// Replaces `op` if it is one of these; failure, and reported, if it is in a form that is not known.
  mlir::FailureOr<bool> replace(mlir::Operation *op);

private:
  mlir::LogicalResult replaceAssembly(mlir::LLVM::InlineAsmOp op);
  mlir::LogicalResult replaceProduct(mlir::LLVM::InlineAsmOp op, llvm::StringRef text);
  void replaceWait(mlir::LLVM::InlineAsmOp op, int64_t pending);
  mlir::LogicalResult replaceCopy(mlir::Operation *op);
  /// The registers of `acc` for a call: null and the one value that all of them are, or a buffer with them.
  std::pair<mlir::Value, mlir::Value> pass(mlir::ValueRange acc);
  void replaceFields(mlir::Operation *op, llvm::function_ref<mlir::Value(int64_t)> field);

  CallEmitter &e;
  mlir::ImplicitLocOpBuilder &b;
  mlir::Value operands, accumulators; // buffers
  bool hasTensorMaps = false;
};

} // namespace fovea

#endif
