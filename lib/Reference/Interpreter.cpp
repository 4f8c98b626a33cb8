// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Interpreter.h"
#include "Rope.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace fovea::reference;
using fovea::attn::AttentionOp;
using fovea::attn::LinearAttentionOp;

static InFlightDiagnostic cannotEvaluate(Operation *op) {
  return op->emitError() << "the reference cannot evaluate '" << op->getName() << "'";
}

LogicalResult Interpreter::alias(Operation *op, Value source) {
  TensorRef known = array(source);
  if (!known)
    return cannotEvaluate(op) << ": its source is not known";
  values[op->getResult(0)] = known;
  return success();
}

LogicalResult Interpreter::allocate(Operation *op, ShapedType type, ValueRange sizes) {
  SmallVector<int64_t> shape(type.getShape());
  size_t next = 0;
  for (int64_t &size : shape)
    if (ShapedType::isDynamic(size)) {
      const RuntimeValue *known = next < sizes.size() ? find(sizes[next++]) : nullptr;
      if (!known || !std::holds_alternative<int64_t>(*known))
        return cannotEvaluate(op) << ": a size is not known";
      size = std::get<int64_t>(*known);
    }
  llvm::Expected<HostTensor> tensor = HostTensor::allocate(DType::F64, shape);
  if (!tensor)
    return op->emitError(toString(tensor.takeError()));
  values[op->getResult(0)] = std::make_shared<HostTensor>(std::move(*tensor));
  return success();
}

LogicalResult Interpreter::copy(Operation *op, Value from, Value to) {
  TensorRef source = array(from), target = array(to);
  if (!source || !target || source->shape != target->shape)
    return op->emitError() << "copies between arrays of different or unknown shapes";
  if (source != target)
    write(target, outputOf(source));
  return success();
}

LogicalResult Interpreter::runDim(Operation *op, Value source, Value index) {
  TensorRef known = array(source);
  const RuntimeValue *dim = find(index);
  if (!known || !dim)
    return cannotEvaluate(op) << ": its operands are not known";
  int64_t number = std::get<int64_t>(*dim);
  if (number < 0 || number >= int64_t(known->shape.size()))
    return op->emitError() << "asks for dimension " << number << " of an array of rank " << known->shape.size();
  values[op->getResult(0)] = known->shape[number];
  return success();
}

LogicalResult Interpreter::runConstant(Operation *op, DenseElementsAttr elements) {
  ShapedType type = elements.getType();
  std::optional<DType> dtype = dtypeOf(type.getElementType());
  if (!dtype)
    return cannotEvaluate(op) << " of type " << type;
  HostTensor tensor;
  if (isFloat(*dtype)) {
    tensor = HostTensor::zeros(DType::F64, type.getShape());
    for (auto [k, value] : llvm::enumerate(elements.getValues<APFloat>()))
      tensor.data<double>()[k] = value.convertToDouble();
  } else {
    tensor = HostTensor::zeros(DType::I64, type.getShape());
    for (auto [k, value] : llvm::enumerate(elements.getValues<APInt>()))
      tensor.data<int64_t>()[k] = value.getSExtValue();
  }
  values[op->getResult(0)] = std::make_shared<HostTensor>(std::move(tensor));
  return success();
}

LogicalResult Interpreter::runScalar(Operation *op) {
  FailureOr<RegionProgram> program = RegionProgram::compile(op, [&](Value value) { return find(value); });
  if (failed(program) || failed(program->run({0, 0, 0, 0, 1})))
    return failure();
  if (program->isFloatResult())
    values[op->getResult(0)] = program->floats()[0];
  else
    values[op->getResult(0)] = program->ints()[0];
  return success();
}

LogicalResult Interpreter::writeOutputs(Operation *op, ValueRange outs, MutableArrayRef<Output> parts,
                                        ArrayRef<StringRef> names) {
  for (auto [k, out] : llvm::enumerate(outs)) {
    TensorRef target = array(out);
    if (!target || target->shape != parts[k].value.shape)
      return op->emitError() << names[k] << " has shape " << (target ? formatShape(target->shape) : "unknown")
                             << ", but query and value make it " << formatShape(parts[k].value.shape);
  }
  for (auto [k, value] : llvm::enumerate(op->getResults())) {
    auto target = std::make_shared<HostTensor>();
    values[value] = target;
    write(target, std::move(parts[k]));
  }
  if (op->getNumResults() == 0)
    for (auto [k, out] : llvm::enumerate(outs))
      write(array(out), std::move(parts[k]));
  return success();
}

LogicalResult Interpreter::runAttention(AttentionOp op) {
  auto lookup = [&](Value value) { return find(value); };
  FailureOr<AttentionProblem> problem = AttentionProblem::create(op, lookup);
  if (failed(problem))
    return failure();
  FailureOr<AttentionResult> result = visit(*problem, lookup);
  if (failed(result))
    return failure();
  Output parts[] = {std::move(result->output), std::move(result->lse)};
  return writeOutputs(op, op.getOuts(), parts, {"output", "log-sum-exp"});
}

LogicalResult Interpreter::runLinearAttention(LinearAttentionOp op) {
  auto lookup = [&](Value value) { return find(value); };
  FailureOr<LinearProblem> problem = LinearProblem::create(op, lookup);
  if (failed(problem))
    return failure();
  FailureOr<LinearResult> result = visitLinear(*problem, lookup);
  if (failed(result))
    return failure();
  Output parts[] = {std::move(result->output), std::move(result->state)};
  return writeOutputs(op, op.getOuts(), parts, {"output", "final state"});
}

LogicalResult Interpreter::runRope(fovea::attn::RopeOp op) {
  TensorRef rows = array(op.getInput());
  if (!rows)
    return cannotEvaluate(op) << ": its input is not known";
  SmallVector<Value> tables = {op.getCos(), op.getSin()};
  if (op.getPositions())
    tables.push_back(op.getPositions());
  const RuntimeValue *offset = op.getOffset() ? find(op.getOffset()) : nullptr;
  int64_t first = offset ? std::get<int64_t>(*offset) : 0;
  std::vector<int64_t> offsets(rows->shape[0], first);
  FailureOr<TensorRef> rotated = rotate(op, rows, tables, op.getPairing(), op.getLayout(), offsets,
                                        [&](Value value) { return find(value); });
  if (failed(rotated))
    return failure();
  values[op.getResult()] = *rotated;
  return success();
}

LogicalResult Interpreter::runReturn(func::ReturnOp op) {
  for (Value value : op.getOperands()) {
    TensorRef known = array(value);
    if (!known)
      return op.emitError() << "the reference compares arrays, and a returned value is none";
    outputs.push_back(outputOf(known));
  }
  for (unsigned number : writtenArguments(function)) {
    outputs.push_back(outputOf(array(function.getArgument(number))));
    outputs.back().argument = int(number);
  }
  return success();
}

LogicalResult Interpreter::runOp(Operation *op) {
  DenseElementsAttr elements;
  if (op->getNumResults() == 1 && isa<ShapedType>(op->getResult(0).getType()) &&
      matchPattern(op, m_Constant(&elements)))
    return runConstant(op, elements);
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](AttentionOp o) { return runAttention(o); })
      .Case([&](LinearAttentionOp o) { return runLinearAttention(o); })
      .Case([&](fovea::attn::RopeOp o) { return runRope(o); })
      .Case([&](func::ReturnOp o) { return runReturn(o); })
      .Case([&](memref::CastOp o) { return alias(o, o.getSource()); })
      .Case([&](tensor::CastOp o) { return alias(o, o.getSource()); })
      .Case([&](bufferization::ToTensorOp o) { return alias(o, o.getBuffer()); })
      .Case([&](bufferization::ToBufferOp o) { return alias(o, o.getTensor()); })
      .Case([&](memref::DimOp o) { return runDim(o, o.getSource(), o.getIndex()); })
      .Case([&](tensor::DimOp o) { return runDim(o, o.getSource(), o.getIndex()); })
      .Case([&](memref::AllocOp o) { return allocate(o, o.getType(), o.getDynamicSizes()); })
      .Case([&](tensor::EmptyOp o) { return allocate(o, o.getType(), o.getDynamicSizes()); })
      .Case([&](memref::CopyOp o) { return copy(o, o.getSource(), o.getTarget()); })
      .Case([&](memref::DeallocOp) { return success(); })
      .Case([&](memref::GetGlobalOp o) {
        auto global = SymbolTable::lookupNearestSymbolFrom<memref::GlobalOp>(o, o.getNameAttr());
        auto initial = global ? dyn_cast_or_null<DenseElementsAttr>(global.getInitialValueAttr()) : DenseElementsAttr();
        return initial ? runConstant(o, initial) : LogicalResult(cannotEvaluate(o) << " without an initial value");
      })
      .Case([&](cf::AssertOp o) -> LogicalResult {
        const RuntimeValue *holds = find(o.getArg());
        if (holds && std::get<int64_t>(*holds) != 0)
          return success();
        return o.emitError() << o.getMsg();
      })
      .Default([&](Operation *o) -> LogicalResult {
        if (o->getNumRegions() || o->getNumResults() != 1)
          return cannotEvaluate(o);
        return runScalar(o);
      });
}

LogicalResult Interpreter::run() {
  for (Operation &op : function.front())
    if (failed(runOp(&op)))
      return failure();
  return success();
}
