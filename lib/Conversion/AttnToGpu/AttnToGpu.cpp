// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pass: what it refuses, and what the module gets besides kernels.
#include "../GpuCommon/Launches.h"
#include "KernelEmitter.h"
#include "fovea/Conversion/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace fovea {
#define GEN_PASS_DEF_CONVERTATTNTOGPU
#include "fovea/Conversion/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;
using namespace fovea::attn;

namespace {

/// What this kernel does not do yet, or no kernel can.
LogicalResult refuse(AttentionOp op) {
  Type element = op.getQueryType().getElementType();
  if (!isa<MemRefType>(op.getQuery().getType()))
    return op.emitOpError("is on tensors; bufferize before this pass (phase 4)");
  if (!op.getSchedule())
    return op.emitOpError("has no schedule; run --attn-schedule-gpu first (phase 5) or give it one");
  if (op.isPointwise())
    return op.emitOpError("has pointwise weights, for which there is no GPU code yet; compile it for a CPU");
  if (op.isLatent())
    return op.emitOpError("has latent keys and values, for which there is no GPU code yet; compile it for a CPU");
  if (op.getAdditive())
    return op.emitOpError("has additive scores, for which there is no GPU code yet; compile it for a CPU");
  if (op.hasNorm())
    return op.emitOpError("normalises its query or key, which no GPU code does yet; do that before the kernel, or "
                          "compile it for a CPU");
  if (op.hasRope() || op.hasFar())
    return op.emitOpError("rotates its query or key, which no GPU code does yet; rotate them before the kernel, or "
                          "compile it for a CPU");
  if (!element.isF16() && !element.isBF16())
    return op.emitOpError() << "is on " << element
                            << ", and GPU code multiplies f16 or bf16; convert query, key and value";
  for (int64_t size : {op.getKeyHeadSize(), op.getValueHeadSize()})
    if (size % kMmaDepth != 0 || size > 256)
      return op.emitOpError() << "has a head size of " << size << "; GPU code takes multiples of 16 up to 256";
  ScheduleAttr schedule = *op.getSchedule();
  if (schedule.getQueryTile() % kWarpRows != 0 || schedule.getQueryTile() > 256)
    return op.emitOpError() << "has a query_tile of " << schedule.getQueryTile()
                            << "; on a GPU it is 16 rows for each of at most 16 warps";
  if (schedule.getKeyBlock() % kMmaDepth != 0)
    return op.emitOpError() << "has a key_block of " << schedule.getKeyBlock() << "; on a GPU it is a multiple of 16";
  return success();
}

struct ConvertAttnToGpuPass : fovea::impl::ConvertAttnToGpuBase<ConvertAttnToGpuPass> {
  using ConvertAttnToGpuBase::ConvertAttnToGpuBase;

  void runOnOperation() override {
    Launches launches(getOperation());
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      for (LinearAttentionOp op : function.getOps<LinearAttentionOp>()) {
        op.emitOpError("has no GPU code yet; compile it for a CPU");
        return signalPassFailure();
      }
      for (AttentionOp op : llvm::to_vector(function.getOps<AttentionOp>()))
        if (failed(convert(function, op, launches)))
          return signalPassFailure();
      if (failed(approximateMath(function)))
        return signalPassFailure();
    }
    constexpr uint64_t kAlignment = 128; // a line of all banks
    launches.record(kAlignment);
  }

private:
  LogicalResult convert(func::FuncOp function, AttentionOp op, Launches &launches) {
    if (failed(refuse(op)))
      return failure();
    if (stages < 2)
      return op.emitOpError() << "cannot be computed in " << stages.getValue() << " stages; two are the least";
    Geometry geometry(*op.getSchedule(), stages, op.getKeyHeadSize(), op.getValueHeadSize(),
                      op.getQueryType().getElementType());
    if (geometry.sharedBytes() > sharedBytes)
      return op.emitOpError() << "needs " << geometry.sharedBytes() << " bytes of shared memory for its tiles, and the "
                              << "target has " << sharedBytes.getValue() << "; use a smaller key_block or query_tile";
    OpBuilder builder(op);
    // Of its shared memory a block may have all but a KiB, which the system takes of each.
    constexpr int64_t kReservedBytes = 1024;
    int64_t blocks = op.hasScore() ? 0 : geometry.blocksPerMultiprocessor(); // its code needs registers of its own
    if (blocks * (geometry.sharedBytes() + kReservedBytes) > sharedBytes + kReservedBytes)
      blocks = 0;
    Launch launch = {geometry.threads(), geometry.sharedBytes(), alignedParams(op), blocks};
    auto kernel = function->getAttrOfType<StringAttr>(kFallbackOf);
    if (!kernel)
      launches.add(function.getName(), launch);
    else if (failed(launches.addFallback(kernel, launch)))
      return function.emitError("is a fallback of kernel '")
             << kernel.getValue() << "', which fovea.launches does not have";
    emitKernel(op, geometry, /*mayPack=*/!kernel, builder);
    return success();
  }

  /// exp, tanh and their like of regions: upstream's polynomials. exp2 and log2 have instructions.
  static LogicalResult approximateMath(func::FuncOp function) {
    SmallVector<Operation *> found;
    function.walk([&](Operation *op) {
      if (isa_and_nonnull<math::MathDialect>(op->getDialect()) && !isa<math::Log2Op>(op))
        found.push_back(op);
    });
    RewritePatternSet patterns(function.getContext());
    populateMathPolynomialApproximationPatterns(patterns);
    GreedyRewriteConfig config;
    config.setStrictness(GreedyRewriteStrictness::ExistingAndNewOps);
    if (failed(applyOpPatternsGreedily(found, std::move(patterns), config)))
      return failure();
    WalkResult result = function.walk([](Operation *op) {
      bool isMath = isa_and_nonnull<math::MathDialect>(op->getDialect());
      if (!isMath || isa<math::AbsFOp, math::AbsIOp, math::CeilOp, math::CopySignOp, math::Exp2Op, math::FloorOp,
                         math::FmaOp, math::Log2Op, math::RoundEvenOp, math::SqrtOp, math::TruncOp>(op))
        return WalkResult::advance();
      op->emitOpError("has no code for GPUs yet");
      return WalkResult::interrupt();
    });
    return failure(result.wasInterrupted());
  }
};

} // namespace
