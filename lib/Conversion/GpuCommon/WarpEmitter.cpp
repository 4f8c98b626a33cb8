// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "WarpEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fovea;

WarpEmitter::WarpEmitter(Location loc, OpBuilder &builder) : ImplicitLocOpBuilder(loc, builder) {}

Value WarpEmitter::i32(int64_t value) { return arith::ConstantIntOp::create(*this, value, 32); }
Value WarpEmitter::index(int64_t value) { return arith::ConstantIndexOp::create(*this, value); }
Value WarpEmitter::real(float value) {
  return arith::ConstantFloatOp::create(*this, getF32Type(), llvm::APFloat(value));
}

Value WarpEmitter::add(Value a, Value c) { return createOrFold<arith::AddIOp>(a, c); }
Value WarpEmitter::sub(Value a, Value c) { return createOrFold<arith::SubIOp>(a, c); }
Value WarpEmitter::mul(Value a, Value c) { return createOrFold<arith::MulIOp>(a, c); }
static Value likewise(WarpEmitter &b, Value a, int64_t c) { return a.getType().isIndex() ? b.index(c) : b.i32(c); }
Value WarpEmitter::add(Value a, int64_t c) { return add(a, likewise(*this, a, c)); }
Value WarpEmitter::mul(Value a, int64_t c) { return mul(a, likewise(*this, a, c)); }
Value WarpEmitter::div(Value a, int64_t c) { return createOrFold<arith::DivUIOp>(a, likewise(*this, a, c)); }
Value WarpEmitter::rem(Value a, int64_t c) { return createOrFold<arith::RemUIOp>(a, likewise(*this, a, c)); }
Value WarpEmitter::bitXor(Value a, Value c) { return createOrFold<arith::XOrIOp>(a, c); }
Value WarpEmitter::bitXor(Value a, int64_t c) { return bitXor(a, likewise(*this, a, c)); }
Value WarpEmitter::less(Value a, Value c) { return arith::CmpIOp::create(*this, arith::CmpIPredicate::slt, a, c); }
Value WarpEmitter::least(Value a, Value c) { return createOrFold<arith::MinSIOp>(a, c); }
Value WarpEmitter::select(Value condition, Value a, Value c) { return arith::SelectOp::create(*this, condition, a, c); }
Value WarpEmitter::both(Value a, Value c) { return createOrFold<arith::AndIOp>(a, c); }
Value WarpEmitter::toIndex(Value integer) { return arith::IndexCastOp::create(*this, getIndexType(), integer); }
Value WarpEmitter::toI32(Value index) { return arith::IndexCastOp::create(*this, getI32Type(), index); }

Value WarpEmitter::addf(Value a, Value c) { return arith::AddFOp::create(*this, a, c); }
Value WarpEmitter::mulf(Value a, Value c) { return arith::MulFOp::create(*this, a, c); }
Value WarpEmitter::fma(Value a, Value c, Value d) { return math::FmaOp::create(*this, a, c, d); }
Value WarpEmitter::maxf(Value a, Value c) { return arith::MaxNumFOp::create(*this, a, c); }
Value WarpEmitter::equals(Value a, float c) {
  return arith::CmpFOp::create(*this, arith::CmpFPredicate::OEQ, a, real(c));
}
Value WarpEmitter::exp2(Value x) { return math::Exp2Op::create(*this, x); }

Value WarpEmitter::shuffleXor(Value value, int64_t offset) {
  return NVVM::ShflOp::create(*this, value.getType(), i32(-1), value, i32(offset), i32(kWarpLanes - 1),
                              NVVM::ShflKind::bfly, UnitAttr());
}

Value WarpEmitter::barrierOr(Value predicate) {
  auto kind = NVVM::BarrierReductionAttr::get(getContext(), NVVM::BarrierReduction::OR);
  return NVVM::BarrierOp::create(*this, TypeRange(getI32Type()), Value(), Value(), kind, predicate).getRes();
}

void WarpEmitter::barrierOfSome(int64_t number, int64_t threads) {
  NVVM::BarrierOp::create(*this, TypeRange(), i32(number), i32(threads), NVVM::BarrierReductionAttr(), Value());
}

/// The intrinsic by its name: nvvm.barrier forgets the reduction where it has a number of threads.
Value WarpEmitter::barrierOfSomeOr(Value predicate, int64_t number, int64_t threads) {
  return LLVM::CallIntrinsicOp::create(*this, getI1Type(), getStringAttr(kBarrierOfSomeOr),
                                       ValueRange{i32(number), i32(threads), predicate})
      .getResult(0);
}

Value WarpEmitter::pack(Value low, Value high, Type element) {
  Value pair = vector::FromElementsOp::create(*this, VectorType::get({2}, getF32Type()), ValueRange{low, high});
  Value rounded = arith::TruncFOp::create(*this, VectorType::get({2}, element), pair);
  return LLVM::BitcastOp::create(*this, getI32Type(), rounded);
}

Values WarpEmitter::fields(Value structure) {
  Values result;
  for (size_t k = 0; k < cast<LLVM::LLVMStructType>(structure.getType()).getBody().size(); ++k)
    result.push_back(LLVM::ExtractValueOp::create(*this, structure, ArrayRef<int64_t>{int64_t(k)}));
  return result;
}

Values WarpEmitter::ldmatrix(Value pointer, bool transposed) {
  auto type = LLVM::LLVMStructType::getLiteral(getContext(), SmallVector<Type>(4, getI32Type()));
  auto shape = NVVM::LdStMatrixShapeAttr::get(getContext(), 8, 8);
  return fields(NVVM::LdMatrixOp::create(*this, type, pointer, 4,
                                         transposed ? NVVM::MMALayout::col : NVVM::MMALayout::row, shape,
                                         NVVM::LdStMatrixEltType::B16));
}

Values WarpEmitter::mma(ValueRange a, ValueRange b, ValueRange acc, Type element) {
  auto operands = [&](ValueRange registers) {
    Values typed;
    for (Value value : registers)
      typed.push_back(element.isBF16() ? value // bf16 pairs are registers to PTX, f16 pairs vectors
                                       : Value(LLVM::BitcastOp::create(*this, VectorType::get({2}, element), value)));
    return typed;
  };
  NVVM::MMATypes type = element.isBF16() ? NVVM::MMATypes::bf16 : NVVM::MMATypes::f16;
  auto result = LLVM::LLVMStructType::getLiteral(getContext(), SmallVector<Type>(kFragmentValues, getF32Type()));
  return fields(NVVM::MmaOp::create(*this, result, operands(a), operands(b), acc,
                                    ArrayRef<int64_t>{kWarpRows, kFragmentColumns, kMmaDepth}, std::nullopt,
                                    std::nullopt, std::array<NVVM::MMATypes, 2>{type, type},
                                    std::array<NVVM::MMALayout, 2>{NVVM::MMALayout::row, NVVM::MMALayout::col}));
}

Value WarpEmitter::shared(Value base, Value bytes) {
  return LLVM::GEPOp::create(*this, base.getType(), getI8Type(), base, ArrayRef<LLVM::GEPArg>{bytes});
}

Value WarpEmitter::globalPointer(Value address) {
  Value wide = arith::IndexCastOp::create(*this, getI64Type(), address);
  return LLVM::IntToPtrOp::create(
      *this, LLVM::LLVMPointerType::get(getContext(), unsigned(NVVM::NVVMMemorySpace::Global)), wide);
}

Values WarpEmitter::choose(Value condition, TypeRange types, function_ref<Values()> yes, function_ref<Values()> no) {
  auto op = scf::IfOp::create(*this, types, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(op.thenBlock());
  scf::YieldOp::create(*this, yes());
  setInsertionPointToStart(op.elseBlock());
  scf::YieldOp::create(*this, no());
  return llvm::to_vector_of<Value>(op.getResults());
}

void WarpEmitter::when(Value condition, function_ref<void()> yes) {
  auto op = scf::IfOp::create(*this, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(op.thenBlock());
  yes();
}

Values WarpEmitter::loop(ValueRange initial, function_ref<Value(ValueRange)> condition,
                         function_ref<Values(ValueRange)> body) {
  auto op = scf::WhileOp::create(*this, initial.getTypes(), initial);
  SmallVector<Location> locations(initial.size(), getLoc());
  OpBuilder::InsertionGuard guard(*this);
  Block *before = createBlock(&op.getBefore(), {}, initial.getTypes(), locations);
  Value goesOn = condition(before->getArguments());
  scf::ConditionOp::create(*this, goesOn, before->getArguments());
  Block *after = createBlock(&op.getAfter(), {}, initial.getTypes(), locations);
  Values next = body(after->getArguments());
  scf::YieldOp::create(*this, next);
  return llvm::to_vector_of<Value>(op.getResults());
}
