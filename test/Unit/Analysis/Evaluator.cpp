// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Evaluator.h"

#include "../../../runtime/Summaries.h"
#include "fovea/Dialect/Attn/IR/Attn.h"
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
      .Case<math::CountLeadingZerosOp>([](auto) { return I::LeadingZeros; })
      .Case<arith::IndexCastOp, arith::ExtSIOp, arith::TruncIOp>([](auto) { return I::Copy; })
      .Case<arith::IndexCastUIOp, arith::ExtUIOp>([](auto) { return I::ZeroExtend; })
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

Buffer Buffer::zeros(std::vector<int64_t> sizes, bool isFloat) {
  Buffer buffer{{}, std::move(sizes), {}, isFloat};
  int64_t total = 1;
  buffer.strides.resize(buffer.sizes.size());
  for (size_t d = buffer.sizes.size(); d-- > 0; total *= buffer.sizes[d])
    buffer.strides[d] = total;
  buffer.data.resize(total);
  return buffer;
}

const int64_t *Buffer::at(ArrayRef<int64_t> indices) const {
  int64_t offset = 0;
  for (size_t d = 0; d < sizes.size(); ++d) {
    if (indices[d] < 0 || indices[d] >= sizes[d])
      return nullptr;
    offset += indices[d] * strides[d];
  }
  return &data[offset];
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
    if (isa<scf::IfOp>(op)) {
      compileBranch(&op, result);
      continue;
    }
    if (auto summary = dyn_cast<attn::SummaryOp>(op)) {
      compileSummary(summary, result);
      continue;
    }
    if (auto metadata = dyn_cast<memref::ExtractStridedMetadataOp>(op)) {
      Instruction sizes{Instruction::Sizes};
      sizes.a = slotOf(metadata.getSource());
      sizes.more = slotsOf(metadata.getSizes());
      result.push_back(std::move(sizes));
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
    if (isa<memref::LoadOp, tensor::ExtractOp>(op)) {
      instruction.code = Instruction::Load;
      instruction.a = slotOf(op.getOperand(0));
      instruction.more = slotsOf(op.getOperands().drop_front());
      result.push_back(std::move(instruction));
      continue;
    }
    unsigned *operands[] = {&instruction.a, &instruction.b, &instruction.c};
    for (auto [slot, operand] : llvm::zip(operands, op.getOperands()))
      *slot = slotOf(operand);
    if (auto comparison = dyn_cast<arith::CmpIOp>(op)) {
      instruction.code = Instruction::Compare;
      instruction.immediate = static_cast<int64_t>(comparison.getPredicate());
      instruction.width = widthOf(comparison.getLhs().getType());
    } else if (auto floats = dyn_cast<arith::CmpFOp>(op)) {
      instruction.code = Instruction::FloatCompare;
      instruction.immediate = static_cast<int64_t>(floats.getPredicate());
    } else {
      std::optional<Instruction::Code> code = binaryCode(&op);
      if (!code)
        llvm::report_fatal_error(llvm::Twine("the evaluator does not know ") + op.getName().getStringRef());
      instruction.code = *code;
    }
    if (instruction.code == Instruction::ZeroExtend ||
        (instruction.code == Instruction::Copy && widthOf(op.getOperand(0).getType()) == 1))
      instruction.immediate = widthOf(op.getOperand(0).getType());
    result.push_back(std::move(instruction));
  }
  return result;
}

std::vector<unsigned> Program::slotsOf(ValueRange values) {
  std::vector<unsigned> result;
  for (Value value : values)
    result.push_back(slotOf(value));
  return result;
}

void Program::compileBranch(Operation *op, Code &code) {
  auto ifOp = cast<scf::IfOp>(op);
  Branch branch;
  branch.yes = compile(*ifOp.thenBlock());
  branch.no = compile(*ifOp.elseBlock());
  branch.yielded = slotsOf(ifOp.thenYield().getOperands());
  branch.otherwise = slotsOf(ifOp.elseYield().getOperands());
  branch.results = slotsOf(ifOp.getResults());
  branches.push_back(std::move(branch));
  Instruction instruction{Instruction::If};
  instruction.a = slotOf(ifOp.getCondition());
  instruction.immediate = branches.size() - 1;
  code.push_back(std::move(instruction));
}

void Program::compileSummary(attn::SummaryOp op, Code &code) {
  summaries.push_back({static_cast<int32_t>(op.getKind()), op.getDims().vec(), op.getGrains().vec()});
  Instruction instruction{Instruction::Summary};
  instruction.a = slotOf(op.getSource());
  instruction.result = slotOf(op.getTable());
  instruction.immediate = summaries.size() - 1;
  code.push_back(std::move(instruction));
}

void Program::compileLoop(Operation *op, Code &code) {
  auto forOp = cast<scf::ForOp>(op);
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

bool Program::runBranch(const Instruction &instruction) {
  const Branch &branch = branches[instruction.immediate];
  bool isTrue = slots[instruction.a];
  if (!run(isTrue ? branch.yes : branch.no))
    return false;
  for (auto [result, slot] : llvm::zip(branch.results, isTrue ? branch.yielded : branch.otherwise))
    slots[result] = slots[slot];
  return true;
}

bool Program::runLoad(const Instruction &in) {
  auto buffer = buffers.find(in.a);
  if (buffer == buffers.end()) {
    int64_t index = in.more.size() == 2 ? matrixIndex(slots[in.more[0]], slots[in.more[1]]) : slots[in.more[0]];
    slots[in.result] = wrap(tableValue(slots[in.a], index, in.width), in.width);
    return true;
  }
  SmallVector<int64_t, 6> indices;
  for (unsigned slot : in.more)
    indices.push_back(slots[slot]);
  const int64_t *element = buffer->second.at(indices);
  slots[in.result] = element ? *element : 0;
  return element || !readsOutsideTrap;
}

/// By the code that a plan does it with.
void Program::runSummary(const Instruction &in) {
  if (buffers.count(in.result))
    return; // its source has not changed
  const Buffer &source = buffers.at(in.a);
  const Summarized &summarized = summaries[in.immediate];
  fovea_summary summary = {0, summarized.kind, {-1, -1}, {1, 1}};
  fovea_param param = {};
  param.dtype_code = source.isFloat ? kDLFloat : kDLInt;
  param.dtype_bits = source.isFloat ? 32 : 64; // a float has its half of an int64
  param.rank = source.sizes.size();
  fovea_value tensor = {}, value = {};
  tensor.as.data = const_cast<int64_t *>(source.data.data());
  for (size_t d = 0; d < source.sizes.size(); ++d) {
    tensor.sizes[d] = source.sizes[d];
    tensor.strides[d] = source.strides[d] * (source.isFloat ? 2 : 1);
  }
  for (size_t n = 0; n < summarized.dims.size(); ++n) {
    summary.dims[n] = summarized.dims[n];
    summary.grains[n] = summarized.grains[n];
  }
  Buffer table;
  if (makeSummary(param, tensor, summary, table.data, value).failed())
    llvm::report_fatal_error("a summary of a test is too large");
  table.sizes.assign(value.sizes, value.sizes + param.rank);
  table.strides.assign(value.strides, value.strides + param.rank);
  buffers[in.result] = std::move(table);
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
  case Instruction::FloatCompare:
    slots[in.result] = in.immediate == static_cast<int64_t>(arith::CmpFPredicate::OGT) ? asFloat(a) > asFloat(b)
                                                                                       : asFloat(a) < asFloat(b);
    return true;
  case Instruction::LeadingZeros:
    return set(llvm::countl_zero(static_cast<uint64_t>(a)));
  case Instruction::Load:
    return runLoad(in);
  case Instruction::Sizes:
    for (auto [dim, slot] : llvm::enumerate(in.more)) {
      auto buffer = buffers.find(in.a);
      slots[slot] = buffer == buffers.end() ? INT64_MAX : buffer->second.sizes[dim];
    }
    return true;
  case Instruction::Summary:
    runSummary(in);
    return true;
  case Instruction::If:
    return runBranch(in);
  case Instruction::Loop:
    return runLoop(in);
  }
  llvm_unreachable("unknown instruction");
}

} // namespace fovea::test
