// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_CONVERSION_NVVMTOSIMULATOR_CALL_EMITTER_H
#define FOVEA_LIB_CONVERSION_NVVMTOSIMULATOR_CALL_EMITTER_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/StringMap.h"

namespace fovea {

/// Short names for calls of the simulator's functions, which are declared on the way.
class CallEmitter {
public:
  explicit CallEmitter(mlir::ModuleOp module) : module(module), b(module.getLoc(), module.getContext()) {}

  mlir::Type pointer() { return mlir::LLVM::LLVMPointerType::get(b.getContext()); }
  mlir::Value constant(int64_t value, unsigned bits);
  /// Null if the function gives nothing back (`result` is null).
  mlir::Value call(llvm::StringRef callee, mlir::Type result, mlir::ValueRange arguments);
  /// A constant string, ended by zero.
  mlir::Value text(llvm::StringRef content);
  /// What an op is for, its place in the source and its name, for reports.
  mlir::Value place(mlir::Operation *op);
  mlir::Value at(mlir::Value base, int64_t bytes);
  mlir::Value generic(mlir::Value address);
  /// Space on the stack of the function whose start this is.
  mlir::Value buffer(int64_t bytes);
  void finish(mlir::Operation *op, mlir::Value replacement = {});

  mlir::ModuleOp module;
  mlir::ImplicitLocOpBuilder b;

private:
  llvm::StringMap<mlir::LLVM::GlobalOp> texts;
};

} // namespace fovea

#endif
