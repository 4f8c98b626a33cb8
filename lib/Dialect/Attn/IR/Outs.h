// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What ops with outs share: on tensors they return new values, or updated outs; on memrefs they write their outs. One
// that follows these rules reads all its other operands and bufferizes whole.
#ifndef FOVEA_LIB_DIALECT_ATTN_IR_OUTS_H
#define FOVEA_LIB_DIALECT_ATTN_IR_OUTS_H

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace fovea::attn {

/// All tensors or all memrefs, as a whole op: half-bufferized ops mean nothing. The first operand says which.
mlir::LogicalResult verifyForm(mlir::Operation *op, mlir::OperandRange outs);

/// Tasks run in any order: memory that is written must not be read by any of them, nor by code in the op's regions.
mlir::LogicalResult verifyOutsAreNotRead(mlir::Operation *op, mlir::OperandRange outs);

/// Memrefs are read, outs written as well.
void addEffects(mlir::Operation *op, mlir::MutableOperandRange outs,
                llvm::SmallVectorImpl<mlir::SideEffects::EffectInstance<mlir::MemoryEffects::Effect>> &effects);

/// The number of the out that this operand is.
std::optional<unsigned> outNumber(mlir::MutableOperandRange outs, mlir::OpOperand &operand);

mlir::bufferization::AliasingValueList resultOfOut(mlir::MutableOperandRange outs, mlir::OpOperand &operand);

/// The out's buffer type, or that of an allocation where there are no outs.
mlir::FailureOr<mlir::bufferization::BufferLikeType> bufferTypeOfResult(
    mlir::Value result, mlir::OperandRange outs, const mlir::bufferization::BufferizationOptions &options,
    const mlir::bufferization::BufferizationState &state, llvm::SmallVector<mlir::Value> &invocationStack);

/// Sizes of a result that its type leaves open.
using DynamicSizes = llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::OpResult)>;

struct Buffers {
  llvm::SmallVector<mlir::Value> inputs; // null where the input is
  llvm::SmallVector<mlir::Value> outs;   // allocated where there are none
};

/// Buffers of the inputs (those that are no tensors stay as they are) and of everything that the op writes.
mlir::FailureOr<Buffers> buffersOf(mlir::Operation *op, mlir::RewriterBase &rewriter,
                                   llvm::ArrayRef<mlir::Value> inputs, mlir::OperandRange outs, DynamicSizes sizes,
                                   const mlir::bufferization::BufferizationOptions &options,
                                   mlir::bufferization::BufferizationState &state);

} // namespace fovea::attn

#endif
