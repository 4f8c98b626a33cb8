// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The end of phase 8: what MLIR's conversion to LLVM leaves behind.
#include "Lowered.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;

namespace {

struct CallLibm : PassWrapper<CallLibm, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(CallLibm)
  StringRef getName() const override { return "CallLibm"; }

  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, func::FuncDialect, vector::VectorDialect>();
  }

  void runOnOperation() override {
    auto isMath = [](Operation *op) {
      return isa_and_nonnull<math::MathDialect>(op->getDialect()) ? WalkResult::interrupt() : WalkResult::advance();
    };
    if (!getOperation().walk(isMath).wasInterrupted())
      return;
    OpPassManager rest(ModuleOp::getOperationName());
    rest.addPass(createConvertMathToLibmPass());
    rest.addPass(createConvertToLLVMPass()); // the calls, and the lanes that they take one by one
    if (failed(runPipeline(rest, getOperation())))
      signalPassFailure();
  }
};

struct CheckLowered : PassWrapper<CheckLowered, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(CheckLowered)
  StringRef getName() const override { return "CheckLowered"; }

  void runOnOperation() override {
    WalkResult result = getOperation().walk([](Operation *op) {
      if (isa<ModuleOp>(op) || isa_and_nonnull<LLVM::LLVMDialect>(op->getDialect()))
        return WalkResult::advance();
      op->emitOpError("has no lowering to LLVM for these types");
      return WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace

std::unique_ptr<Pass> fovea::createCallLibm() { return std::make_unique<CallLibm>(); }

std::unique_ptr<Pass> fovea::createCheckLowered() { return std::make_unique<CheckLowered>(); }
