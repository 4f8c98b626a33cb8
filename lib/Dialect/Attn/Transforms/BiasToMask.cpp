// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "fovea/Dialect/Attn/Transforms/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SmallSet.h"

namespace fovea::attn {
#define GEN_PASS_DEF_BIASTOMASK
#include "fovea/Dialect/Attn/Transforms/Passes.h.inc"
} // namespace fovea::attn

using namespace mlir;
using namespace fovea::attn;

namespace {

constexpr StringLiteral kMark = "attn.mask_bias";

/// The marked argument that an element is read from, or nothing.
std::optional<unsigned> markedSource(Operation *read, func::FuncOp function) {
  if (!read || !isa<tensor::ExtractOp, memref::LoadOp>(read))
    return std::nullopt;
  auto argument = dyn_cast<BlockArgument>(read->getOperand(0));
  if (!argument || argument.getOwner() != &function.front() || !function.getArgAttr(argument.getArgNumber(), kMark))
    return std::nullopt;
  return argument.getArgNumber();
}

/// The terms of the sum that a score is. -inf survives sums and conversions to a wider type.
SetVector<Operation *> termsOf(Block &score) {
  SetVector<Operation *> sums, terms;
  sums.insert(score.getTerminator());
  for (size_t next = 0; next < sums.size(); ++next)
    for (Value operand : sums[next]->getOperands())
      if (Operation *op = operand.getDefiningOp(); op && op->getBlock() == &score)
        (isa<arith::AddFOp, arith::ExtFOp>(op) ? sums : terms).insert(op);
  return terms;
}

/// What `read` needs of its block, itself last; nothing if that includes the score.
std::optional<SmallVector<Operation *>> codeOf(Operation *read) {
  Block *score = read->getBlock();
  llvm::SmallPtrSet<Operation *, 8> needed = {read};
  SmallVector<Operation *> code;
  for (Operation &op : llvm::reverse(*score)) {
    if (!needed.contains(&op))
      continue;
    for (Value operand : op.getOperands()) {
      if (operand == score->getArgument(0))
        return std::nullopt;
      if (Operation *producer = operand.getDefiningOp(); producer && producer->getBlock() == score)
        needed.insert(producer);
    }
    code.push_back(&op);
  }
  std::reverse(code.begin(), code.end());
  return code;
}

/// An empty mask hides nothing.
void ensureMask(AttentionOp op) {
  if (op.hasMask())
    return;
  OpBuilder builder(op.getContext());
  Block *block = builder.createBlock(&op.getMask(), {}, SmallVector<Type>(4, builder.getIndexType()),
                                     SmallVector<Location>(4, op.getLoc()));
  builder.setInsertionPointToStart(block);
  YieldOp::create(builder, op.getLoc(), Value(arith::ConstantIntOp::create(builder, op.getLoc(), 1, 1)));
}

/// mask := mask and element > -inf
void hideWhereInfinite(AttentionOp op, ArrayRef<Operation *> code) {
  ensureMask(op);
  Block &score = op.getScore().front(), &mask = op.getMask().front();
  Operation *yield = mask.getTerminator();
  OpBuilder builder(yield);
  IRMapping mapping;
  for (auto [from, to] : llvm::zip(score.getArguments().drop_front(), mask.getArguments()))
    mapping.map(from, to);
  Operation *read = nullptr;
  for (Operation *needed : code)
    read = builder.clone(*needed, mapping);
  Location loc = read->getLoc();
  auto type = cast<FloatType>(read->getResult(0).getType());
  Value infinity = arith::ConstantOp::create(
      builder, loc, builder.getFloatAttr(type, APFloat::getInf(type.getFloatSemantics(), /*Negative=*/true)));
  Value shown = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OGT, read->getResult(0), infinity);
  yield->setOperand(0, arith::AndIOp::create(builder, loc, yield->getOperand(0), shown));
}

struct BiasToMaskPass : fovea::attn::impl::BiasToMaskBase<BiasToMaskPass> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isExternal())
      return;
    llvm::SmallSet<unsigned, 4> done;
    function.walk([&](AttentionOp op) {
      if (!op.hasScore() || op.isPointwise()) // a score of -inf hides nothing where there is no softmax
        return;
      for (Operation *term : termsOf(op.getScore().front())) {
        std::optional<unsigned> source = markedSource(term, function);
        std::optional<SmallVector<Operation *>> code = source ? codeOf(term) : std::nullopt;
        if (!code)
          continue;
        hideWhereInfinite(op, *code);
        done.insert(*source);
      }
    });
    for (BlockArgument argument : function.getArguments()) {
      unsigned number = argument.getArgNumber();
      if (!function.getArgAttr(number, kMark))
        continue;
      if (done.contains(number))
        function.removeArgAttr(number, kMark);
      else
        emitWarning(argument.getLoc()) << "argument " << number << " is marked " << kMark
                                       << ", but no score adds an element of it, so it hides nothing; let the score "
                                          "region end with arith.addf of such an element";
    }
  }
};

} // namespace
