// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Pipelines/Ladder.h"

#include "Bufferizable.h"
#include "ElementTypes.h"
#include "HostCode.h"
#include "Lowered.h"
#include "PhaseMark.h"
#include "fovea/Conversion/Passes.h"
#include "fovea/Dialect/Attn/Transforms/Passes.h"
#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Conversion/ConvertToLLVM/ToLLVMPass.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace fovea;

namespace {

void cleanUp(OpPassManager &pm) {
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

/// 2: attn on tensors -> the same, rotations in the loads, masks for biases that hide, no masks that hide nothing.
void simplify(OpPassManager &pm) {
  pm.addNestedPass<func::FuncOp>(attn::createFoldRope());
  pm.addNestedPass<func::FuncOp>(attn::createBiasToMask());
  pm.addNestedPass<func::FuncOp>(attn::createSimplifyMask());
  cleanUp(pm);
}

/// 4: tensors -> memrefs; attn ops stay whole. Then the signature that callers see.
void bufferize(OpPassManager &pm) {
  bufferization::OneShotBufferizePassOptions options;
  options.bufferizeFunctionBoundaries = true;
  options.functionBoundaryTypeConversion = bufferization::LayoutMapOption::InferLayoutMap;
  pm.addPass(createCheckBufferizable());
  pm.addPass(bufferization::createOneShotBufferizePass(options));
  pm.addPass(attn::createKernelArguments());
  cleanUp(pm);
}

/// 5: attn -> attn + #attn.schedule; linear attention gets a form first
void schedule(OpPassManager &pm, const LadderOptions &options) {
  if (options.gpu)
    return pm.addNestedPass<func::FuncOp>(attn::createScheduleGpu({options.gpu->hasWarpgroups}));
  pm.addPass(createCheckElementTypes());
  pm.addNestedPass<func::FuncOp>(attn::createSchedule({options.vectors.lanes, options.vectors.registers}));
  pm.addNestedPass<func::FuncOp>(attn::createChooseLinearForm());
  pm.addNestedPass<func::FuncOp>(
      attn::createScheduleLinearAttention({options.vectors.lanes, options.vectors.registers}));
}

/// Slices of arguments become address arithmetic, while there is little code to search.
void expandViews(OpPassManager &pm) {
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
}

/// 6: attn -> attn.task with tile ops. On a GPU the copies of one block overlap the products of another: its tasks are
/// made whole, in phase 7.
void tile(OpPassManager &pm, const LadderOptions &options) {
  if (options.gpu)
    return;
  pm.addNestedPass<func::FuncOp>(attn::createTile());
  pm.addNestedPass<func::FuncOp>(attn::createTileLinearAttention());
  expandViews(pm);
  cleanUp(pm);
}

/// 7, GPUs: attn -> attn.task with the code of one thread
void blockOfThreads(OpPassManager &pm, const GpuUnit &gpu) {
  if (gpu.hasWarpgroups) {
    ConvertAttnToHopperOptions hopper;
    hopper.sharedBytes = gpu.sharedBytes;
    pm.addPass(createConvertAttnToHopper(hopper));
  }
  ConvertAttnToGpuOptions options;
  options.sharedBytes = gpu.sharedBytes;
  pm.addPass(createConvertAttnToGpu(options));
  expandViews(pm);
  pm.addPass(createCSEPass()); // as good as canonical here: what is canonicalised after outlining comes out the same
}

/// 7: tile ops -> vector code or scalar loops; plan, task and classify functions per kernel, scratch in one arena.
void target(OpPassManager &pm, const LadderOptions &options) {
  if (options.gpu)
    blockOfThreads(pm, *options.gpu);
  else if (options.loops) {
    pm.addNestedPass<func::FuncOp>(createConvertAttnTileToLoops());
    pm.addNestedPass<func::FuncOp>(createConvertAttnLinearToLoops());
  } else {
    pm.addPass(createConvertAttnTileToVector());
    pm.addPass(createConvertAttnLinearToVector());
  }
  pm.addNestedPass<func::FuncOp>(attn::createPlanArena());
  pm.addNestedPass<func::FuncOp>(attn::createSummarizeLoads());
  pm.addPass(attn::createOutlineTasks());
  pm.addNestedPass<func::FuncOp>(attn::createExpandTileBounds());
  cleanUp(pm);
  pm.addNestedPass<func::FuncOp>(createLoopInvariantCodeMotionPass());
}

/// 8: everything -> the LLVM dialect, in one conversion
void emit(OpPassManager &pm, const LadderOptions &options) {
  if (options.hostSide)
    pm.addPass(createKeepHostCode());
  else if (options.gpu && options.gpu->isSimulated)
    pm.addPass(createConvertNVVMToSimulator({options.gpu->seed}));
  else if (options.gpu)
    pm.addPass(createConvertTasksToKernels());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createLoadBooleans());
  ConvertToLLVMPassOptions toLLVM;
  // No pattern here fails after it changed something; without a log to undo it, conversion is twice as fast.
  toLLVM.allowPatternRollback = false;
  pm.addPass(createConvertToLLVMPass(toLLVM));
  if (!options.gpu || options.hostSide)
    pm.addPass(createCallLibm());
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(createCheckLowered());
}

} // namespace

void fovea::buildLadder(OpPassManager &pm, const LadderOptions &options) {
  auto phase = [&](Phase phase, auto addPasses) {
    if (phase <= options.from || phase > options.to)
      return;
    addPasses();
    pm.addPass(createPhaseMark(phase, options.dumpDirectory));
  };
  phase(Phase::Simplify, [&] { simplify(pm); });
  phase(Phase::Bufferize, [&] { bufferize(pm); });
  phase(Phase::Schedule, [&] { schedule(pm, options); });
  phase(Phase::Tile, [&] { tile(pm, options); });
  phase(Phase::Target, [&] { target(pm, options); });
  phase(Phase::Emit, [&] { emit(pm, options); });
}
