// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a function takes, and which of it the function writes.
#include "Interpreter.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace fovea::reference;
using fovea::attn::AttentionOp;

std::optional<DType> fovea::reference::dtypeOf(Type element) {
  if (element.isF16() || element.isBF16())
    return element.isF16() ? DType::F16 : DType::BF16;
  if (element.isF32() || element.isF64())
    return element.isF32() ? DType::F32 : DType::F64;
  if (element.isIndex())
    return DType::I64;
  if (auto integer = dyn_cast<IntegerType>(element))
    switch (integer.getWidth()) {
    case 1:
      return DType::Bool;
    case 8:
      return integer.isUnsigned() ? DType::U8 : DType::I8;
    case 16:
      return DType::I16;
    case 32:
      return DType::I32;
    case 64:
      return DType::I64;
    }
  return std::nullopt;
}

/// U8 and I8 are the same bytes to signless MLIR.
static bool sameElements(DType a, DType b) { return a == b || (byteWidth(a) == 1 && byteWidth(b) == 1); }

llvm::SmallVector<unsigned> fovea::reference::writtenArguments(func::FuncOp function) {
  llvm::SmallDenseSet<Value> written;
  auto add = [&](Value value) {
    while (auto cast = value.getDefiningOp<memref::CastOp>())
      value = cast.getSource();
    if (isa<BaseMemRefType>(value.getType()))
      written.insert(value);
  };
  function.walk([&](AttentionOp op) { llvm::for_each(op.getOuts(), add); });
  function.walk([&](fovea::attn::LinearAttentionOp op) { llvm::for_each(op.getOuts(), add); });
  function.walk([&](memref::CopyOp op) { add(op.getTarget()); });
  llvm::SmallVector<unsigned> numbers;
  for (BlockArgument argument : function.getArguments())
    if (written.contains(argument))
      numbers.push_back(argument.getArgNumber());
  return numbers;
}

LogicalResult Interpreter::bindArgument(BlockArgument argument, const TensorRef &given) {
  auto error = [&] { return function.emitError() << "argument " << argument.getArgNumber() << " "; };
  auto type = dyn_cast<ShapedType>(argument.getType());
  if (!type) {
    bool wantsFloat = isa<FloatType>(argument.getType());
    if (!given->shape.empty() || wantsFloat != isFloat(given->dtype))
      return error() << "must be one " << argument.getType();
    if (wantsFloat)
      values[argument] = given->floatAt(0);
    else
      values[argument] = given->intAt(0);
    return success();
  }
  std::optional<DType> dtype = dtypeOf(type.getElementType());
  if (!dtype || !sameElements(*dtype, given->dtype))
    return error() << "is an array of " << name(given->dtype) << ", but the function takes " << type;
  bool fits = type.hasRank() && int64_t(given->shape.size()) == type.getRank();
  for (int64_t dim = 0; fits && dim < type.getRank(); ++dim)
    fits = type.isDynamicDim(dim) || type.getDimSize(dim) == given->shape[dim];
  if (!fits)
    return error() << "has shape " << formatShape(given->shape) << ", but the function takes " << type;
  values[argument] = given;
  return success();
}

LogicalResult Interpreter::bindArguments(ArrayRef<TensorRef> arguments) {
  if (arguments.size() != function.getNumArguments())
    return function.emitError() << "takes " << function.getNumArguments() << " arguments, got " << arguments.size();
  SmallVector<unsigned> written = writtenArguments(function);
  for (auto [argument, given] : llvm::zip_equal(function.getArguments(), arguments)) {
    if (failed(bindArgument(argument, given)))
      return failure();
    if (llvm::is_contained(written, argument.getArgNumber()))
      values[argument] = std::make_shared<HostTensor>(HostTensor::zeros(DType::F64, given->shape));
  }
  return success();
}
