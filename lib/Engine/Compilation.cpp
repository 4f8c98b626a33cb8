// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Compilation.h"

#include "Remarks.h"
#include "fovea/Engine/SafeParse.h"
#include "fovea/InitAll.h"
#include "fovea/Target/CPU/EmitObject.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/TargetParser/Triple.h"

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

static std::string buildId(StringRef cpu) { return ("fovea 0.1, LLVM 22.1, " + cpu).str(); }

bool Compilation::fail(fovea_status status, llvm::Error reason) {
  error = {status, llvm::toString(std::move(reason)), ""};
  return false;
}

void Compilation::remark(const char *kind, const char *name, const std::string &text) {
  if (options.remark)
    options.remark({kind, name, text.c_str(), ""});
}

bool Compilation::run(StringRef text, StringRef symbol, bool toRunHere) {
  if (!parseTarget(toRunHere) || !parse(text) || !climb() || !readKernels())
    return false;
  return translate(*module, target, [&](llvm::Module &code) {
    if (!isForGpu()) // a table is the host's
      emitModuleTable(code, kernels, symbol, buildId(target.cpu));
  });
}

bool Compilation::addHost(const GpuImage &image, StringRef symbol) {
  llvm::Expected<fovea::Target> host = fovea::Target::parse("host");
  if (!host)
    return fail(FOVEA_UNSUPPORTED, host.takeError());
  LadderOptions ladder;
  ladder.from = Phase::Target;
  ladder.gpu = target.gpu;
  ladder.hostSide = true;
  return climb(*hostModule, ladder) && translate(*hostModule, *host, [&](llvm::Module &code) {
           emitModuleTable(code, kernels, symbol, buildId(target.cpu), &image);
         });
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
  LadderOptions ladder{*from,      Phase::Emit,       target.loops, target.vectors, options.dumpDirectory,
                       target.gpu, /*hostSide=*/false};
  if (!isForGpu())
    return climb(*module, ladder);
  ladder.to = Phase::Target;
  if (!climb(*module, ladder))
    return false;
  hostModule = OwningOpRef<ModuleOp>(module->clone());
  ladder.from = std::max(Phase::Target, *from);
  ladder.to = Phase::Emit;
  return climb(*module, ladder);
}

bool Compilation::climb(ModuleOp op, const LadderOptions &ladder) {
  FirstError diagnostics(context, error);
  PassManager passes(&context);
  passes.enableVerifier(false); // every pass is tested with it; here it would be a third of the time
  buildLadder(passes, ladder);
  bool good = succeeded(passes.run(op));
  times.passes += watch.lap();
  if (!good) {
    error.status = FOVEA_INVALID;
    if (error.message.empty())
      error = {FOVEA_INTERNAL, "a pass failed without saying why", ""};
  }
  return good;
}

bool Compilation::readKernels() {
  kernels = (*module)->getAttrOfType<ArrayAttr>("fovea.kernels");
  launches = (*module)->getAttrOfType<DictionaryAttr>("fovea.launches");
  if (kernels)
    return true;
  error = {FOVEA_INVALID, "the module has no kernels: fovea.kernels is missing after phase target", ""};
  return false;
}

bool Compilation::translate(ModuleOp op, const fovea::Target &to, llvm::function_ref<void(llvm::Module &)> addTable) {
  FirstError diagnostics(context, error);
  code.machine = to.createTargetMachine();
  llvm::DataLayout layout = code.machine->createDataLayout();
  if (llvm::Triple(to.triple).isNVPTX()) // the translation marks loads with the layout's alignment, and a GPU splits
                                         // what is not aligned
    op->setAttr(LLVM::LLVMDialect::getDataLayoutAttrName(),
                StringAttr::get(&context, layout.getStringRepresentation()));
  code.module = translateModuleToLLVMIR(op, llvmContext);
  if (!code.module) {
    error.status = FOVEA_INTERNAL;
    return false;
  }
  addTable(*code.module);
  code.module->setTargetTriple(code.machine->getTargetTriple());
  code.module->setDataLayout(layout);
  times.translate += watch.lap();
  optimize(*code.module, *code.machine);
  times.optimize += watch.lap();
  return true;
}
