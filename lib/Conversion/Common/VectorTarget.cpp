// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "VectorTarget.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace fovea;
using namespace fovea::attn;

/// Marks a math.fma that a region wrote, while polynomials join it.
constexpr StringLiteral kWritten = "fovea.written";

/// Null if there is no task.
static FailureOr<ScheduleAttr> commonSchedule(func::FuncOp function) {
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

LogicalResult fovea::convertTasks(ModuleOp module, function_ref<LogicalResult(func::FuncOp, ScheduleAttr)> convert) {
  for (auto function : llvm::to_vector(module.getOps<func::FuncOp>())) {
    FailureOr<ScheduleAttr> schedule = commonSchedule(function);
    if (failed(schedule) || (*schedule && failed(convert(function, *schedule))))
      return failure();
  }
  return success();
}

static SmallVector<Operation *> mathOnVectors(func::FuncOp function) {
  SmallVector<Operation *> found;
  function.walk([&](Operation *op) {
    if (isa_and_nonnull<math::MathDialect>(op->getDialect()) && isa<VectorType>(op->getResult(0).getType()))
      found.push_back(op);
  });
  return found;
}

/// math.fma rounds once: without the instruction, LLVM calls libm for every lane. A polynomial asks for less.
static void relaxFma(Operation *op) {
  OpBuilder b(op);
  op->replaceAllUsesWith(
      vector::FMAOp::create(b, op->getLoc(), op->getOperand(0), op->getOperand(1), op->getOperand(2)));
  op->erase();
}

LogicalResult fovea::approximateMath(func::FuncOp function) {
  SmallVector<Operation *> onVectors = mathOnVectors(function);
  if (onVectors.empty())
    return success();
  for (Operation *op : onVectors)
    if (isa<math::FmaOp>(op))
      op->setAttr(kWritten, UnitAttr::get(function.getContext()));
  RewritePatternSet patterns(function.getContext());
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
