// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "KernelEntry.h"

#include "KernelAbi.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace fovea::attn;

void fovea::attn::cloneWithOperands(OpBuilder &builder, Operation *op, Block *block, IRMapping &mapping) {
  if (op->getBlock() != block || mapping.contains(op))
    return;
  // Operands of the op and of the ops in its regions alike: what is used from above.
  op->walk([&](Operation *inner) {
    for (Value operand : inner->getOperands())
      if (Operation *producer = operand.getDefiningOp(); producer && producer->getBlock() == block && producer != op)
        cloneWithOperands(builder, producer, block, mapping);
  });
  builder.clone(*op, mapping);
}

Entry fovea::attn::beginEntry(Kernel &kernel, StringRef suffix, TypeRange arguments) {
  OpBuilder builder(kernel.function);
  auto type = builder.getFunctionType(arguments, builder.getI32Type());
  auto function =
      func::FuncOp::create(builder, kernel.function.getLoc(), (kernel.function.getName() + suffix).str(), type);
  Block *block = function.addEntryBlock();
  builder.setInsertionPointToStart(block);
  IRMapping mapping;
  ImplicitLocOpBuilder b(function.getLoc(), builder);
  for (BlockArgument argument : kernel.function.getArguments())
    mapping.map(argument, unpackValue(b, block->getArgument(0), argument.getArgNumber(), argument.getType()));
  unsigned next = kernel.function.getNumArguments(); // values of summaries follow those of arguments
  for (SummaryOp op : kernel.summaries) {
    Value stored = unpackValue(b, block->getArgument(0), next++, op.getTable().getType());
    mapping.map(op.getTable(), SummaryOp::create(b, mapping.lookup(op.getSource()), op.getKind(), op.getDims(),
                                                 op.getGrains(), stored));
  }
  builder.restoreInsertionPoint(b.saveInsertionPoint());
  for (Operation *op : kernel.prologue)
    if (!isa<SummaryOp>(op))
      builder.clone(*op, mapping);
  return {function, mapping, builder};
}

void fovea::attn::resolveSizes(func::FuncOp function) {
  function.walk([](memref::DimOp op) {
    std::optional<int64_t> index = op.getConstantIndex();
    if (!index)
      return;
    OpBuilder builder(op);
    auto metadata = memref::ExtractStridedMetadataOp::create(builder, op.getLoc(), op.getSource());
    op.replaceAllUsesWith(metadata.getSizes()[*index]);
    op.erase();
  });
}
