// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The ladder: from attention to LLVM, phase by phase. lib/Pipelines/Ladder.cpp is one screen.
#ifndef FOVEA_PIPELINES_LADDER_H
#define FOVEA_PIPELINES_LADDER_H

#include "fovea/Target/Target.h"
#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>

namespace mlir {
class ModuleOp;
class OpPassManager;
} // namespace mlir

namespace fovea {

/// A module is "in" a phase when that phase's passes have run; numbers are those of the dumps. Phases 1 (un-fused
/// attention becomes attn) and 3 (programs of ops around attention) have no passes yet.
enum class Phase { Import = 1, Simplify, Program, Bufferize, Schedule, Tile, Target, Emit };

llvm::StringRef phaseName(Phase phase);
/// By name ("tile") or number ("6").
std::optional<Phase> parsePhase(llvm::StringRef text);
/// The phase a module says it is in (`fovea.phase`), Import when it does not say.
Phase phaseOf(mlir::ModuleOp module);

struct LadderOptions {
  Phase from = Phase::Import; // the phase the module is in: later phases run
  Phase to = Phase::Emit;     // the last phase to run
  bool loops = false;         // target `loops`: scalar code instead of vectors
  VectorUnit vectors;         // of the target
  std::string dumpDirectory;  // "": none; else one numbered file per phase
  std::optional<GpuUnit> gpu; // of a target that is one
  bool hostSide = false;      // phase 8 of a GPU's module for the host, which plans, instead of its kernels
};

void buildLadder(mlir::OpPassManager &pm, const LadderOptions &options);

/// `--fovea-pipeline=from=... to=... target=... dump=...`
void registerLadder();

} // namespace fovea

#endif
