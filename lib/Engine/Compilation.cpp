// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Compilation.h"

#include "Remarks.h"
#include "fovea/Engine/SafeParse.h"
#include "fovea/InitAll.h"
#include "fovea/Pipelines/Ladder.h"
#include "fovea/Target/CPU/EmitObject.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Export.h"

using namespace mlir;
using namespace fovea;

namespace {

/// Keeps the first error of a pass run; the notes after it belong to it.
class FirstError {
public:
  explicit FirstError(MLIRContext &context, CompileError &error)
      : handler(&context, [this, &error](Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() != DiagnosticSeverity::Error || seen)
            return success();
          seen = true;
          error.message = diagnostic.str();
          error.location = formatLocation(diagnostic.getLocation());
          for (Diagnostic &note : diagnostic.getNotes())
            error.message += "\nnote: " + note.str();
          return success();
        }) {}

private:
  bool seen = false;
  ScopedDiagnosticHandler handler;
};

} // namespace

bool Compilation::fail(fovea_status status, llvm::Error reason) {
  error = {status, llvm::toString(std::move(reason)), ""};
  return false;
}

bool Compilation::run(StringRef text, StringRef symbol, bool toRunHere) {
  return parseTarget(toRunHere) && parse(text) && climb() && translate(symbol);
}

bool Compilation::parseTarget(bool toRunHere) {
  llvm::Expected<fovea::Target> parsed = fovea::Target::parse(options.target);
  if (!parsed)
    return fail(FOVEA_UNSUPPORTED, parsed.takeError());
  target = std::move(*parsed);
  if (!toRunHere)
    return true;
  llvm::Error lacking = target.checkRunsHere();
  return lacking ? fail(FOVEA_UNSUPPORTED, std::move(lacking)) : true;
}

bool Compilation::parse(StringRef text) {
  DialectRegistry registry;
  registerDialects(registry);
  context.appendDialectRegistry(registry);
  if (options.remark)
    forwardRemarks(context, options.remark);
  context.printOpOnDiagnostic(false); // errors name the place; the whole op would bury the message
  times.context = watch.lap();
  module = parseModule(text, options.sourceName, context, error.message, error.location);
  times.parse = watch.lap();
  if (!module)
    error.status = FOVEA_INVALID;
  return bool(module);
}

bool Compilation::climb() {
  std::optional<Phase> from = options.fromPhase.empty() ? phaseOf(*module) : parsePhase(options.fromPhase);
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
  buildLadder(passes, {*from, Phase::Emit, target.loops, target.vectors, options.dumpDirectory, target.gpu});
  bool good = succeeded(passes.run(*module));
  times.passes = watch.lap();
  if (!good) {
    error.status = FOVEA_INVALID;
    if (error.message.empty())
      error = {FOVEA_INTERNAL, "a pass failed without saying why", ""};
  }
  return good;
}

bool Compilation::translate(StringRef symbol) {
  kernels = (*module)->getAttrOfType<ArrayAttr>("fovea.kernels");
  launches = (*module)->getAttrOfType<DictionaryAttr>("fovea.launches");
  if (!kernels) {
    error = {FOVEA_INVALID, "the module has no kernels: fovea.kernels is missing after phase target", ""};
    return false;
  }
  FirstError diagnostics(context, error);
  machine = target.createTargetMachine();
  bool isHost = !target.gpu || target.gpu->isSimulated;
  if (!isHost) // the translation marks loads with the layout's alignment, and a GPU splits what is not aligned
    (*module)->setAttr(LLVM::LLVMDialect::getDataLayoutAttrName(),
                       StringAttr::get(&context, machine->createDataLayout().getStringRepresentation()));
  llvmModule = translateModuleToLLVMIR(*module, llvmContext);
  if (!llvmModule) {
    error.status = FOVEA_INTERNAL;
    return false;
  }
  if (isHost) // a table is the host's
    emitModuleTable(*llvmModule, kernels, symbol, "fovea 0.1, LLVM 22.1, " + target.cpu);
  llvmModule->setTargetTriple(machine->getTargetTriple());
  llvmModule->setDataLayout(machine->createDataLayout());
  times.translate = watch.lap();
  optimize(*llvmModule, *machine);
  times.optimize = watch.lap();
  return true;
}
