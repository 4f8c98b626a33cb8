// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// attn.linear_attention: what well-formed means.
#include "Outs.h"
#include "Regions.h"
#include "Shapes.h"
#include "fovea/Dialect/Attn/IR/Attn.h"

using namespace mlir;
using namespace fovea::attn;

namespace {

/// [Hkv], [B, Hkv, N] or [B, Hkv, N, Dk], the heads and positions as the layout has them.
LogicalResult verifyDecay(LinearAttentionOp op, const Shape &key) {
  if (!op.getDecay())
    return success();
  auto type = cast<ShapedType>(op.getDecay().getType());
  if (!op.isCausal())
    return op.emitOpError() << "has a decay in direction full, where tokens have no order; use direction <causal>";
  if (!type.hasRank() || (type.getRank() != 1 && type.getRank() != 3 && type.getRank() != 4))
    return op.emitOpError() << "decay must be per head [Hkv], per token [B, Hkv, N], or per token and channel "
                               "[B, Hkv, N, Dk], got "
                            << type;
  if (failed(verifyF32Array(op, type, "decay", type.getRank())))
    return failure();
  if (type.getRank() == 1)
    return mayAgree(type.getDimSize(0), key.heads) ? success()
                                                   : op.emitOpError()
                                                         << "decay per head must have one element for each of "
                                                         << key.heads << " kv heads, got " << type;
  SmallVector<int64_t, 4> order = AttentionOp::dimensionOrder(op.getLayout());
  if (!mayAgree(type.getDimSize(0), key.batches) || !mayAgree(type.getDimSize(order[1]), key.heads) ||
      !mayAgree(type.getDimSize(order[2]), key.positions) || (type.getRank() == 4 && type.getDimSize(3) != key.columns))
    return op.emitOpError() << "decay must have key's batches, heads and positions"
                            << (type.getRank() == 4 ? ", and its head size" : "") << ", got " << type;
  return success();
}

LogicalResult verifyState(LinearAttentionOp op, Type stateType, StringRef name, const Shape &key) {
  auto type = cast<ShapedType>(stateType);
  if (failed(verifyF32Array(op, type, name, 4)))
    return failure();
  if (!mayAgree(type.getDimSize(0), key.batches) || !mayAgree(type.getDimSize(1), key.heads) ||
      type.getDimSize(2) != op.getKeyHeadSize() || type.getDimSize(3) != op.getStateColumns())
    return op.emitOpError() << name << " must be [B, Hkv, " << op.getKeyHeadSize() << ", " << op.getStateColumns()
                            << "]" << (keepsKeySum(op.getNormalizer()) ? ", the last column for the normalizer" : "")
                            << ", got " << type;
  return success();
}

LogicalResult verifyOutputs(LinearAttentionOp op, TypeRange types, StringRef name, const Shape &query, const Shape &key,
                            const Shape &value) {
  if (types.empty() || types.size() > 2)
    return op.emitOpError() << "has " << types.size() << " " << name
                            << "; it takes the output and optionally the final state";
  auto output = cast<ShapedType>(types[0]);
  if (failed(verifyF32Array(op, output, "output", 4)))
    return failure();
  Shape shape(output, op.getLayout());
  if (!mayAgree(shape.batches, query.batches) || !mayAgree(shape.heads, query.heads) ||
      !mayAgree(shape.positions, query.positions) || shape.columns != value.columns)
    return op.emitOpError() << "output must have query's batches, heads and positions and value's head size, got "
                            << output;
  return types.size() == 1 ? success() : verifyState(op, types[1], "final state", key);
}

/// [B, Hkv, N], the heads and positions as the layout has them.
LogicalResult verifyRule(LinearAttentionOp op, const Shape &key) {
  if (!op.isDelta())
    return op.getBeta() ? op.emitOpError() << "has a beta, which only rule <delta> uses" : success();
  if (!op.getBeta())
    return op.emitOpError() << "has rule <delta> without a beta, the strength of each write: beta [B, Hkv, N]";
  if (!op.isCausal())
    return op.emitOpError() << "has rule <delta> in direction full, where tokens have no order; use direction <causal>";
  if (keepsKeySum(op.getNormalizer()))
    return op.emitOpError() << "has rule <delta>, whose state is no sum of keys that a normalizer could divide by; use "
                               "normalizer <none> or <norm>";
  auto type = cast<ShapedType>(op.getBeta().getType());
  if (failed(verifyF32Array(op, type, "beta", 3)))
    return failure();
  SmallVector<int64_t, 4> order = AttentionOp::dimensionOrder(op.getLayout());
  if (!mayAgree(type.getDimSize(0), key.batches) || !mayAgree(type.getDimSize(order[1]), key.heads) ||
      !mayAgree(type.getDimSize(order[2]), key.positions))
    return op.emitOpError() << "beta must have key's batches, heads and positions, got " << type;
  return success();
}

LogicalResult verifyLengths(LinearAttentionOp op, const Shape &key) {
  if (!op.getLengths())
    return success();
  auto type = cast<ShapedType>(op.getLengths().getType());
  if (!type.hasRank() || type.getRank() != 1 || !type.getElementType().isSignlessIntOrIndex() ||
      type.getElementType().isInteger(1))
    return op.emitOpError() << "lengths must be one integer per sequence, got " << type;
  if (!mayAgree(type.getDimSize(0), key.batches))
    return op.emitOpError() << "lengths must have one element per sequence (" << key.batches << "), got " << type;
  return success();
}

LogicalResult verifyLinearForm(LinearAttentionOp op) {
  LinearForm form = op.getForm().value_or(LinearForm::Chunked);
  if (form != LinearForm::Chunked && !op.isCausal())
    return op.emitOpError()
           << "in direction full has no form but <chunked>: the state of all keys comes before any output";
  if (form == LinearForm::Parallel && (op.hasInitialState() || op.hasFinalState()))
    return op.emitOpError() << "in form <parallel> has no state; drop initial and final state, or use form <chunked>";
  int64_t positions = Shape(op.getKeyType(), op.getLayout()).positions;
  if (form == LinearForm::Parallel && (ShapedType::isDynamic(positions) || positions > kMaxParallelTokens))
    return op.emitOpError() << "in form <parallel> must have a static number of tokens, at most " << kMaxParallelTokens
                            << ": all of them are one chunk";
  return success();
}

LogicalResult verifyNumbers(LinearAttentionOp op) {
  if (failed(verifyScale(op, op.getScale())))
    return failure();
  if (op.isNormalized() && !op.getScale().isExactlyValue(1.0))
    return op.emitOpError() << "divides by a normalizer, which a scale would not reach; leave the scale out";
  double epsilon = op.getEpsilon().convertToDouble();
  if (!(epsilon >= 0) || epsilon > 1e30)
    return op.emitOpError() << "epsilon must be a number that is not negative, got " << epsilon;
  return success();
}

} // namespace

LogicalResult LinearAttentionOp::verify() {
  if (failed(verifyForm(*this, getOuts())) || failed(verifyF32Array(*this, getQueryType(), "query", 4)) ||
      failed(verifyF32Array(*this, getKeyType(), "key", 4)) ||
      failed(verifyF32Array(*this, getValueType(), "value", 4)))
    return failure();
  Shape query(getQueryType(), getLayout()), key(getKeyType(), getLayout()), value(getValueType(), getLayout());
  if (failed(verifyHeadSizes(*this, query, key, value)) || failed(verifyShapes(*this, query, key, value)) ||
      failed(verifyDecay(*this, key)) || failed(verifyRule(*this, key)) || failed(verifyLengths(*this, key)) ||
      failed(verifyNumbers(*this)) || failed(verifyLinearForm(*this)))
    return failure();
  if (isCausal() && !mayAgree(query.positions, key.positions))
    return emitOpError() << "is causal with " << query.positions << " queries and " << key.positions
                         << " keys; every token has both, unless the direction is full";
  if (getInitialState() && failed(verifyState(*this, getInitialState().getType(), "initial_state", key)))
    return failure();
  if (isValueForm())
    return verifyOutputs(*this, getResultTypes(), "results", query, key, value);
  return verifyOutputs(*this, getOuts().getTypes(), "outs", query, key, value);
}

LogicalResult LinearAttentionOp::verifyRegions() {
  if (failed(verifyFeatureRegion(*this, getFeature())))
    return failure();
  return verifyOutsAreNotRead(*this, getOuts());
}

void LinearAttentionOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  addEffects(*this, getOutsMutable(), effects);
}
