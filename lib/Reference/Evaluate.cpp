// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Interpreter.h"

#include <new>

using namespace mlir;
using namespace fovea::reference;
using fovea::attn::AttentionOp;

namespace {

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

FailureOr<Evaluation> fovea::reference::evaluateFunction(func::FuncOp function, ArrayRef<TensorRef> arguments,
                                                         const EvaluationOptions &options) {
  if (failed(checkFunction(function)))
    return failure();
  Evaluation evaluation;
  EvaluationOptions perOp = options;
  // What a later attention reads must be complete.
  int64_t attentions = 0;
  function.walk([&](AttentionOp) { ++attentions; });
  function.walk([&](fovea::attn::LinearAttentionOp) { ++attentions; });
  if (attentions > 1)
    perOp.maxMultiplyAdds = std::numeric_limits<double>::infinity();
  auto visit = [&](const auto &problem, Lookup lookup) {
    auto result = evaluate(problem, lookup, perOp);
    if (succeeded(result)) {
      evaluation.rows += result->rows;
      evaluation.evaluatedRows += result->evaluatedRows;
    }
    return result;
  };
  Interpreter interpreter(function, visit, visit);
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
    total.additive |= work->additive;
    total.flops += work->flops;
    total.exact &= work->exact;
    AttentionResult zeros; // only shapes matter from here on
    zeros.output.value = HostTensor::zeros(DType::F64, problem.outputShape());
    zeros.lse.value = HostTensor::zeros(DType::F64, problem.lseShape());
    return zeros;
  };
  auto visitLinear = [&](const LinearProblem &problem, Lookup) -> FailureOr<LinearResult> {
    Work work = countWork(problem);
    total.stateSteps += work.stateSteps;
    total.flops += work.flops;
    LinearResult zeros;
    zeros.output.value = HostTensor::zeros(DType::F64, problem.outputShape());
    zeros.state.value = HostTensor::zeros(DType::F64, problem.stateShape());
    return zeros;
  };
  Interpreter interpreter(function, visit, visitLinear);
  if (failed(interpret(interpreter, function, arguments)))
    return failure();
  return total;
}
