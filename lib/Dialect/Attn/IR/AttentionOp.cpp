// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// attn.attention: what well-formed means.
#include "Regions.h"
#include "Rope.h"
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

#include <cmath>

using namespace mlir;
using namespace fovea::attn;

SmallVector<int64_t, 4> AttentionOp::dimensionOrder(Layout layout) {
  if (layout == Layout::BNHD)
    return {0, 2, 1, 3};
  return {0, 1, 2, 3};
}

double AttentionOp::getEffectiveScale() {
  if (auto scale = getScale())
    return scale->convertToDouble();
  return 1.0 / std::sqrt(static_cast<double>(getKeyHeadSize()));
}

namespace {

/// Queries, keys and values of one type; scores, sums and the log-sum-exp are f32.
LogicalResult verifyElementTypes(AttentionOp op) {
  Type element = op.getQueryType().getElementType();
  if (!element.isF32() && !element.isF16() && !element.isBF16())
    return op.emitOpError() << "query must have element type f32, f16 or bf16, got " << op.getQueryType();
  for (auto [type, name] : {std::pair(op.getKeyType(), "key"), std::pair(op.getValueType(), "value")})
    if (type.getElementType() != element)
      return op.emitOpError() << name << " must have element type " << element << " like query, got " << type;
  return success();
}

LogicalResult verifyOutputs(AttentionOp op, TypeRange types, StringRef name, const Shape &query, const Shape &value) {
  if (types.empty() || types.size() > 2)
    return op.emitOpError() << "has " << types.size() << " " << name
                            << "; it takes the output and optionally the log-sum-exp";
  auto output = cast<ShapedType>(types[0]);
  if (failed(verifyArray(op, output, "output", 4)))
    return failure();
  Type element = op.getQueryType().getElementType();
  if (output.getElementType() != element && !output.getElementType().isF32())
    return op.emitOpError() << "output must have element type " << element << (element.isF32() ? "" : " or f32")
                            << ", got " << output;
  Shape shape(output, op.getLayout());
  if (!mayAgree(shape.batches, query.batches) || !mayAgree(shape.heads, query.heads) ||
      !mayAgree(shape.positions, query.positions) || !mayAgree(shape.columns, value.columns) ||
      ShapedType::isDynamic(shape.columns))
    return op.emitOpError() << "output must have query's batches, heads and positions and value's head size, got "
                            << output;
  if (types.size() == 1)
    return success();
  auto lse = cast<ShapedType>(types[1]);
  if (failed(verifyArray(op, lse, "log-sum-exp", 3)))
    return failure();
  if (!lse.getElementType().isF32())
    return op.emitOpError() << "log-sum-exp must have element type f32, got " << lse;
  if (!mayAgree(lse.getDimSize(0), query.batches) || !mayAgree(lse.getDimSize(1), query.heads) ||
      !mayAgree(lse.getDimSize(2), query.positions))
    return op.emitOpError() << "log-sum-exp must be [B, Hq, Nq] in every layout, got " << lse;
  return success();
}

LogicalResult verifyQueryOffset(AttentionOp op, const Shape &query) {
  if (!op.getQOffset() || op.getQOffset().getType().isIndex())
    return success();
  auto type = cast<ShapedType>(op.getQOffset().getType());
  if (!type.hasRank() || type.getRank() != 1 || !type.getElementType().isSignlessIntOrIndex() ||
      type.getElementType().isInteger(1))
    return op.emitOpError() << "q_offset must be an index or one integer per sequence, got " << type;
  if (!mayAgree(type.getDimSize(0), query.batches))
    return op.emitOpError() << "q_offset must have one element per sequence (" << query.batches << "), got " << type;
  return success();
}

/// All tensors or all memrefs, as a whole op: half-bufferized ops mean nothing.
LogicalResult verifyForm(AttentionOp op) {
  bool onTensors = isa<TensorType>(op.getQuery().getType());
  SmallVector<Value> shaped = {op.getKey(), op.getValue()};
  llvm::append_range(shaped, op.getOuts());
  if (op.getQOffset() && !op.getQOffset().getType().isIndex())
    shaped.push_back(op.getQOffset());
  llvm::append_range(shaped, op.getQueryRope());
  llvm::append_range(shaped, op.getKeyRope());
  for (Value value : shaped)
    if (isa<TensorType>(value.getType()) != onTensors)
      return op.emitOpError() << "mixes tensors and memrefs";
  if (!onTensors && op.isValueForm())
    return op.emitOpError() << "on memrefs needs outs: the value form allocates, which only tensors do";
  if (!onTensors && op.getNumResults() != 0)
    return op.emitOpError() << "on memrefs writes its outs and has no results";
  if (onTensors && !op.isValueForm() && op.getResultTypes() != op.getOuts().getTypes())
    return op.emitOpError() << "must return the types of its outs";
  return success();
}

/// Tasks run in any order: memory that is written must not be read by any of them.
LogicalResult verifyOutsAreNotRead(AttentionOp op) {
  for (Value out : op.getOuts()) {
    if (!isa<BaseMemRefType>(out.getType()))
      continue; // a tensor is a value; bufferization keeps reads and writes apart
    bool isRead = llvm::count(op->getOperands(), out) != llvm::count(op.getOuts(), out);
    op->walk([&](memref::LoadOp load) { isRead |= load.getMemRef() == out; });
    if (isRead)
      return op.emitOpError() << "writes a memref that it also reads; give it an out of its own";
  }
  return success();
}

} // namespace

LogicalResult AttentionOp::verify() {
  if (failed(verifyForm(*this)) || failed(verifyArray(*this, getQueryType(), "query", 4)) ||
      failed(verifyArray(*this, getKeyType(), "key", 4)) || failed(verifyArray(*this, getValueType(), "value", 4)) ||
      failed(verifyElementTypes(*this)))
    return failure();
  Shape query(getQueryType(), getLayout()), key(getKeyType(), getLayout()), value(getValueType(), getLayout());
  if (failed(verifyHeadSizes(*this, query, key, value)) || failed(verifyShapes(*this, query, key, value)) ||
      failed(verifyQueryOffset(*this, query)))
    return failure();
  if (failed(verifyRope(*this, getQueryRope(), "query", query)) || failed(verifyRope(*this, getKeyRope(), "key", key)))
    return failure();
  bool isOffsetPerSequence = getQOffset() && !getQOffset().getType().isIndex();
  if (isOffsetPerSequence && getQueryRope().size() == 2 &&
      cast<ShapedType>(getQueryRope()[0].getType()).getRank() == 2)
    return emitOpError() << "has a q_offset per sequence; give query_rope the positions of the rows";
  if (isPointwise() && hasLse())
    return emitOpError() << "has pointwise weights, which have no log-sum-exp; drop it";
  if (auto scale = getScale(); scale && failed(verifyScale(*this, *scale)))
    return failure();
  if (isValueForm())
    return verifyOutputs(*this, getResultTypes(), "results", query, value);
  return verifyOutputs(*this, getOuts().getTypes(), "outs", query, value);
}

LogicalResult AttentionOp::verifyRegions() {
  if (failed(verifyScoreRegion(*this, getScore())) || failed(verifyMaskRegion(*this, getMask())))
    return failure();
  return verifyOutsAreNotRead(*this);
}

void AttentionOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  for (OpOperand &operand : (*this)->getOpOperands())
    if (isa<BaseMemRefType>(operand.get().getType()))
      effects.emplace_back(MemoryEffects::Read::get(), &operand, SideEffects::DefaultResource::get());
  for (OpOperand &out : getOutsMutable())
    if (isa<BaseMemRefType>(out.get().getType()))
      effects.emplace_back(MemoryEffects::Write::get(), &out, SideEffects::DefaultResource::get());
}

namespace {

/// A mask that is the constant true hides nothing.
struct DropTrueMask : OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AttentionOp op, PatternRewriter &rewriter) const override {
    if (!op.hasMask())
      return rewriter.notifyMatchFailure(op, "no mask");
    if (!matchPattern(op.getMask().front().getTerminator()->getOperand(0), m_One()))
      return rewriter.notifyMatchFailure(op, "the mask is not the constant true");
    rewriter.modifyOpInPlace(op, [&] { rewriter.eraseBlock(&op.getMask().front()); });
    return success();
  }
};

/// A score region that yields its own argument changes nothing.
struct DropIdentityScore : OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AttentionOp op, PatternRewriter &rewriter) const override {
    if (!op.hasScore())
      return rewriter.notifyMatchFailure(op, "no score region");
    Block &block = op.getScore().front();
    if (block.getTerminator()->getOperand(0) != block.getArgument(0))
      return rewriter.notifyMatchFailure(op, "the score is changed");
    rewriter.modifyOpInPlace(op, [&] { rewriter.eraseBlock(&block); });
    return success();
  }
};

} // namespace

void AttentionOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<DropTrueMask, DropIdentityScore>(context);
}
