// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Evaluator.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace fovea::test {

namespace {

unsigned widthOf(Type type) { return type.isIntOrFloat() ? type.getIntOrFloatBitWidth() : 64; }

int64_t wrap(uint64_t value, unsigned width) { return width == 1 ? value & 1 : llvm::SignExtend64(value, width); }

uint64_t unsignedValue(int64_t value, unsigned width) { return value & llvm::maskTrailingOnes<uint64_t>(width); }

/// As arith sees it: a true i1 is -1.
int64_t signedValue(int64_t value, unsigned width) { return width == 1 ? -value : value; }

std::optional<Instruction::Code> binaryCode(Operation *op) {
  using I = Instruction;
  return llvm::TypeSwitch<Operation *, std::optional<I::Code>>(op)
      .Case<arith::AddIOp>([](auto) { return I::Add; })
      .Case<arith::SubIOp>([](auto) { return I::Sub; })
      .Case<arith::MulIOp>([](auto) { return I::Mul; })
      .Case<arith::AndIOp>([](auto) { return I::And; })
      .Case<arith::OrIOp>([](auto) { return I::Or; })
      .Case<arith::XOrIOp>([](auto) { return I::Xor; })
      .Case<arith::ShLIOp>([](auto) { return I::ShL; })
      .Case<arith::ShRSIOp>([](auto) { return I::ShRS; })
      .Case<arith::ShRUIOp>([](auto) { return I::ShRU; })
      .Case<arith::MinSIOp>([](auto) { return I::MinS; })
      .Case<arith::MaxSIOp>([](auto) { return I::MaxS; })
      .Case<arith::MinUIOp>([](auto) { return I::MinU; })
      .Case<arith::MaxUIOp>([](auto) { return I::MaxU; })
      .Case<arith::DivSIOp>([](auto) { return I::DivS; })
      .Case<arith::DivUIOp>([](auto) { return I::DivU; })
      .Case<arith::FloorDivSIOp>([](auto) { return I::FloorDiv; })
      .Case<arith::CeilDivSIOp>([](auto) { return I::CeilDivS; })
      .Case<arith::CeilDivUIOp>([](auto) { return I::CeilDivU; })
      .Case<arith::RemSIOp>([](auto) { return I::RemS; })
      .Case<arith::RemUIOp>([](auto) { return I::RemU; })
      .Case<arith::SelectOp>([](auto) { return I::Select; })
      .Case<math::AbsIOp>([](auto) { return I::Abs; })
      .Case<arith::SIToFPOp>([](auto) { return I::ToFloat; })
      .Case<memref::LoadOp, tensor::ExtractOp>([](auto) { return I::Load; })
      .Case<arith::IndexCastOp, arith::ExtSIOp, arith::TruncIOp>([](auto) { return I::Copy; })
      .Case<arith::IndexCastUIOp, arith::ExtUIOp>([](auto) { return I::ZeroExtend; })
      .Case<arith::CmpFOp>([](auto) { return I::FloatLess; })
      .Default(std::optional<I::Code>());
}

bool compare(arith::CmpIPredicate predicate, int64_t x, int64_t y, unsigned width) {
  using P = arith::CmpIPredicate;
  int64_t s = signedValue(x, width), t = signedValue(y, width);
  uint64_t u = unsignedValue(x, width), v = unsignedValue(y, width);
  switch (predicate) {
  case P::eq:
    return x == y;
  case P::ne:
    return x != y;
  case P::slt:
    return s < t;
  case P::sle:
    return s <= t;
  case P::sgt:
    return s > t;
  case P::sge:
    return s >= t;
  case P::ult:
    return u < v;
  case P::ule:
    return u <= v;
  case P::ugt:
    return u > v;
  case P::uge:
    return u >= v;
  }
  llvm_unreachable("unknown predicate");
}

float asFloat(int64_t bits) { return llvm::bit_cast<float>(static_cast<uint32_t>(bits)); }

} // namespace

int64_t tableValue(int64_t seed, int64_t index, unsigned width) {
  uint64_t mixed = (static_cast<uint64_t>(seed) + index / 37 * 0x9E3779B97F4A7C15u) * 0xD1B54A32D192ED03u;
  mixed ^= mixed >> 29;
  if (width == 8) // tables of truth values
    return mixed >> 8 & 1;
  bool isExtreme = mixed % 16 == 0;
  return wrap(isExtreme ? mixed * 0x2545F4914F6CDD1Du : (mixed >> 8) % 400, width);
}

Program::Program(Block &block) {
  code = compile(block);
  for (Value value : block.getTerminator()->getOperands())
    outputs.push_back(slotOf(value));
}

unsigned Program::slotOf(Value value) {
  auto [position, isNew] = slotOfValue.try_emplace(value, slots.size());
  if (isNew)
    slots.push_back(0);
  return position->second;
}

Program::Code Program::compile(Block &block) {
  Code result;
  for (Operation &op : block.without_terminator()) {
    if (isa<scf::ForOp>(op)) {
      compileLoop(&op, result);
      continue;
    }
    Instruction instruction{Instruction::Constant};
    instruction.width = widthOf(op.getResult(0).getType());
    instruction.result = slotOf(op.getResult(0));
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      if (auto integer = dyn_cast<IntegerAttr>(constant.getValue()))
        instruction.immediate = wrap(integer.getValue().getZExtValue(), instruction.width);
      else
        instruction.immediate = cast<FloatAttr>(constant.getValue()).getValue().bitcastToAPInt().getSExtValue();
      result.push_back(instruction);
      continue;
    }
    unsigned *operands[] = {&instruction.a, &instruction.b, &instruction.c};
    for (auto [slot, operand] : llvm::zip(operands, op.getOperands()))
      *slot = slotOf(operand);
    if (auto comparison = dyn_cast<arith::CmpIOp>(op)) {
      instruction.code = Instruction::Compare;
      instruction.immediate = static_cast<int64_t>(comparison.getPredicate());
      instruction.width = widthOf(comparison.getLhs().getType());
    } else {
      std::optional<Instruction::Code> code = binaryCode(&op);
      if (!code)
        llvm::report_fatal_error(llvm::Twine("the evaluator does not know ") + op.getName().getStringRef());
      instruction.code = *code;
    }
    if (instruction.code == Instruction::Load)
      instruction.immediate = op.getNumOperands() - 1;
    if (instruction.code == Instruction::ZeroExtend ||
        (instruction.code == Instruction::Copy && widthOf(op.getOperand(0).getType()) == 1))
      instruction.immediate = widthOf(op.getOperand(0).getType());
    result.push_back(instruction);
  }
  return result;
}

void Program::compileLoop(Operation *op, Code &code) {
  auto forOp = cast<scf::ForOp>(op);
  auto slotsOf = [&](ValueRange values) {
    std::vector<unsigned> result;
    for (Value value : values)
      result.push_back(slotOf(value));
    return result;
  };
  Loop loop;
  loop.body = compile(*forOp.getBody());
  loop.induction = slotOf(forOp.getInductionVar());
  loop.initial = slotsOf(forOp.getInitArgs());
  loop.carried = slotsOf(forOp.getRegionIterArgs());
  loop.yielded = slotsOf(forOp.getYieldedValues());
  loop.results = slotsOf(forOp.getResults());
  loops.push_back(std::move(loop));
  Instruction instruction{Instruction::Loop};
  instruction.a = slotOf(forOp.getLowerBound());
  instruction.b = slotOf(forOp.getUpperBound());
  instruction.c = slotOf(forOp.getStep());
  instruction.immediate = loops.size() - 1;
  code.push_back(instruction);
}

bool Program::run(const Code &code) {
  for (const Instruction &instruction : code)
    if (!run(instruction))
      return false;
  return true;
}

bool Program::runLoop(const Instruction &instruction) {
  const Loop &loop = loops[instruction.immediate];
  std::vector<int64_t> state;
  for (unsigned slot : loop.initial)
    state.push_back(slots[slot]);
  int64_t end = slots[instruction.b], step = slots[instruction.c];
  for (int64_t i = slots[instruction.a]; i < end; i += step) {
    slots[loop.induction] = i;
    for (auto [slot, value] : llvm::zip(loop.carried, state))
      slots[slot] = value;
    if (!run(loop.body))
      return false;
    for (auto [value, slot] : llvm::zip(state, loop.yielded))
      value = slots[slot];
  }
  for (auto [slot, value] : llvm::zip(loop.results, state))
    slots[slot] = value;
  return true;
}

bool Program::run(const Instruction &in) {
  unsigned width = in.width;
  int64_t a = slots[in.a], b = slots[in.b];
  uint64_t ua = unsignedValue(a, width), ub = unsignedValue(b, width);
  bool isOverflow = b == -1 && width > 1 && a == llvm::minIntN(width);
  auto set = [&](uint64_t value) {
    slots[in.result] = wrap(value, width);
    return true;
  };
  auto shift = [&](uint64_t value) {
    poisoned |= ub >= width;
    return set(value);
  };
  switch (in.code) {
  case Instruction::Constant:
    slots[in.result] = in.immediate;
    return true;
  case Instruction::Copy:
    return set(in.immediate == 1 ? -a : a);
  case Instruction::ZeroExtend:
    return set(unsignedValue(a, in.immediate));
  case Instruction::Add:
    return set(static_cast<uint64_t>(a) + b);
  case Instruction::Sub:
    return set(static_cast<uint64_t>(a) - b);
  case Instruction::Mul:
    return set(static_cast<uint64_t>(a) * b);
  case Instruction::And:
    return set(a & b);
  case Instruction::Or:
    return set(a | b);
  case Instruction::Xor:
    return set(a ^ b);
  case Instruction::ShL:
    return shift(static_cast<uint64_t>(a) << (ub & 63));
  case Instruction::ShRS:
    return shift(a >> (ub & 63));
  case Instruction::ShRU:
    return shift(ua >> (ub & 63));
  case Instruction::MinS:
    return set(std::min(a, b));
  case Instruction::MaxS:
    return set(std::max(a, b));
  case Instruction::MinU:
    return set(std::min(ua, ub));
  case Instruction::MaxU:
    return set(std::max(ua, ub));
  case Instruction::DivS:
    return b != 0 && !isOverflow && set(a / b);
  case Instruction::FloorDiv:
    return b != 0 && !isOverflow && set(a / b - (a % b != 0 && (a < 0) != (b < 0)));
  case Instruction::CeilDivS:
    return b != 0 && !isOverflow && set(a / b + (a % b != 0 && (a < 0) == (b < 0)));
  case Instruction::RemS:
    return b != 0 && !isOverflow && set(a % b);
  case Instruction::DivU:
    return b != 0 && set(ua / ub);
  case Instruction::CeilDivU:
    return b != 0 && set(ua / ub + (ua % ub != 0));
  case Instruction::RemU:
    return b != 0 && set(ua % ub);
  case Instruction::Abs:
    return set(a < 0 ? -static_cast<uint64_t>(a) : a);
  case Instruction::Compare:
    slots[in.result] = compare(static_cast<arith::CmpIPredicate>(in.immediate), a, b, width);
    return true;
  case Instruction::Select:
    slots[in.result] = a ? b : slots[in.c];
    return true;
  case Instruction::ToFloat:
    slots[in.result] = llvm::bit_cast<int32_t>(static_cast<float>(a));
    return true;
  case Instruction::FloatLess:
    slots[in.result] = asFloat(a) < asFloat(b);
    return true;
  case Instruction::Load:
    return set(tableValue(a, in.immediate == 2 ? matrixIndex(b, slots[in.c]) : b, width));
  case Instruction::Loop:
    return runLoop(in);
  }
  llvm_unreachable("unknown instruction");
}

} // namespace fovea::test
