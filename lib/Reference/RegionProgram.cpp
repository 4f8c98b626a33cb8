// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Reference/RegionProgram.h"

#include "ScalarKernels.h"
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace fovea::reference;

unsigned fovea::reference::integerWidth(Type type) {
  if (isa<IndexType>(type))
    return 64;
  return isa<IntegerType>(type) ? type.getIntOrFloatBitWidth() : 0;
}

static InFlightDiagnostic cannotEvaluate(Operation *op) {
  return op->emitError() << "the reference cannot evaluate '" << op->getName() << "'";
}

unsigned RegionProgram::newSlot() {
  intSlots.resize(intSlots.size() + kBlock);
  floatSlots.resize(floatSlots.size() + kBlock);
  return slotCount++;
}

/// Values of this program have their slots; a captured scalar fills one now.
FailureOr<unsigned> RegionProgram::slotOf(Value value, Operation *user, Lookup lookup) {
  if (auto known = slots.find(value); known != slots.end())
    return known->second;
  const RuntimeValue *captured = lookup(value);
  if (!captured || std::holds_alternative<TensorRef>(*captured))
    return cannotEvaluate(user) << ": an operand has no scalar value here";
  unsigned slot = newSlot();
  if (auto *integer = std::get_if<int64_t>(captured))
    std::fill_n(&intSlots[slot * kBlock], kBlock, signExtend(*integer, integerWidth(value.getType())));
  else
    std::fill_n(&floatSlots[slot * kBlock], kBlock, std::get<double>(*captured));
  return slots[value] = slot;
}

LogicalResult RegionProgram::addRead(Operation &op, Value array, ValueRange indices, Lookup lookup) {
  const RuntimeValue *captured = lookup(array);
  if (!captured || !std::holds_alternative<TensorRef>(*captured))
    return cannotEvaluate(&op) << ": the array is not known here";
  Type type = op.getResult(0).getType();
  Instruction in;
  in.op = &op;
  in.array = std::get<TensorRef>(*captured);
  if (in.array->shape.size() != indices.size() || isFloat(in.array->dtype) != isa<FloatType>(type))
    return cannotEvaluate(&op) << ": the array has another rank or element type than its type says";
  for (Value index : indices) {
    FailureOr<unsigned> slot = slotOf(index, &op, lookup);
    if (failed(slot))
      return failure();
    in.operands.push_back(*slot * kBlock);
  }
  in.kernel = elementRead(isa<FloatType>(type));
  in.resultWidth = integerWidth(type);
  in.result = (slots[op.getResult(0)] = newSlot()) * kBlock;
  code.push_back(std::move(in));
  return success();
}

LogicalResult RegionProgram::add(Operation &op, Lookup lookup) {
  if (auto extract = dyn_cast<tensor::ExtractOp>(op))
    return addRead(op, extract.getTensor(), extract.getIndices(), lookup);
  if (auto load = dyn_cast<memref::LoadOp>(op))
    return addRead(op, load.getMemref(), load.getIndices(), lookup);
  if (op.getNumResults() != 1 || !op.getResult(0).getType().isIntOrIndexOrFloat())
    return cannotEvaluate(&op);
  Type type = op.getResult(0).getType();
  if (isa<IntegerType>(type) && (integerWidth(type) == 0 || integerWidth(type) > 64))
    return cannotEvaluate(&op) << ": integers have 1 to 64 bits here";
  Attribute constant;
  if (matchPattern(&op, m_Constant(&constant))) {
    unsigned slot = slots[op.getResult(0)] = newSlot();
    if (auto integer = dyn_cast<IntegerAttr>(constant))
      std::fill_n(&intSlots[slot * kBlock], kBlock, integer.getValue().getSExtValue());
    else if (auto real = dyn_cast<FloatAttr>(constant))
      std::fill_n(&floatSlots[slot * kBlock], kBlock, real.getValueAsDouble());
    else
      return cannotEvaluate(&op);
    return success();
  }
  const Kernel *kernel = findKernel(op.getName().getStringRef());
  if (!kernel)
    return cannotEvaluate(&op);
  Instruction in;
  in.kernel = *kernel;
  in.op = &op;
  for (Value operand : op.getOperands()) {
    FailureOr<unsigned> slot = slotOf(operand, &op, lookup);
    if (failed(slot))
      return failure();
    in.operands.push_back(*slot * kBlock);
  }
  in.operandWidth = op.getNumOperands() ? integerWidth(op.getOperand(0).getType()) : 0;
  in.resultWidth = integerWidth(type);
  if (auto compare = dyn_cast<arith::CmpIOp>(op))
    in.predicate = static_cast<int64_t>(compare.getPredicate());
  if (auto compare = dyn_cast<arith::CmpFOp>(op))
    in.predicate = static_cast<int64_t>(compare.getPredicate());
  in.result = (slots[op.getResult(0)] = newSlot()) * kBlock;
  code.push_back(std::move(in));
  return success();
}

FailureOr<RegionProgram> RegionProgram::compile(Region &region, Lookup lookup) {
  RegionProgram program;
  program.hasScore = region.getNumArguments() != 4;
  program.hasPositions = region.getNumArguments() >= 4;
  for (BlockArgument argument : region.getArguments())
    program.slots[argument] = program.newSlot();
  for (Operation &op : region.front().without_terminator())
    if (failed(program.add(op, lookup)))
      return failure();
  Operation *yield = region.front().getTerminator();
  FailureOr<unsigned> result = program.slotOf(yield->getOperand(0), yield, lookup);
  if (failed(result))
    return failure();
  program.result = *result;
  program.floatResult = isa<FloatType>(yield->getOperand(0).getType());
  return program;
}

FailureOr<RegionProgram> RegionProgram::compile(Operation *op, Lookup lookup) {
  RegionProgram program;
  if (failed(program.add(*op, lookup)))
    return failure();
  program.result = program.slots[op->getResult(0)];
  program.floatResult = isa<FloatType>(op->getResult(0).getType());
  return program;
}

LogicalResult RegionProgram::reportFault(const Instruction &in, const Frame &frame, const Positions &at) const {
  InFlightDiagnostic error = in.op->emitError() << "'" << in.op->getName() << "' " << frame.why;
  if (hasPositions)
    error << " at b = " << at.b << ", h = " << at.h << ", i = " << at.i << ", j = " << at.j + frame.fault;
  return error;
}

LogicalResult RegionProgram::run(const Positions &at, const double *scores, const uint8_t *live) {
  if (hasPositions) {
    int64_t *ints = intSlots.data() + (hasScore ? kBlock : 0);
    std::fill_n(ints, at.count, at.b);
    std::fill_n(ints + kBlock, at.count, at.h);
    std::fill_n(ints + 2 * kBlock, at.count, at.i);
    for (int64_t k = 0; k < at.count; ++k)
      ints[3 * kBlock + k] = at.j + k;
  }
  if (hasScore)
    std::copy_n(scores, at.count, floatSlots.data());
  Frame frame{intSlots.data(), floatSlots.data(), at.count, live, -1, {}};
  for (const Instruction &in : code) {
    in.kernel(in, frame);
    if (frame.fault >= 0)
      return reportFault(in, frame, at);
  }
  return success();
}
