// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// attn.linear_attention in one-shot bufferization: reads everything, writes its outs; the value form allocates them.
#include "Outs.h"
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::bufferization;
using namespace fovea::attn;

bool LinearAttentionOp::bufferizesToAllocation(Value) { return isValueForm(); }

bool LinearAttentionOp::bufferizesToMemoryRead(OpOperand &operand, const AnalysisState &) {
  return !outNumber(getOutsMutable(), operand);
}

bool LinearAttentionOp::bufferizesToMemoryWrite(OpOperand &operand, const AnalysisState &) {
  return outNumber(getOutsMutable(), operand).has_value();
}

AliasingValueList LinearAttentionOp::getAliasingValues(OpOperand &operand, const AnalysisState &) {
  return resultOfOut(getOutsMutable(), operand);
}

FailureOr<BufferLikeType> LinearAttentionOp::getBufferType(Value value, const BufferizationOptions &options,
                                                           const BufferizationState &state,
                                                           SmallVector<Value> &invocationStack) {
  return bufferTypeOfResult(value, getOuts(), options, state, invocationStack);
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
  auto sizes = [&](OpResult result) { return dynamicSizes(*this, result, rewriter); };
  FailureOr<Buffers> buffers = buffersOf(
      *this, rewriter, {getQuery(), getKey(), getValue(), getDecay(), getInitialState(), getBeta(), getLengths()},
      getOuts(), sizes, options, state);
  if (failed(buffers))
    return failure();
  ArrayRef<Value> inputs = buffers->inputs;
  auto op = LinearAttentionOp::create(rewriter, getLoc(), TypeRange{}, inputs[0], inputs[1], inputs[2], inputs[3],
                                      inputs[4], buffers->outs, inputs[5], inputs[6], getRuleAttr(), getDirectionAttr(),
                                      getNormalizerAttr(), getEpsilonAttr(), getScaleAttr(), getLayoutAttr(),
                                      getFormAttr(), getScheduleAttr());
  op.getFeature().takeBody(getFeature());
  replaceOpWithBufferizedValues(rewriter, *this, buffers->outs);
  return success();
}
