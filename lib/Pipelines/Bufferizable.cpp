// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Before phase 4: bufferization refuses other code on tensors without a reason, or makes buffers that no kernel can
// return.
#include "Bufferizable.h"
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

using namespace mlir;

namespace {

/// The dialects whose ops phase 4 knows.
bool isKnown(Operation *op) {
  return isa_and_nonnull<fovea::attn::AttnDialect, arith::ArithDialect, bufferization::BufferizationDialect,
                         func::FuncDialect, tensor::TensorDialect>(op->getDialect());
}

struct CheckBufferizable : PassWrapper<CheckBufferizable, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(CheckBufferizable)
  StringRef getName() const override { return "CheckBufferizable"; }

  void runOnOperation() override {
    WalkResult result = getOperation().walk<WalkOrder::PreOrder>([](Operation *op) {
      auto isTensor = [](Type type) { return isa<TensorType>(type); };
      if (isKnown(op) ||
          (llvm::none_of(op->getOperandTypes(), isTensor) && llvm::none_of(op->getResultTypes(), isTensor)))
        return WalkResult::advance();
      op->emitError("'") << op->getName()
                         << "' on tensors has no place in a kernel, which is one attn.attention with slices, reshapes "
                            "and scalar code around it; let the caller do it, between kernels";
      return WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace

std::unique_ptr<Pass> fovea::createCheckBufferizable() { return std::make_unique<CheckBufferizable>(); }
