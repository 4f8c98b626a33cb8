// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// attn.attention in one-shot bufferization: reads everything, writes its outs; the value form allocates them. The op
// stays whole, regions included: a tensor.extract inside becomes a memref.load by itself.
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::bufferization;
using namespace fovea::attn;

static bool isOut(AttentionOp op, OpOperand &operand) {
  return llvm::is_contained(llvm::map_range(op.getOutsMutable(), [](OpOperand &out) { return out.getOperandNumber(); }),
                            operand.getOperandNumber());
}

bool AttentionOp::bufferizesToAllocation(Value) { return isValueForm(); }

bool AttentionOp::bufferizesToMemoryRead(OpOperand &operand, const AnalysisState &) { return !isOut(*this, operand); }

bool AttentionOp::bufferizesToMemoryWrite(OpOperand &operand, const AnalysisState &) { return isOut(*this, operand); }

AliasingValueList AttentionOp::getAliasingValues(OpOperand &operand, const AnalysisState &) {
  for (auto [index, out] : llvm::enumerate(getOutsMutable()))
    if (out.getOperandNumber() == operand.getOperandNumber())
      return {{(*this)->getResult(index), BufferRelation::Equivalent}};
  return {};
}

FailureOr<BufferLikeType> AttentionOp::getBufferType(Value value, const BufferizationOptions &options,
                                                     const BufferizationState &state,
                                                     SmallVector<Value> &invocationStack) {
  if (!isValueForm())
    return bufferization::getBufferType(getOuts()[cast<OpResult>(value).getResultNumber()], options, state,
                                        invocationStack);
  auto type = cast<RankedTensorType>(value.getType());
  return cast<BufferLikeType>(MemRefType::get(type.getShape(), type.getElementType()));
}

/// Sizes of a result that its type leaves open, taken from query and value.
static SmallVector<Value> dynamicSizes(AttentionOp op, OpResult result, OpBuilder &builder) {
  SmallVector<int64_t, 4> order = AttentionOp::dimensionOrder(op.getLayout());
  auto type = cast<RankedTensorType>(result.getType());
  SmallVector<Value> sizes;
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (type.isDynamicDim(dim)) // never the head size; log-sum-exp is [B, H, N] in every layout
      sizes.push_back(
          tensor::DimOp::create(builder, op.getLoc(), op.getQuery(), result.getResultNumber() == 0 ? dim : order[dim]));
  return sizes;
}

LogicalResult AttentionOp::bufferize(RewriterBase &rewriter, const BufferizationOptions &options,
                                     BufferizationState &state) {
  auto bufferOf = [&](Value value) -> FailureOr<Value> {
    if (!value || !isa<TensorType>(value.getType()))
      return value;
    return getBuffer(rewriter, value, options, state);
  };
  auto buffersOf = [&](ValueRange values, SmallVector<Value> &buffers) {
    for (Value value : values) {
      FailureOr<Value> buffer = bufferOf(value);
      if (failed(buffer))
        return failure();
      buffers.push_back(*buffer);
    }
    return success();
  };
  SmallVector<Value> inputs, outs, queryRope, keyRope;
  if (failed(buffersOf({getQuery(), getKey(), getValue(), getQOffset()}, inputs)) ||
      failed(buffersOf(getOuts(), outs)) || failed(buffersOf(getQueryRope(), queryRope)) ||
      failed(buffersOf(getKeyRope(), keyRope)))
    return failure();
  if (isValueForm())
    for (OpResult result : (*this)->getResults()) {
      auto type = cast<RankedTensorType>(result.getType());
      FailureOr<Value> buffer =
          options.createAlloc(rewriter, getLoc(), MemRefType::get(type.getShape(), type.getElementType()),
                              dynamicSizes(*this, result, rewriter));
      if (failed(buffer))
        return failure();
      outs.push_back(*buffer);
    }
  auto op = AttentionOp::create(rewriter, getLoc(), TypeRange{}, inputs[0], inputs[1], inputs[2], inputs[3], outs,
                                queryRope, keyRope, getPairingAttr(), getWeightsAttr(), getScaleAttr(), getLayoutAttr(),
                                getScheduleAttr());
  op.getScore().takeBody(getScore());
  op.getMask().takeBody(getMask());
  replaceOpWithBufferizedValues(rewriter, *this, outs);
  return success();
}
