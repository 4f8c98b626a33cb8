// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_ENGINE_COMPILATION_H
#define FOVEA_LIB_ENGINE_COMPILATION_H

#include "fovea/Engine/Engine.h"
#include "fovea/Target/Target.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"

#include <chrono>

namespace fovea {

/// Milliseconds since the last call.
class Stopwatch {
public:
  double lap() {
    auto now = std::chrono::steady_clock::now();
    double milliseconds = std::chrono::duration<double, std::milli>(now - last).count();
    last = now;
    return milliseconds;
  }

private:
  std::chrono::steady_clock::time_point last = std::chrono::steady_clock::now();
};

/// What code for this process and code for a file have in common: from text to optimised LLVM IR of one target.
class Compilation {
public:
  Compilation(const CompileOptions &options, fovea_compile_times &times, CompileError &error)
      : options(options), times(times), error(error), context(mlir::MLIRContext::Threading::DISABLED) {}

  /// False with the reason in `error`. `symbol` names the module table; code to run here is refused for a processor
  /// that this one is not.
  bool run(llvm::StringRef text, llvm::StringRef symbol, bool toRunHere);
  /// Also false.
  bool fail(fovea_status status, llvm::Error reason);

  // After run():
  const Target &getTarget() const { return target; }
  llvm::Module &getModule() { return *llvmModule; }
  llvm::TargetMachine &getMachine() { return *machine; }
  /// `fovea.kernels`, as --attn-outline-tasks left it.
  mlir::ArrayAttr getKernels() { return kernels; }
  /// `fovea.launches`, as --convert-attn-to-gpu left it; null for CPUs.
  mlir::DictionaryAttr getLaunches() { return launches; }
  double lap() { return watch.lap(); }

private:
  bool parseTarget(bool toRunHere);
  bool parse(llvm::StringRef text);
  bool climb();
  bool translate(llvm::StringRef symbol);

  const CompileOptions &options;
  fovea_compile_times &times;
  CompileError &error;
  Stopwatch watch;
  Target target;
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::ArrayAttr kernels;
  mlir::DictionaryAttr launches;
  llvm::LLVMContext llvmContext;
  std::unique_ptr<llvm::Module> llvmModule;
  std::unique_ptr<llvm::TargetMachine> machine;
};

} // namespace fovea

#endif
