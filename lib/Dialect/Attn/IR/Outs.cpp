// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Outs.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::bufferization;

namespace fovea::attn {

LogicalResult verifyForm(Operation *op, OperandRange outs) {
  bool onTensors = isa<TensorType>(op->getOperand(0).getType());
  for (Value value : op->getOperands())
    if (isa<ShapedType>(value.getType()) && isa<TensorType>(value.getType()) != onTensors)
      return op->emitOpError() << "mixes tensors and memrefs";
  if (!onTensors && outs.empty())
    return op->emitOpError() << "on memrefs needs outs: the value form allocates, which only tensors do";
  if (!onTensors && op->getNumResults() != 0)
    return op->emitOpError() << "on memrefs writes its outs and has no results";
  if (onTensors && !outs.empty() && op->getResultTypes() != outs.getTypes())
    return op->emitOpError() << "must return the types of its outs";
  return success();
}

LogicalResult verifyOutsAreNotRead(Operation *op, OperandRange outs) {
  if (outs.empty())
    return success();
  unsigned first = outs.getBeginOperandIndex(), last = first + outs.size();
  for (Value out : outs) {
    if (!isa<BaseMemRefType>(out.getType()))
      continue; // a tensor is a value; bufferization keeps reads and writes apart
    bool isRead = false;
    for (OpOperand &operand : op->getOpOperands())
      isRead |= operand.get() == out && (operand.getOperandNumber() < first || operand.getOperandNumber() >= last);
    op->walk([&](memref::LoadOp load) { isRead |= load.getMemRef() == out; });
    if (isRead)
      return op->emitOpError() << "writes a memref that it also reads; give it an out of its own";
  }
  return success();
}

void addEffects(Operation *op, MutableOperandRange outs,
                SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  for (OpOperand &operand : op->getOpOperands())
    if (isa<BaseMemRefType>(operand.get().getType()))
      effects.emplace_back(MemoryEffects::Read::get(), &operand, SideEffects::DefaultResource::get());
  for (OpOperand &out : outs)
    if (isa<BaseMemRefType>(out.get().getType()))
      effects.emplace_back(MemoryEffects::Write::get(), &out, SideEffects::DefaultResource::get());
}

std::optional<unsigned> outNumber(MutableOperandRange outs, OpOperand &operand) {
  for (auto [number, out] : llvm::enumerate(outs))
    if (out.getOperandNumber() == operand.getOperandNumber())
      return number;
  return std::nullopt;
}

AliasingValueList resultOfOut(MutableOperandRange outs, OpOperand &operand) {
  if (std::optional<unsigned> number = outNumber(outs, operand))
    return {{outs.getOwner()->getResult(*number), BufferRelation::Equivalent}};
  return {};
}

static MemRefType allocatedType(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return MemRefType::get(tensor.getShape(), tensor.getElementType());
}

FailureOr<BufferLikeType> bufferTypeOfResult(Value result, OperandRange outs, const BufferizationOptions &options,
                                             const BufferizationState &state, SmallVector<Value> &invocationStack) {
  if (!outs.empty())
    return bufferization::getBufferType(outs[cast<OpResult>(result).getResultNumber()], options, state,
                                        invocationStack);
  return cast<BufferLikeType>(allocatedType(result.getType()));
}

FailureOr<Buffers> buffersOf(Operation *op, RewriterBase &rewriter, ArrayRef<Value> inputs, OperandRange outs,
                             DynamicSizes sizes, const BufferizationOptions &options, BufferizationState &state) {
  Buffers buffers;
  auto append = [&](Value value, SmallVector<Value> &to) {
    bool isTensor = value && isa<TensorType>(value.getType());
    FailureOr<Value> buffer = isTensor ? getBuffer(rewriter, value, options, state) : FailureOr<Value>(value);
    if (succeeded(buffer))
      to.push_back(*buffer);
    return success(succeeded(buffer));
  };
  for (Value value : inputs)
    if (failed(append(value, buffers.inputs)))
      return failure();
  for (Value value : outs)
    if (failed(append(value, buffers.outs)))
      return failure();
  if (!outs.empty())
    return buffers;
  for (OpResult result : op->getResults()) {
    FailureOr<Value> buffer =
        options.createAlloc(rewriter, op->getLoc(), allocatedType(result.getType()), sizes(result));
    if (failed(buffer))
      return failure();
    buffers.outs.push_back(*buffer);
  }
  return buffers;
}

} // namespace fovea::attn
