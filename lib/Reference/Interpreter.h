// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Functions around attention: casts, sizes, allocations, scalar code, return. One case per op, no control flow.
#ifndef FOVEA_LIB_REFERENCE_INTERPRETER_H
#define FOVEA_LIB_REFERENCE_INTERPRETER_H

#include "Attention.h"
#include "LinearAttention.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace fovea::reference {

class Interpreter {
public:
  using Visit = llvm::function_ref<mlir::FailureOr<AttentionResult>(const AttentionProblem &, Lookup)>;
  using VisitLinear = llvm::function_ref<mlir::FailureOr<LinearResult>(const LinearProblem &, Lookup)>;
  Interpreter(mlir::func::FuncOp function, Visit visit, VisitLinear visitLinear)
      : function(function), visit(visit), visitLinear(visitLinear) {}

  mlir::LogicalResult bindArguments(llvm::ArrayRef<TensorRef> arguments);
  mlir::LogicalResult run();
  llvm::SmallVector<Output> outputs; // filled by return

private:
  mlir::LogicalResult bindArgument(mlir::BlockArgument argument, const TensorRef &given);
  mlir::LogicalResult runOp(mlir::Operation *op);
  mlir::LogicalResult runAttention(attn::AttentionOp op);
  mlir::LogicalResult runLinearAttention(attn::LinearAttentionOp op);
  /// Gives results or outs their values.
  mlir::LogicalResult writeOutputs(mlir::Operation *op, mlir::ValueRange outs, llvm::MutableArrayRef<Output> parts,
                                   llvm::ArrayRef<llvm::StringRef> names);
  mlir::LogicalResult runScalar(mlir::Operation *op);
  mlir::LogicalResult runConstant(mlir::Operation *op, mlir::DenseElementsAttr elements);
  mlir::LogicalResult runDim(mlir::Operation *op, mlir::Value source, mlir::Value index);
  mlir::LogicalResult runRope(attn::RopeOp op);
  mlir::LogicalResult runReturn(mlir::func::ReturnOp op);
  mlir::LogicalResult alias(mlir::Operation *op, mlir::Value source);
  mlir::LogicalResult allocate(mlir::Operation *op, mlir::ShapedType type, mlir::ValueRange sizes);
  mlir::LogicalResult copy(mlir::Operation *op, mlir::Value from, mlir::Value to);

  const RuntimeValue *find(mlir::Value value) const {
    auto found = values.find(value);
    return found == values.end() ? nullptr : &found->second;
  }
  TensorRef array(mlir::Value value) const {
    const RuntimeValue *known = find(value);
    return known && std::holds_alternative<TensorRef>(*known) ? std::get<TensorRef>(*known) : nullptr;
  }
  void write(const TensorRef &to, Output output) {
    *to = std::move(output.value);
    bounds[to.get()] = std::move(output.bound);
  }
  Output outputOf(const TensorRef &array) const {
    auto bound = bounds.find(array.get());
    return {*array, bound == bounds.end() ? std::vector<double>(array->size(), 0.0) : bound->second, -1};
  }

  mlir::func::FuncOp function;
  Visit visit;
  VisitLinear visitLinear;
  llvm::DenseMap<mlir::Value, RuntimeValue> values;
  llvm::DenseMap<HostTensor *, std::vector<double>> bounds; // of arrays that an attention wrote
};

/// How elements of an MLIR type are held; nothing for types that are not.
std::optional<DType> dtypeOf(mlir::Type element);

} // namespace fovea::reference

#endif
