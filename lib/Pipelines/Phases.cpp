// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names of phases, how a module carries its phase, the pipeline flag.
#include "PhaseMark.h"
#include "fovea/Target/Target.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;
using namespace fovea;

static constexpr StringLiteral kPhaseAttribute = "fovea.phase";
static constexpr StringLiteral kPhaseNames[] = {"import",   "simplify", "program", "bufferize",
                                                "schedule", "tile",     "target",  "emit"};

StringRef fovea::phaseName(Phase phase) { return kPhaseNames[static_cast<int>(phase) - 1]; }

std::optional<Phase> fovea::parsePhase(StringRef text) {
  for (auto [index, name] : llvm::enumerate(kPhaseNames))
    if (text == name || text == std::to_string(index + 1))
      return static_cast<Phase>(index + 1);
  return std::nullopt;
}

Phase fovea::phaseOf(ModuleOp module) {
  auto name = module->getAttrOfType<StringAttr>(kPhaseAttribute);
  return name ? parsePhase(name.getValue()).value_or(Phase::Import) : Phase::Import;
}

namespace {

struct PhaseMark : PassWrapper<PhaseMark, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PhaseMark)
  PhaseMark(Phase phase, StringRef dumpDirectory) : phase(phase), dumpDirectory(dumpDirectory) {}
  StringRef getName() const override { return "PhaseMark"; }

  void runOnOperation() override {
    getOperation()->setAttr(kPhaseAttribute, StringAttr::get(&getContext(), phaseName(phase)));
    if (!dumpDirectory.empty() && failed(dump()))
      signalPassFailure();
    markAllAnalysesPreserved();
  }

  LogicalResult dump() {
    SmallString<128> path(dumpDirectory);
    llvm::sys::path::append(path, Twine(static_cast<int>(phase)) + "-" + phaseName(phase) + ".mlir");
    std::string error;
    std::unique_ptr<llvm::ToolOutputFile> file = openOutputFile(path, &error);
    if (!file)
      return getOperation().emitError("cannot dump phase ") << phaseName(phase) << ": " << error;
    getOperation().print(file->os(), OpPrintingFlags().useLocalScope());
    file->keep();
    return success();
  }

  Phase phase;
  std::string dumpDirectory;
};

/// What --fovea-pipeline takes.
struct LadderFlags : PassPipelineOptions<LadderFlags> {
  Option<std::string> from{*this, "from", llvm::cl::desc("the phase the module is in (default: import)"),
                           llvm::cl::init("import")};
  Option<std::string> to{*this, "to", llvm::cl::desc("the last phase to run (default: emit)"), llvm::cl::init("emit")};
  Option<std::string> target{*this, "target",
                             llvm::cl::desc("host, loops, cpu:ARCH[+feature...], cuda:sm_80 or sim:sm_80"),
                             llvm::cl::init("host")};
  Option<std::string> dump{*this, "dump", llvm::cl::desc("write every phase to DIR/N-name.mlir"), llvm::cl::init("")};
};

} // namespace

std::unique_ptr<Pass> fovea::createPhaseMark(Phase phase, StringRef dumpDirectory) {
  return std::make_unique<PhaseMark>(phase, dumpDirectory);
}

void fovea::registerLadder() {
  static PassPipelineRegistration<LadderFlags> registration(
      "fovea-pipeline",
      "The ladder: attention to LLVM, phases import, simplify, bufferize, schedule, tile, target, emit",
      [](OpPassManager &pm, const LadderFlags &flags) {
        std::optional<Phase> from = parsePhase(flags.from), to = parsePhase(flags.to);
        if (!from || !to)
          llvm::report_fatal_error(
              "--fovea-pipeline: unknown phase; phases are import, simplify, program, bufferize, schedule, tile, "
              "target, emit",
              /*gen_crash_diag=*/false);
        llvm::Expected<Target> target = Target::parse(flags.target);
        if (!target)
          llvm::report_fatal_error(target.takeError(), /*gen_crash_diag=*/false);
        buildLadder(pm, {*from, *to, target->loops, target->vectors, flags.dump, target->gpu});
      });
}
