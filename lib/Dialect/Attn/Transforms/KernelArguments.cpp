// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "fovea/Dialect/Attn/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/BuiltinOps.h"

namespace fovea::attn {
#define GEN_PASS_DEF_KERNELARGUMENTS
#include "fovea/Dialect/Attn/Transforms/Passes.h.inc"
} // namespace fovea::attn

using namespace mlir;
using namespace fovea::attn;

namespace {

/// The same shape with strides and offset left to the caller.
MemRefType withAnyStrides(MemRefType type) {
  SmallVector<int64_t> strides(type.getRank(), ShapedType::kDynamic);
  auto layout = StridedLayoutAttr::get(type.getContext(), ShapedType::kDynamic, strides);
  return MemRefType::get(type.getShape(), type.getElementType(), layout, type.getMemorySpace());
}

/// The allocation behind a returned value, or null.
memref::AllocOp allocationOf(Value value) {
  while (auto cast = value.getDefiningOp<memref::CastOp>())
    value = cast.getSource();
  return value.getDefiningOp<memref::AllocOp>();
}

/// Attention takes any strides, so do loads and dims; anything else keeps the type it was built for.
void relaxStrides(BlockArgument argument, OpBuilder &builder) {
  auto type = dyn_cast<MemRefType>(argument.getType());
  if (!type || withAnyStrides(type) == type)
    return;
  argument.setType(withAnyStrides(type));
  Value cast;
  for (OpOperand &use : llvm::make_early_inc_range(argument.getUses())) {
    if (isa<AttentionOp, memref::LoadOp, memref::DimOp>(use.getOwner()))
      continue;
    if (!cast)
      cast = memref::CastOp::create(builder, argument.getLoc(), type, argument);
    use.set(cast);
  }
}

/// Turns returned allocations into trailing arguments.
LogicalResult moveResults(func::FuncOp function, OpBuilder &builder) {
  auto terminator = cast<func::ReturnOp>(function.front().getTerminator());
  for (auto [index, value] : llvm::enumerate(terminator.getOperands())) {
    memref::AllocOp allocation = allocationOf(value);
    if (!allocation)
      return function.emitError() << "result " << index << " of kernel '" << function.getName()
                                  << "' is not computed by an attn op of its own; return what attn.attention returns, and return it once";
    Value argument = function.front().addArgument(withAnyStrides(allocation.getType()), value.getLoc());
    allocation.getResult().replaceAllUsesWith(argument);
    terminator->setOperand(index, argument); // a second return of the same result is seen as such
    allocation.erase();
  }
  builder.setInsertionPoint(terminator);
  func::ReturnOp::create(builder, terminator.getLoc());
  terminator.erase();
  return success();
}

/// Names by role, unless the source gave one.
void annotate(func::FuncOp function) {
  Builder builder(function.getContext());
  auto name = [&](Value value, StringRef role) {
    auto argument = dyn_cast_or_null<BlockArgument>(value);
    if (argument && argument.getOwner() == &function.front() && !function.getArgAttr(argument.getArgNumber(), "attn.name"))
      function.setArgAttr(argument.getArgNumber(), "attn.name", builder.getStringAttr(role));
  };
  function.walk([&](AttentionOp op) {
    name(op.getQuery(), "query");
    name(op.getKey(), "key");
    name(op.getValue(), "value");
    name(op.getQOffset(), "q_offset");
    for (auto [index, out] : llvm::enumerate(op.getOuts())) {
      name(out, index == 0 ? "out" : "lse");
      if (auto argument = dyn_cast<BlockArgument>(out))
        function.setArgAttr(argument.getArgNumber(), "attn.output", builder.getUnitAttr());
    }
  });
  for (BlockArgument argument : function.getArguments())
    name(argument, ("arg" + Twine(argument.getArgNumber())).str());
}

struct KernelArgumentsPass : fovea::attn::impl::KernelArgumentsBase<KernelArgumentsPass> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isExternal() || !function.isPublic())
        continue;
      OpBuilder builder(&getContext());
      if (failed(moveResults(function, builder)))
        return signalPassFailure();
      builder.setInsertionPointToStart(&function.front());
      for (BlockArgument argument : function.getArguments())
        relaxStrides(argument, builder);
      SmallVector<DictionaryAttr> attributes;
      function.getAllArgAttrs(attributes);
      attributes.resize(function.front().getNumArguments(), builder.getDictionaryAttr({}));
      function.setFunctionType(builder.getFunctionType(function.front().getArgumentTypes(), {}));
      function.setAllResultAttrs(ArrayRef<Attribute>());
      function.setAllArgAttrs(attributes);
      annotate(function);
    }
  }
};

} // namespace
