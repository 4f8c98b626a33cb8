// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Patterns.h"
#include "fovea/Conversion/Passes.h"
#include "fovea/Conversion/TileTypes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace fovea {
#define GEN_PASS_DEF_CONVERTATTNTILETOVECTOR
#include "fovea/Conversion/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;
using namespace fovea::attn;

namespace {

/// Schedules agree within a task; types only know rows, so the panel width comes from the one task around them.
FailureOr<ScheduleAttr> commonSchedule(func::FuncOp function) {
  ScheduleAttr schedule;
  WalkResult result = function.walk([&](TaskOp task) {
    if (schedule && schedule != task.getSchedule()) {
      task.emitOpError("has another schedule than the task before it; one function, one schedule");
      return WalkResult::interrupt();
    }
    schedule = task.getSchedule();
    if (!llvm::isPowerOf2_64(schedule.getLanes()) || schedule.getLanes() < 2) {
      task.emitOpError("has ") << schedule.getLanes() << " lanes; vector code needs a power of two, at least 2";
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  if (result.wasInterrupted())
    return failure();
  return schedule;
}

/// Marks a math.fma that a region wrote, while polynomials join it.
constexpr StringLiteral kWritten = "fovea.written";

struct ConvertAttnTileToVectorPass : fovea::impl::ConvertAttnTileToVectorBase<ConvertAttnTileToVectorPass> {
  void runOnOperation() override {
    for (auto function : llvm::to_vector(getOperation().getOps<func::FuncOp>()))
      if (failed(convert(function)))
        return signalPassFailure();
  }

  LogicalResult convert(func::FuncOp function) {
    FailureOr<ScheduleAttr> schedule = commonSchedule(function);
    if (failed(schedule))
      return failure();
    if (!*schedule)
      return success(); // no task
    TypeConverter types;
    types.addConversion([](Type type) { return type; });
    types.addConversion([panel = schedule->getPanel()](TileType type) -> Type {
      if (type.getRole() == TileRole::Query)
        return MemRefType::get({type.getRows() / panel, type.getColumns(), panel}, type.getElementType());
      auto layout = StridedLayoutAttr::get(type.getContext(), ShapedType::kDynamic, {type.getColumns(), 1});
      return MemRefType::get({type.getRows(), type.getColumns()}, type.getElementType(), layout);
    });
    types.addConversion(
        [panel = schedule->getPanel()](StateType type, SmallVectorImpl<Type> &buffers) -> std::optional<LogicalResult> {
          int64_t panels = type.getRows() / panel;
          buffers.push_back(MemRefType::get({panels, type.getColumns(), panel}, type.getElementType()));
          buffers.push_back(MemRefType::get({panels, 2, panel}, type.getElementType()));
          return success();
        });
    RewritePatternSet patterns(&getContext());
    populateLoadTilePatterns(types, patterns);
    populateStatePatterns(types, patterns);
    populateUpdatePatterns(types, patterns);
    if (failed(convertTileOps(function, types, std::move(patterns))))
      return failure();
    return approximateMath(function);
  }

  static SmallVector<Operation *> mathOnVectors(func::FuncOp function) {
    SmallVector<Operation *> found;
    function.walk([&](Operation *op) {
      if (isa_and_nonnull<math::MathDialect>(op->getDialect()) && isa<VectorType>(op->getResult(0).getType()))
        found.push_back(op);
    });
    return found;
  }

  /// tanh, exp and their like on vectors: upstream's polynomials instead of one libm call per lane. Scalar ones keep
  /// libm, so that a kernel's log-sum-exp does not depend on what its mask happens to contain.
  LogicalResult approximateMath(func::FuncOp function) {
    SmallVector<Operation *> onVectors = mathOnVectors(function);
    if (onVectors.empty())
      return success();
    for (Operation *op : onVectors)
      if (isa<math::FmaOp>(op))
        op->setAttr(kWritten, UnitAttr::get(&getContext()));
    RewritePatternSet patterns(&getContext());
    populateMathPolynomialApproximationPatterns(patterns);
    GreedyRewriteConfig config;
    config.setStrictness(GreedyRewriteStrictness::ExistingAndNewOps);
    if (failed(applyOpPatternsGreedily(onVectors, std::move(patterns), config)))
      return failure();
    for (Operation *op : mathOnVectors(function))
      if (isa<math::FmaOp>(op) && !op->removeAttr(kWritten))
        relaxFma(op);
    return success();
  }

  /// math.fma rounds once: without the instruction, LLVM calls libm for every lane. A polynomial asks for less.
  static void relaxFma(Operation *op) {
    OpBuilder b(op);
    op->replaceAllUsesWith(
        vector::FMAOp::create(b, op->getLoc(), op->getOperand(0), op->getOperand(1), op->getOperand(2)));
    op->erase();
  }
};

} // namespace
