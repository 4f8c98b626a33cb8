// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Dialect/Attn/Utils/InlineRegion.h"

#include "fovea/Dialect/Attn/Utils/SafeOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

Value fovea::attn::inlineRegion(OpBuilder &builder, Region &region, ValueRange arguments) {
  Block &block = region.front();
  IRMapping mapping;
  mapping.map(block.getArguments(), arguments);
  for (Operation &op : block.without_terminator()) {
    if (auto load = dyn_cast<memref::LoadOp>(op)) {
      SmallVector<Value> indices;
      for (Value index : load.getIndices())
        indices.push_back(mapping.lookupOrDefault(index));
      mapping.map(load.getResult(),
                  loadOrZero(builder, op.getLoc(), mapping.lookupOrDefault(load.getMemRef()), indices));
      continue;
    }
    guardDivision(builder, builder.clone(op, mapping));
  }
  return mapping.lookupOrDefault(block.getTerminator()->getOperand(0));
}
