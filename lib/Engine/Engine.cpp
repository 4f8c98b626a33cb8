// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Engine/Engine.h"

#include "Jit.h"
#include "fovea/Engine/SafeParse.h"
#include "fovea/InitAll.h"
#include "fovea/Pipelines/Ladder.h"
#include "fovea/Target/CPU/EmitObject.h"
#include "fovea/Target/Target.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"

#include <chrono>

using namespace mlir;
using namespace fovea;

namespace {

constexpr StringLiteral kTableSymbol = "fovea_module_jit";

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

/// Keeps the first error of a pass run; the notes after it belong to it.
class FirstError {
public:
  explicit FirstError(MLIRContext &context, CompileError &error)
      : handler(&context, [this, &error](Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() != DiagnosticSeverity::Error || seen)
            return success();
          seen = true;
          error.message = diagnostic.str();
          if (auto location = diagnostic.getLocation()->findInstanceOf<FileLineColLoc>())
            error.location = (location.getFilename().getValue() + ":" + Twine(location.getLine()) + ":" +
                              Twine(location.getColumn()))
                                 .str();
          for (Diagnostic &note : diagnostic.getNotes())
            error.message += "\nnote: " + note.str();
          return success();
        }) {}

private:
  bool seen = false;
  ScopedDiagnosticHandler handler;
};

class Compilation {
public:
  Compilation(const CompileOptions &options, fovea_compile_times &times, CompileError &error)
      : options(options), times(times), error(error), context(MLIRContext::Threading::DISABLED) {}

  std::unique_ptr<JitCode> run(StringRef text) {
    llvm::Expected<fovea::Target> target = fovea::Target::parse(options.target);
    if (!target)
      return fail(FOVEA_UNSUPPORTED, target.takeError());
    if (llvm::Error lacking = target->checkRunsHere())
      return fail(FOVEA_UNSUPPORTED, std::move(lacking));
    DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.printOpOnDiagnostic(false); // errors name the place; the whole op would bury the message
    times.context = watch.lap();
    OwningOpRef<ModuleOp> module = parseModule(text, options.sourceName, context, error.message, error.location);
    times.parse = watch.lap();
    if (!module) {
      error.status = FOVEA_INVALID;
      return nullptr;
    }
    if (!climb(*module, *target))
      return nullptr;
    return emit(*module, *target);
  }

private:
  std::unique_ptr<JitCode> fail(fovea_status status, llvm::Error reason) {
    error = {status, llvm::toString(std::move(reason)), ""};
    return nullptr;
  }

  bool climb(ModuleOp module, const fovea::Target &target) {
    std::optional<Phase> from = options.fromPhase.empty() ? phaseOf(module) : parsePhase(options.fromPhase);
    if (!from) {
      error = {FOVEA_INVALID,
               "unknown phase '" + options.fromPhase +
                   "'; phases are import, simplify, program, bufferize, schedule, tile, target, emit",
               ""};
      return false;
    }
    FirstError diagnostics(context, error);
    PassManager passes(&context);
    passes.enableVerifier(false); // every pass is tested with it; here it would be a third of the time
    buildLadder(passes, {*from, Phase::Emit, target.loops, target.lanes, options.dumpDirectory});
    bool good = succeeded(passes.run(module));
    times.passes = watch.lap();
    if (!good) {
      error.status = FOVEA_INVALID;
      if (error.message.empty())
        error = {FOVEA_INTERNAL, "a pass failed without saying why", ""};
    }
    return good;
  }

  std::unique_ptr<JitCode> emit(ModuleOp module, const fovea::Target &target) {
    auto kernels = module->getAttrOfType<ArrayAttr>("fovea.kernels");
    if (!kernels) {
      error = {FOVEA_INVALID, "the module has no kernels: fovea.kernels is missing after phase target", ""};
      return nullptr;
    }
    FirstError diagnostics(context, error);
    llvm::LLVMContext llvmContext;
    std::unique_ptr<llvm::Module> llvmModule = translateModuleToLLVMIR(module, llvmContext);
    if (!llvmModule) {
      error.status = FOVEA_INTERNAL;
      return nullptr;
    }
    emitModuleTable(*llvmModule, kernels, kTableSymbol, "fovea 0.1, LLVM 22.1, " + target.cpu);
    std::unique_ptr<llvm::TargetMachine> machine = target.createTargetMachine();
    llvmModule->setTargetTriple(machine->getTargetTriple());
    llvmModule->setDataLayout(machine->createDataLayout());
    times.translate = watch.lap();
    optimize(*llvmModule, *machine);
    times.optimize = watch.lap();
    llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> object = emitObject(*llvmModule, *machine);
    times.codegen = watch.lap();
    if (!object)
      return fail(FOVEA_INTERNAL, object.takeError());
    llvm::Expected<std::unique_ptr<JitCode>> code = JitCode::link(std::move(*object), kTableSymbol);
    times.link = watch.lap();
    if (!code)
      return fail(FOVEA_INTERNAL, code.takeError());
    return std::move(*code);
  }

  const CompileOptions &options;
  fovea_compile_times &times;
  CompileError &error;
  Stopwatch watch;
  MLIRContext context;
};

} // namespace

fovea_module *fovea::compile(StringRef text, const CompileOptions &options, fovea_compile_times &times,
                             CompileError &error) {
  times = {};
  Stopwatch total;
  std::unique_ptr<JitCode> code = Compilation(options, times, error).run(text);
  times.total = total.lap();
  if (!code)
    return nullptr;
  fovea_module *module = nullptr;
  fovea_error *reason = nullptr;
  error.status = fovea_module_create(
      code->table(), code.get(), [](void *owner) { delete static_cast<JitCode *>(owner); }, &module, &reason);
  if (error.status != FOVEA_OK) {
    error.message = fovea_error_message(reason);
    fovea_error_destroy(reason);
    return nullptr;
  }
  code.release();
  return module;
}
