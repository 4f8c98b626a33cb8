// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Functions around attn.attention: casts, sizes, allocations, scalar code, return. One case per op, no control flow.
#include "Attention.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

#include <new>

using namespace mlir;
using namespace fovea::reference;
using fovea::attn::AttentionOp;

namespace {

std::optional<DType> dtypeOf(Type element) {
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
bool sameElements(DType a, DType b) { return a == b || (byteWidth(a) == 1 && byteWidth(b) == 1); }

class Interpreter {
public:
  using Visit = llvm::function_ref<FailureOr<AttentionResult>(const AttentionProblem &, Lookup)>;
  Interpreter(func::FuncOp function, Visit visit) : function(function), visit(visit) {}

  LogicalResult bindArguments(ArrayRef<TensorRef> arguments);
  LogicalResult run();
  SmallVector<Output> outputs; // filled by return

private:
  LogicalResult bindArgument(BlockArgument argument, const TensorRef &given);
  LogicalResult runOp(Operation *op);
  LogicalResult runAttention(AttentionOp op);
  LogicalResult runScalar(Operation *op);
  LogicalResult runConstant(Operation *op, DenseElementsAttr elements);
  LogicalResult runDim(Operation *op, Value source, Value index);
  LogicalResult runReturn(func::ReturnOp op);
  LogicalResult alias(Operation *op, Value source);
  LogicalResult allocate(Operation *op, ShapedType type, ValueRange sizes);
  LogicalResult copy(Operation *op, Value from, Value to);

  const RuntimeValue *find(Value value) const {
    auto found = values.find(value);
    return found == values.end() ? nullptr : &found->second;
  }
  TensorRef array(Value value) const {
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

  func::FuncOp function;
  Visit visit;
  llvm::DenseMap<Value, RuntimeValue> values;
  llvm::DenseMap<HostTensor *, std::vector<double>> bounds; // of arrays that an attention wrote
};

InFlightDiagnostic cannotEvaluate(Operation *op) {
  return op->emitError() << "the reference cannot evaluate '" << op->getName() << "'";
}

/// The arguments that the function writes.
llvm::SmallDenseSet<Value> writtenValues(func::FuncOp function) {
  llvm::SmallDenseSet<Value> written;
  auto add = [&](Value value) {
    while (auto cast = value.getDefiningOp<memref::CastOp>())
      value = cast.getSource();
    if (isa<BaseMemRefType>(value.getType()))
      written.insert(value);
  };
  function.walk([&](AttentionOp op) { llvm::for_each(op.getOuts(), add); });
  function.walk([&](memref::CopyOp op) { add(op.getTarget()); });
  return written;
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
  llvm::SmallDenseSet<Value> written = writtenValues(function);
  for (auto [argument, given] : llvm::zip_equal(function.getArguments(), arguments)) {
    if (failed(bindArgument(argument, given)))
      return failure();
    if (written.contains(argument))
      values[argument] = std::make_shared<HostTensor>(HostTensor::zeros(DType::F64, given->shape));
  }
  return success();
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

LogicalResult Interpreter::runAttention(AttentionOp op) {
  auto lookup = [&](Value value) { return find(value); };
  FailureOr<AttentionProblem> problem = AttentionProblem::create(op, lookup);
  if (failed(problem))
    return failure();
  std::vector<int64_t> shapes[] = {problem->outputShape(), problem->lseShape()};
  for (auto [k, out] : llvm::enumerate(op.getOuts())) {
    TensorRef target = array(out);
    if (!target || target->shape != shapes[k])
      return op.emitError() << (k == 0 ? "output" : "log-sum-exp") << " has shape "
                            << (target ? formatShape(target->shape) : "unknown") << ", but query and value make it "
                            << formatShape(shapes[k]);
  }
  FailureOr<AttentionResult> result = visit(*problem, lookup);
  if (failed(result))
    return failure();
  Output *parts[] = {&result->output, &result->lse};
  for (auto [k, value] : llvm::enumerate(op.getResults())) {
    auto target = std::make_shared<HostTensor>();
    values[value] = target;
    write(target, std::move(*parts[k]));
  }
  if (op.getNumResults() == 0)
    for (auto [k, out] : llvm::enumerate(op.getOuts()))
      write(array(out), std::move(*parts[k]));
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

LogicalResult interpret(Interpreter &interpreter, func::FuncOp function, ArrayRef<TensorRef> arguments) {
  try {
    return failure(failed(interpreter.bindArguments(arguments)) || failed(interpreter.run()));
  } catch (const std::bad_alloc &) {
    return function.emitError() << "the reference needs more memory than there is (8 bytes for every element)";
  }
}

LogicalResult checkFunction(func::FuncOp function) {
  if (function.isExternal())
    return function.emitError() << "has no body to evaluate";
  if (!function.getBody().hasOneBlock())
    return function.emitError() << "the reference evaluates functions of one block, without control flow";
  return success();
}

} // namespace

llvm::SmallVector<unsigned> fovea::reference::writtenArguments(func::FuncOp function) {
  llvm::SmallDenseSet<Value> written = writtenValues(function);
  llvm::SmallVector<unsigned> numbers;
  for (BlockArgument argument : function.getArguments())
    if (written.contains(argument))
      numbers.push_back(argument.getArgNumber());
  return numbers;
}

FailureOr<Evaluation> fovea::reference::evaluateFunction(func::FuncOp function, ArrayRef<TensorRef> arguments,
                                                         const EvaluationOptions &options) {
  if (failed(checkFunction(function)))
    return failure();
  Evaluation evaluation;
  EvaluationOptions perOp = options;
  // What a later attention reads must be complete.
  int64_t attentions = 0;
  function.walk([&](AttentionOp) { ++attentions; });
  if (attentions > 1)
    perOp.maxMultiplyAdds = std::numeric_limits<double>::infinity();
  auto visit = [&](const AttentionProblem &problem, Lookup lookup) {
    FailureOr<AttentionResult> result = evaluate(problem, lookup, perOp);
    if (succeeded(result)) {
      evaluation.rows += result->rows;
      evaluation.evaluatedRows += result->evaluatedRows;
    }
    return result;
  };
  Interpreter interpreter(function, visit);
  if (failed(interpret(interpreter, function, arguments)))
    return failure();
  evaluation.outputs.assign(std::make_move_iterator(interpreter.outputs.begin()),
                            std::make_move_iterator(interpreter.outputs.end()));
  return evaluation;
}

FailureOr<Work> fovea::reference::countWork(func::FuncOp function, ArrayRef<TensorRef> arguments, double maxPairs) {
  if (failed(checkFunction(function)))
    return failure();
  Work total;
  auto visit = [&](const AttentionProblem &problem, Lookup lookup) -> FailureOr<AttentionResult> {
    FailureOr<Work> work = countWork(problem, lookup, maxPairs);
    if (failed(work))
      return failure();
    total.pairs += work->pairs;
    total.flops += work->flops;
    total.exact &= work->exact;
    AttentionResult zeros; // only shapes matter from here on
    zeros.output.value = HostTensor::zeros(DType::F64, problem.outputShape());
    zeros.lse.value = HostTensor::zeros(DType::F64, problem.lseShape());
    return zeros;
  };
  Interpreter interpreter(function, visit);
  if (failed(interpret(interpreter, function, arguments)))
    return failure();
  return total;
}
