// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_ENGINE_COMPILATION_H
#define FOVEA_LIB_ENGINE_COMPILATION_H

#include "fovea/Engine/Engine.h"
#include "fovea/Pipelines/Ladder.h"
#include "fovea/Target/NVPTX/GpuImage.h"
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

/// Optimised LLVM IR, and who makes machine code of it.
struct Code {
  std::unique_ptr<llvm::Module> module;
  std::unique_ptr<llvm::TargetMachine> machine;
};

/// What code for this process and code for a file have in common: from text to optimised LLVM IR of one target. A GPU's
/// module has two parts: its kernels, and what the host runs to plan, beside a table with the kernels' image.
class Compilation {
public:
  Compilation(const CompileOptions &options, fovea_compile_times &times, CompileError &error)
      : options(options), times(times), error(error), context(mlir::MLIRContext::Threading::DISABLED) {}

  /// False with the reason in `error`. `symbol` names the module table; code to run here is refused for a processor
  /// that this one is not.
  bool run(llvm::StringRef text, llvm::StringRef symbol, bool toRunHere);
  /// After run() for a GPU: the host's part. Then getModule() and getMachine() are those of the host.
  bool addHost(const GpuImage &image, llvm::StringRef symbol);
  /// Also false.
  bool fail(fovea_status status, llvm::Error reason);
  void remark(const char *kind, const char *name, const std::string &text);

  // After run():
  bool isForGpu() const { return target.gpu && !target.gpu->isSimulated; }
  const Target &getTarget() const { return target; }
  llvm::Module &getModule() { return *code.module; }
  llvm::TargetMachine &getMachine() { return *code.machine; }
  /// `fovea.kernels`, as --attn-outline-tasks left it.
  mlir::ArrayAttr getKernels() { return kernels; }
  /// `fovea.launches`, as --convert-attn-to-gpu left it; null for CPUs.
  mlir::DictionaryAttr getLaunches() { return launches; }
  double lap() { return watch.lap(); }

private:
  bool parseTarget(bool toRunHere);
  bool parse(llvm::StringRef text);
  bool climb();
  bool climb(mlir::ModuleOp op, const LadderOptions &options);
  bool readKernels();
  bool translate(mlir::ModuleOp op, const Target &to, llvm::function_ref<void(llvm::Module &)> addTable);

  const CompileOptions &options;
  fovea_compile_times &times;
  CompileError &error;
  Stopwatch watch;
  Target target;
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::OwningOpRef<mlir::ModuleOp> hostModule; // of a GPU's module, the same in phase 7
  mlir::ArrayAttr kernels;
  mlir::DictionaryAttr launches;
  llvm::LLVMContext llvmContext;
  Code code;
};

} // namespace fovea

#endif
