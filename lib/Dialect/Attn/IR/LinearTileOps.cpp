// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tile level of linear attention: verifiers and effects.
#include "Regions.h"
#include "fovea/Dialect/Attn/IR/Attn.h"

using namespace mlir;
using namespace fovea::attn;

using Effects = SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>;

static LogicalResult verifyInTask(Operation *op) {
  if (!op->getParentOfType<TaskOp>())
    return op->emitOpError() << "must be inside attn.task";
  return success();
}

/// A state in memory has the shape of the state, or one more column.
static LogicalResult verifyStateMemory(Operation *op, Value memory, StringRef name, LinearStateType state) {
  auto type = cast<MemRefType>(memory.getType());
  bool fits = type.getDimSize(2) == state.getRows() &&
              (type.getDimSize(3) == state.getColumns() || type.getDimSize(3) == state.getColumns() + 1);
  if (!fits)
    return op->emitOpError() << name << " must be [B, Hkv, " << state.getRows() << ", " << state.getColumns()
                             << "], or have one more column for z, got " << type;
  return success();
}

static LogicalResult verifyColumns(LinearChunkOp op, Value memory, StringRef name, int64_t columns) {
  auto type = cast<MemRefType>(memory.getType());
  if (type.getShape().back() != columns)
    return op.emitOpError() << name << " must have " << columns << " columns, as the state says, got " << type;
  return success();
}

LogicalResult InitLinearStateOp::verify() {
  if (getInitial() && failed(verifyStateMemory(*this, getInitial(), "the initial state", getState().getType())))
    return failure();
  return verifyInTask(*this);
}

LogicalResult StoreLinearStateOp::verify() {
  if (failed(verifyStateMemory(*this, getDestination(), "the destination", getState().getType())))
    return failure();
  return verifyInTask(*this);
}

LogicalResult LinearChunkOp::verify() {
  if (!getKey() != !getValue())
    return emitOpError() << "needs key and value together";
  if (!getQuery() != !getOutput() || !getQuery() != !getGroup())
    return emitOpError() << "needs query, group and output together";
  if (!getKey() && !getQuery())
    return emitOpError() << "does nothing without keys or queries";
  if (getDecay() && !getKey())
    return emitOpError() << "has a decay, but no keys that enter the state";
  if (getBeta() && !getKey())
    return emitOpError() << "has a beta, but no keys that enter the state";
  if (getForm() != LinearForm::Chunked && (!getKey() || !getQuery()))
    return emitOpError() << "has keys or queries alone; only form <chunked> has them apart";
  int64_t keySize = getKeyHeadSize(), valueSize = getValueHeadSize();
  if ((getKey() && failed(verifyColumns(*this, getKey(), "key", keySize))) ||
      (getValue() && failed(verifyColumns(*this, getValue(), "value", valueSize))) ||
      (getQuery() && failed(verifyColumns(*this, getQuery(), "query", keySize))) ||
      (getOutput() && failed(verifyColumns(*this, getOutput(), "output", valueSize))))
    return failure();
  if (getDecay() && cast<MemRefType>(getDecay().getType()).getRank() == 4 &&
      failed(verifyColumns(*this, getDecay(), "decay per channel", keySize)))
    return failure();
  return failure(failed(verifyScale(*this, getScale())) || failed(verifyInTask(*this)));
}

LogicalResult LinearChunkOp::verifyRegions() { return verifyFeatureRegion(*this, getFeature()); }

void InitLinearStateOp::getEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Allocate::get(), cast<OpResult>(getState()), SideEffects::DefaultResource::get());
  for (OpOperand &initial : getInitialMutable())
    effects.emplace_back(MemoryEffects::Read::get(), &initial, SideEffects::DefaultResource::get());
}

void LinearChunkOp::getEffects(Effects &effects) {
  for (MutableOperandRange range :
       {getKeyMutable(), getValueMutable(), getDecayMutable(), getQueryMutable(), getBetaMutable()})
    for (OpOperand &operand : range)
      effects.emplace_back(MemoryEffects::Read::get(), &operand, SideEffects::DefaultResource::get());
  for (OpOperand &output : getOutputMutable())
    effects.emplace_back(MemoryEffects::Write::get(), &output, SideEffects::DefaultResource::get());
}

void StoreLinearStateOp::getEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Write::get(), &getDestinationMutable(), SideEffects::DefaultResource::get());
}
