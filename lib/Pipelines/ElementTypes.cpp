// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Before phase 5 on CPUs: vector code and scalar loops compute on f32 alone.
#include "ElementTypes.h"

#include "fovea/Dialect/Attn/IR/Attn.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

using namespace mlir;
using fovea::attn::AttentionOp;

namespace {

struct CheckElementTypes : PassWrapper<CheckElementTypes, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(CheckElementTypes)
  StringRef getName() const override { return "CheckElementTypes"; }

  void runOnOperation() override {
    WalkResult result = getOperation().walk([](AttentionOp op) {
      Type element = op.getQueryType().getElementType();
      if (element.isF32())
        return WalkResult::advance();
      op.emitError() << "is on " << element << ", and CPU targets compute on f32 alone; convert query, key and value, "
                     << "or choose a GPU's code: cuda:sm_80, or sim:sm_80, which runs it on this machine";
      return WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace

std::unique_ptr<Pass> fovea::createCheckElementTypes() { return std::make_unique<CheckElementTypes>(); }
