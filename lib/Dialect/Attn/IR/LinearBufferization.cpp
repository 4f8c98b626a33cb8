// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// attn.linear_attention in one-shot bufferization: reads everything, writes its outs; the value form allocates them.
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::bufferization;
using namespace fovea::attn;

/// The number of the out that this operand is.
static std::optional<unsigned> outNumber(LinearAttentionOp op, OpOperand &operand) {
  for (auto [number, out] : llvm::enumerate(op.getOutsMutable()))
    if (out.getOperandNumber() == operand.getOperandNumber())
      return number;
  return std::nullopt;
}

bool LinearAttentionOp::bufferizesToAllocation(Value) { return isValueForm(); }

bool LinearAttentionOp::bufferizesToMemoryRead(OpOperand &operand, const AnalysisState &) {
  return !outNumber(*this, operand);
}

bool LinearAttentionOp::bufferizesToMemoryWrite(OpOperand &operand, const AnalysisState &) {
  return outNumber(*this, operand).has_value();
}

AliasingValueList LinearAttentionOp::getAliasingValues(OpOperand &operand, const AnalysisState &) {
  if (std::optional<unsigned> number = outNumber(*this, operand))
    return {{(*this)->getResult(*number), BufferRelation::Equivalent}};
  return {};
}

FailureOr<BufferLikeType> LinearAttentionOp::getBufferType(Value value, const BufferizationOptions &options,
                                                           const BufferizationState &state,
                                                           SmallVector<Value> &invocationStack) {
  if (!isValueForm())
    return bufferization::getBufferType(getOuts()[cast<OpResult>(value).getResultNumber()], options, state,
                                        invocationStack);
  auto type = cast<RankedTensorType>(value.getType());
  return cast<BufferLikeType>(MemRefType::get(type.getShape(), type.getElementType()));
}

/// Sizes of a result that its type leaves open: the output's are query's, a state's are key's batches and heads.
static SmallVector<Value> dynamicSizes(LinearAttentionOp op, OpResult result, OpBuilder &builder) {
  SmallVector<int64_t, 4> order = AttentionOp::dimensionOrder(op.getLayout());
  auto type = cast<RankedTensorType>(result.getType());
  bool isState = result.getResultNumber() == 1;
  SmallVector<Value> sizes;
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (type.isDynamicDim(dim))
      sizes.push_back(tensor::DimOp::create(builder, op.getLoc(), isState ? op.getKey() : op.getQuery(),
                                            isState ? order[dim] : dim));
  return sizes;
}

LogicalResult LinearAttentionOp::bufferize(RewriterBase &rewriter, const BufferizationOptions &options,
                                           BufferizationState &state) {
  SmallVector<Value> inputs, outs;
  for (Value value : {getQuery(), getKey(), getValue(), getDecay(), getInitialState()}) {
    FailureOr<Value> buffer = value ? getBuffer(rewriter, value, options, state) : FailureOr<Value>(Value());
    if (failed(buffer))
      return failure();
    inputs.push_back(*buffer);
  }
  for (Value value : getOuts()) {
    FailureOr<Value> buffer = getBuffer(rewriter, value, options, state);
    if (failed(buffer))
      return failure();
    outs.push_back(*buffer);
  }
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
  auto op = LinearAttentionOp::create(rewriter, getLoc(), TypeRange{}, inputs[0], inputs[1], inputs[2], inputs[3],
                                      inputs[4], outs, getDirectionAttr(), getNormalizerAttr(), getEpsilonAttr(),
                                      getScaleAttr(), getLayoutAttr(), getScheduleAttr());
  op.getFeature().takeBody(getFeature());
  replaceOpWithBufferizedValues(rewriter, *this, outs);
  return success();
}
