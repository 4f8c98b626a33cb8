// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "UniformCode.h"

#include "fovea/Analysis/MaskClassifier.h"
#include "fovea/Dialect/Attn/Utils/SafeOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace fovea {

void cloneWithoutTraps(MaskRangeBuilder &builder, Operation &op, IRMapping &mapping) {
  if (auto load = dyn_cast<memref::LoadOp>(op)) {
    SmallVector<Value> indices;
    for (Value index : load.getIndices())
      indices.push_back(mapping.lookupOrDefault(index));
    Value memref = mapping.lookupOrDefault(load.getMemRef());
    mapping.map(load.getResult(), attn::loadOrZero(builder.getBuilder(), builder.getLoc(), memref, indices));
    return;
  }
  Operation *clone = builder.getBuilder().clone(op, mapping);
  attn::guardDivision(builder.getBuilder(), clone);
  SmallVector<Value> folded;
  if (!clone->hasTrait<OpTrait::ConstantLike>() && succeeded(builder.getBuilder().tryFold(clone, folded)))
    for (auto [result, value] : llvm::zip(op.getResults(), folded))
      mapping.map(result, value);
}

DeadCodeTrimmer::DeadCodeTrimmer(OpBuilder &builder) : builder(builder), outer(builder.getListener()) {
  builder.setListener(this);
}

DeadCodeTrimmer::~DeadCodeTrimmer() { builder.setListener(outer); }

void DeadCodeTrimmer::notifyOperationInserted(Operation *op, OpBuilder::InsertPoint previous) {
  created.push_back(op);
  if (outer)
    outer->notifyOperationInserted(op, previous);
}

void DeadCodeTrimmer::trim(ValueRange keep) {
  DenseSet<Operation *> gone; // with the op around them
  for (Operation *op : llvm::reverse(created)) {
    if (gone.contains(op))
      continue;
    bool isKept = llvm::any_of(op->getResults(), [&](Value result) { return llvm::is_contained(keep, result); });
    if (isKept || !isOpTriviallyDead(op))
      continue;
    op->walk([&](Operation *inner) { gone.insert(inner); });
    if (auto *rewriteListener = dyn_cast_if_present<RewriterBase::Listener>(outer))
      rewriteListener->notifyOperationErased(op);
    op->erase();
  }
  created.clear();
}

} // namespace fovea
