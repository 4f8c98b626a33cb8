// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "DescribeKernel.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/ADT/SmallBitVector.h"

using namespace mlir;
using namespace fovea::attn;

namespace {

/// Arguments whose content decides the task bounds: read by the mask or on the way to it.
llvm::SmallBitVector frozenArguments(Kernel &kernel) {
  llvm::SmallBitVector frozen(kernel.function.getNumArguments());
  for (SummaryOp op : kernel.summaries)
    frozen.set(cast<BlockArgument>(op.getSource()).getArgNumber());
  SmallVector<Operation *> worklist = {kernel.bounds};
  llvm::SmallPtrSet<Operation *, 16> seen;
  while (!worklist.empty()) {
    worklist.pop_back_val()->walk([&](Operation *op) {
      if (auto load = dyn_cast<memref::LoadOp>(op)) {
        Value memref = load.getMemRef();
        while (Operation *view = memref.getDefiningOp()) {
          if (view->getNumOperands() == 0)
            break; // a constant
          memref = view->getOperand(0);
        }
        if (auto argument = dyn_cast<BlockArgument>(memref);
            argument && argument.getOwner() == &kernel.function.front())
          frozen.set(argument.getArgNumber());
      }
      for (Value operand : op->getOperands())
        if (Operation *producer = operand.getDefiningOp(); producer && seen.insert(producer).second)
          worklist.push_back(producer);
    });
  }
  return frozen;
}

int64_t arenaBytes(Kernel &kernel) {
  for (auto allocation : kernel.task.getBody().front().getOps<memref::AllocOp>())
    return allocation.getType().getDimSize(0);
  return 0;
}

/// In the order of their values.
ArrayAttr describeSummaries(Kernel &kernel, Builder &b) {
  SmallVector<Attribute> summaries;
  for (SummaryOp op : kernel.summaries) {
    NamedAttrList summary;
    summary.set("param", b.getI64IntegerAttr(cast<BlockArgument>(op.getSource()).getArgNumber()));
    summary.set("kind", b.getStringAttr(stringifySummaryKind(op.getKind())));
    summary.set("dims", op.getDimsAttr());
    summary.set("grains", op.getGrainsAttr());
    summaries.push_back(summary.getDictionary(b.getContext()));
  }
  return b.getArrayAttr(summaries);
}

} // namespace

DictionaryAttr fovea::attn::describeKernel(Kernel &kernel) {
  Builder b(kernel.function.getContext());
  llvm::SmallBitVector frozen = frozenArguments(kernel);
  SmallVector<Attribute> params, messages;
  for (BlockArgument argument : kernel.function.getArguments()) {
    unsigned index = argument.getArgNumber();
    NamedAttrList param;
    param.set("type", TypeAttr::get(argument.getType()));
    for (StringRef name : {"name", "dims", "output"})
      if (Attribute value = kernel.function.getArgAttr(index, ("attn." + name).str()))
        param.set(name, value);
    bool isSorted = kernel.function.getArgAttr(index, "attn.sorted") != nullptr;
    if (isSorted)
      param.set("sorted", b.getUnitAttr());
    Attribute indexed = kernel.function.getArgAttr(index, "attn.indexes");
    if (indexed)
      param.set("indexes", indexed);
    if (isSorted || indexed || frozen.test(index))
      param.set("frozen", b.getUnitAttr());
    params.push_back(param.getDictionary(b.getContext()));
  }
  for (cf::AssertOp check : kernel.asserts)
    messages.push_back(check.getMsgAttr());
  NamedAttrList description;
  description.set("name", kernel.function.getSymNameAttr());
  description.set("params", b.getArrayAttr(params));
  description.set("messages", b.getArrayAttr(messages));
  description.set("arena", b.getI64IntegerAttr(arenaBytes(kernel)));
  if (!kernel.summaries.empty())
    description.set("summaries", describeSummaries(kernel, b));
  return description.getDictionary(b.getContext());
}
