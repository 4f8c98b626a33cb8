// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// attn.attention: what well-formed means.
#include "Outs.h"
#include "Regions.h"
#include "Rope.h"
#include "fovea/Dialect/Attn/IR/Attn.h"
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
  return getAdditive() ? 1.0 : 1.0 / std::sqrt(static_cast<double>(getKeyHeadSize()));
}

double AttentionOp::getEffectiveEpsilon() { return getEpsilon() ? getEpsilon()->convertToDouble() : 1e-6; }

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

/// The projections of a latent attention, and the cache that they project. `value` becomes the shape of what values
/// expand to.
LogicalResult verifyLatent(AttentionOp op, const Shape &query, const Shape &key, Shape &value) {
  if (op.getLatent().size() != 2)
    return op.emitOpError() << "has " << op.getLatent().size()
                            << " latent projections; it takes two, of keys and of values";
  if (op.getKey() != op.getValue())
    return op.emitOpError() << "is latent: keys and values come from one cache, which is given as both";
  if (op.isPointwise())
    return op.emitOpError() << "is latent and has pointwise weights, which nothing computes";
  if (!ShapedType::isDynamic(key.heads) && key.heads != 1)
    return op.emitOpError() << "is latent: all query heads share one head of the cache, got " << key.heads;
  for (auto [type, name] : {std::pair(op.getKeyUpType(), "key_up"), std::pair(op.getValueUpType(), "value_up")}) {
    if (failed(verifyArray(op, type, name, 3)))
      return failure();
    if (type.getElementType() != op.getQueryType().getElementType())
      return op.emitOpError() << name << " must have element type " << op.getQueryType().getElementType()
                              << " like query, got " << type;
    if (ShapedType::isDynamic(type.getDimSize(1)) || ShapedType::isDynamic(type.getDimSize(2)))
      return op.emitOpError() << name << " must be [heads, columns, latents] with static columns and latents, got "
                              << type;
    if (!mayAgree(type.getDimSize(0), query.heads))
      return op.emitOpError() << name << " must have a projection for each query head (" << query.heads << "), got "
                              << type;
  }
  value.columns = op.getValueHeadSize();
  int64_t latents = op.getLatentSize();
  if (op.getValueUpType().getDimSize(2) != latents)
    return op.emitOpError() << "key_up and value_up must project the same number of latents, got " << latents << " and "
                            << op.getValueUpType().getDimSize(2);
  if (latents < 1 || op.getOwnSize() < 1 || value.columns < 1 || op.getSharedSize() < 0 ||
      op.getOwnSize() + op.getSharedSize() != query.columns)
    return op.emitOpError() << "has " << key.columns << " columns in the cache, of which key_up makes "
                            << op.getOwnSize() << " of " << latents << " latents and leaves the others: that are not "
                            << "the " << query.columns << " columns of query";
  for (auto [tables, name] : {std::pair(op.getQueryRope(), "query"), std::pair(op.getKeyRope(), "key")})
    if (AttentionOp::getRotatedColumns(tables) > op.getSharedSize())
      return op.emitOpError() << "rotates more columns of " << name << " than the " << op.getSharedSize()
                              << " that do not come from latents";
  return success();
}

/// Gains of QK-norm: f32, one for each column.
LogicalResult verifyNorm(AttentionOp op, const Shape &query) {
  for (auto [gain, name] : {std::pair(op.getQueryNorm(), "query_norm"), std::pair(op.getKeyNorm(), "key_norm")}) {
    if (!gain)
      continue;
    auto type = cast<ShapedType>(gain.getType());
    if (failed(verifyF32Array(op, type, name, 1)))
      return failure();
    if (type.getDimSize(0) != query.columns)
      return op.emitOpError() << name << " must have a gain for each of " << query.columns << " columns, got " << type;
    if (op.isLatent())
      return op.emitOpError() << "is latent and has a " << name
                              << ", which nothing computes; latents are normalised before they enter the cache";
  }
  if (!op.getEpsilon())
    return success();
  if (!op.hasNorm())
    return op.emitOpError() << "has an epsilon and neither query_norm nor key_norm, whose epsilon it is";
  if (double epsilon = op.getEffectiveEpsilon(); !(epsilon >= 0) || !(epsilon <= 1))
    return op.emitOpError() << "epsilon must be in [0, 1], got " << epsilon;
  return success();
}

LogicalResult verifyAdditive(AttentionOp op, const Shape &query) {
  if (!op.getAdditive())
    return success();
  auto type = cast<ShapedType>(op.getAdditive().getType());
  if (failed(verifyF32Array(op, type, "additive", 2)))
    return failure();
  if (!mayAgree(type.getDimSize(0), query.heads) || type.getDimSize(1) != query.columns)
    return op.emitOpError() << "additive must have a weight for each query head and column (" << query.heads << " x "
                            << query.columns << "), got " << type;
  if (op.isLatent())
    return op.emitOpError() << "is latent and additive, which nothing computes";
  return success();
}

LogicalResult verifyFar(AttentionOp op, const Shape &query, const Shape &key) {
  if (!op.hasFar() && (!op.getFarQueryRope().empty() || !op.getFarKeyRope().empty()))
    return op.emitOpError() << "has far_query_rope or far_key_rope without `far`, which says for which pairs";
  if (op.hasFar() && op.isLatent())
    return op.emitOpError() << "is latent and has two rotations, which nothing computes";
  return failure(failed(verifyRope(op, op.getFarQueryRope(), "query", query)) ||
                 failed(verifyRope(op, op.getFarKeyRope(), "key", key)));
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

} // namespace

LogicalResult AttentionOp::verify() {
  if (failed(verifyForm(*this, getOuts())) || failed(verifyArray(*this, getQueryType(), "query", 4)) ||
      failed(verifyArray(*this, getKeyType(), "key", 4)) || failed(verifyArray(*this, getValueType(), "value", 4)) ||
      failed(verifyElementTypes(*this)))
    return failure();
  Shape query(getQueryType(), getLayout()), key(getKeyType(), getLayout()), value(getValueType(), getLayout());
  if (failed(verifyHeadSizes(*this, query, key, value, /*isLatent=*/isLatent())) ||
      failed(verifyShapes(*this, query, key, value)) || failed(verifyQueryOffset(*this, query)))
    return failure();
  if (isLatent() && failed(verifyLatent(*this, query, key, value)))
    return failure();
  if (!isLatent() && getForm())
    return emitOpError() << "has the form of a latent attention without latent projections";
  if (failed(verifyRope(*this, getQueryRope(), "query", query)) || failed(verifyRope(*this, getKeyRope(), "key", key)))
    return failure();
  if (failed(verifyNorm(*this, query)) || failed(verifyAdditive(*this, query)) || failed(verifyFar(*this, query, key)))
    return failure();
  bool isOffsetPerSequence = getQOffset() && !getQOffset().getType().isIndex();
  for (auto [rope, name] : {std::pair(getQueryRope(), "query_rope"), std::pair(getFarQueryRope(), "far_query_rope")})
    if (isOffsetPerSequence && rope.size() == 2 && cast<ShapedType>(rope[0].getType()).getRank() == 2)
      return emitOpError() << "has a q_offset per sequence; give " << name << " the positions of the rows";
  if (isPointwise() && hasLse())
    return emitOpError() << "has pointwise weights, which have no log-sum-exp; drop it";
  if (auto scale = getScale(); scale && failed(verifyScale(*this, *scale)))
    return failure();
  if (isValueForm())
    return verifyOutputs(*this, getResultTypes(), "results", query, value);
  return verifyOutputs(*this, getOuts().getTypes(), "outs", query, value);
}

LogicalResult AttentionOp::verifyRegions() {
  if (failed(verifyScoreRegion(*this, getScore())) || failed(verifyMaskRegion(*this, getMask())) ||
      failed(verifyFarRegion(*this, getFar())))
    return failure();
  return verifyOutsAreNotRead(*this, getOuts());
}

void AttentionOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  addEffects(*this, getOutsMutable(), effects);
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

/// Where every pair is far, or none is, there is one rotation.
struct DropConstantFar : OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AttentionOp op, PatternRewriter &rewriter) const override {
    if (!op.hasFar())
      return rewriter.notifyMatchFailure(op, "one rotation");
    Value condition = op.getFar().front().getTerminator()->getOperand(0);
    bool isFar = matchPattern(condition, m_One());
    if (!isFar && !matchPattern(condition, m_Zero()))
      return rewriter.notifyMatchFailure(op, "pairs of both kinds");
    rewriter.modifyOpInPlace(op, [&] {
      rewriter.eraseBlock(&op.getFar().front());
      if (isFar) {
        op.getQueryRopeMutable().assign(SmallVector<Value>(op.getFarQueryRope()));
        op.getKeyRopeMutable().assign(SmallVector<Value>(op.getFarKeyRope()));
      }
      op.getFarQueryRopeMutable().clear();
      op.getFarKeyRopeMutable().clear();
    });
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
  patterns.add<DropTrueMask, DropConstantFar, DropIdentityScore>(context);
}
