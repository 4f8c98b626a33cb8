// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// attn.attention in one-shot bufferization: reads everything, writes its outs; the value form allocates them. The op
// stays whole, regions included: a tensor.extract inside becomes a memref.load by itself.
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "Outs.h"
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::bufferization;
using namespace fovea::attn;

bool AttentionOp::bufferizesToAllocation(Value) { return isValueForm(); }

bool AttentionOp::bufferizesToMemoryRead(OpOperand &operand, const AnalysisState &) {
  return !outNumber(getOutsMutable(), operand);
}

bool AttentionOp::bufferizesToMemoryWrite(OpOperand &operand, const AnalysisState &) {
  return outNumber(getOutsMutable(), operand).has_value();
}

AliasingValueList AttentionOp::getAliasingValues(OpOperand &operand, const AnalysisState &) {
  return resultOfOut(getOutsMutable(), operand);
}

FailureOr<BufferLikeType> AttentionOp::getBufferType(Value value, const BufferizationOptions &options,
                                                     const BufferizationState &state,
                                                     SmallVector<Value> &invocationStack) {
  return bufferTypeOfResult(value, getOuts(), options, state, invocationStack);
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
  auto sizes = [&](OpResult result) { return dynamicSizes(*this, result, rewriter); };
  auto [firstOut, outCount] = getODSOperandIndexAndLength(odsIndex_outs);
  SmallVector<Value> inputs(getOperands());
  inputs.erase(inputs.begin() + firstOut, inputs.begin() + firstOut + outCount);
  FailureOr<Buffers> buffers = buffersOf(*this, rewriter, inputs, getOuts(), sizes, options, state);
  if (failed(buffers))
    return failure();
  SmallVector<Value> operands = buffers->inputs;
  if (!isValueForm())
    operands.insert(operands.begin() + firstOut, buffers->outs.begin(), buffers->outs.end());
  OperationState built(getLoc(), getOperationName(), operands, TypeRange{}, (*this)->getAttrDictionary().getValue());
  for (Region &region : (*this)->getRegions())
    built.addRegion()->takeBody(region);
  cast<AttentionOp>(rewriter.create(built)).getOutsMutable().assign(buffers->outs);
  replaceOpWithBufferizedValues(rewriter, *this, buffers->outs);
  return success();
}
