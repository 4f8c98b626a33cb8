// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// attn.linear_attention: what well-formed means.
#include "Regions.h"
#include "Shapes.h"
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

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
                            << "]" << (op.isNormalized() ? ", the last column for the normalizer" : "") << ", got "
                            << type;
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

/// All tensors or all memrefs, as a whole op: half-bufferized ops mean nothing.
LogicalResult verifyForm(LinearAttentionOp op) {
  bool onTensors = isa<TensorType>(op.getQuery().getType());
  for (Value value : op->getOperands())
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
  if (failed(verifyForm(*this)) || failed(verifyF32Array(*this, getQueryType(), "query", 4)) ||
      failed(verifyF32Array(*this, getKeyType(), "key", 4)) ||
      failed(verifyF32Array(*this, getValueType(), "value", 4)))
    return failure();
  Shape query(getQueryType(), getLayout()), key(getKeyType(), getLayout()), value(getValueType(), getLayout());
  if (failed(verifyHeadSizes(*this, query, key, value)) || failed(verifyShapes(*this, query, key, value)) ||
      failed(verifyDecay(*this, key)) || failed(verifyNumbers(*this)))
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

/// Tasks run in any order: memory that is written must not be read by any of them.
LogicalResult LinearAttentionOp::verifyRegions() {
  if (failed(verifyFeatureRegion(*this, getFeature())))
    return failure();
  for (Value out : getOuts()) {
    if (!isa<BaseMemRefType>(out.getType()))
      continue;
    bool isRead = llvm::is_contained({getQuery(), getKey(), getValue(), getDecay(), getInitialState()}, out);
    walk([&](memref::LoadOp load) { isRead |= load.getMemRef() == out; });
    if (isRead)
      return emitOpError() << "writes a memref that it also reads; give it an out of its own";
  }
  return success();
}

void LinearAttentionOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  for (OpOperand &operand : (*this)->getOpOperands())
    if (isa<BaseMemRefType>(operand.get().getType()))
      effects.emplace_back(MemoryEffects::Read::get(), &operand, SideEffects::DefaultResource::get());
  for (OpOperand &out : getOutsMutable())
    if (isa<BaseMemRefType>(out.get().getType()))
      effects.emplace_back(MemoryEffects::Write::get(), &out, SideEffects::DefaultResource::get());
}
