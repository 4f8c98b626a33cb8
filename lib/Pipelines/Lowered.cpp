// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Around phase 8's conversion to LLVM: what it does not take, and what it leaves behind.
#include "Lowered.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;

namespace {

/// The same bytes as i8. The cast is between two types that LLVM has one type for, and vanishes with the conversion.
Value asBytes(OpBuilder &b, Location loc, Value booleans) {
  auto type = cast<MemRefType>(booleans.getType());
  auto bytes = MemRefType::get(type.getShape(), b.getI8Type(), type.getLayout(), type.getMemorySpace());
  return UnrealizedConversionCastOp::create(b, loc, bytes, booleans).getResult(0);
}

Value isNotZero(OpBuilder &b, Location loc, Value bytes) {
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(bytes.getType()));
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, bytes, zero);
}

struct LoadBooleans : PassWrapper<LoadBooleans, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LoadBooleans)
  StringRef getName() const override { return "LoadBooleans"; }

  void getDependentDialects(DialectRegistry &registry) const override { registry.insert<arith::ArithDialect>(); }

  void runOnOperation() override {
    getOperation().walk([](Operation *op) {
      if (auto load = dyn_cast<memref::LoadOp>(op); load && load.getType().isInteger(1))
        widen(load);
      if (auto gather = dyn_cast<vector::GatherOp>(op); gather && gather.getVectorType().getElementType().isInteger(1))
        widen(gather);
    });
  }

  static void widen(memref::LoadOp op) {
    OpBuilder b(op);
    Value byte = memref::LoadOp::create(b, op.getLoc(), asBytes(b, op.getLoc(), op.getMemRef()), op.getIndices());
    op.replaceAllUsesWith(isNotZero(b, op.getLoc(), byte));
    op.erase();
  }

  static void widen(vector::GatherOp op) {
    OpBuilder b(op);
    Location loc = op.getLoc();
    VectorType type = op.getVectorType().clone(b.getI8Type());
    Value otherwise = arith::ExtUIOp::create(b, loc, type, op.getPassThru());
    Value bytes = vector::GatherOp::create(b, loc, type, asBytes(b, loc, op.getBase()), op.getOffsets(),
                                           op.getIndices(), op.getMask(), otherwise);
    op.replaceAllUsesWith(isNotZero(b, loc, bytes));
    op.erase();
  }
};

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
      if (isa<ModuleOp>(op) || isa_and_nonnull<LLVM::LLVMDialect, NVVM::NVVMDialect>(op->getDialect()))
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

std::unique_ptr<Pass> fovea::createLoadBooleans() { return std::make_unique<LoadBooleans>(); }

std::unique_ptr<Pass> fovea::createCallLibm() { return std::make_unique<CallLibm>(); }

std::unique_ptr<Pass> fovea::createCheckLowered() { return std::make_unique<CheckLowered>(); }
