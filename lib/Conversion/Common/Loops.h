// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_CONVERSION_COMMON_LOOPS_H
#define FOVEA_LIB_CONVERSION_COMMON_LOOPS_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <limits>

namespace fovea {

/// Short names for what scalar loops are made of.
struct Loops : mlir::ImplicitLocOpBuilder {
  Loops(mlir::Location loc, mlir::OpBuilder &builder) : ImplicitLocOpBuilder(loc, builder) {}

  mlir::Value index(int64_t value) { return mlir::arith::ConstantIndexOp::create(*this, value); }
  mlir::Value real(float value) {
    return mlir::arith::ConstantFloatOp::create(*this, getF32Type(), llvm::APFloat(value));
  }
  mlir::Value negativeInfinity() { return real(-std::numeric_limits<float>::infinity()); }
  mlir::Value load(mlir::Value buffer, mlir::ValueRange indices) {
    return mlir::memref::LoadOp::create(*this, buffer, indices);
  }
  void store(mlir::Value value, mlir::Value buffer, mlir::ValueRange indices) {
    mlir::memref::StoreOp::create(*this, value, buffer, indices);
  }
  mlir::Value buffer(llvm::ArrayRef<int64_t> shape, mlir::Type type) {
    return mlir::memref::AllocOp::create(*this, mlir::MemRefType::get(shape, type));
  }
  mlir::Value add(mlir::Value a, mlir::Value c) { return mlir::arith::AddFOp::create(*this, a, c); }
  mlir::Value sub(mlir::Value a, mlir::Value c) { return mlir::arith::SubFOp::create(*this, a, c); }
  mlir::Value mul(mlir::Value a, mlir::Value c) { return mlir::arith::MulFOp::create(*this, a, c); }
  mlir::Value exp(mlir::Value x) { return mlir::math::ExpOp::create(*this, x); }
  mlir::Value equals(mlir::Value a, float c) {
    return mlir::arith::CmpFOp::create(*this, mlir::arith::CmpFPredicate::OEQ, a, real(c));
  }
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value c) {
    return mlir::arith::SelectOp::create(*this, condition, a, c);
  }

  /// for (i = 0; i < end; ++i) body(i)
  void loop(mlir::Value end, llvm::function_ref<void(mlir::Value)> body) {
    auto op = mlir::scf::ForOp::create(*this, index(0), end, index(1));
    OpBuilder::InsertionGuard guard(*this);
    setInsertionPointToStart(op.getBody());
    body(op.getInductionVar());
  }

  /// for (i = 0; i < end; ++i) x = body(i, x)
  mlir::Value fold(mlir::Value end, mlir::Value initial,
                   llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)> body) {
    auto op = mlir::scf::ForOp::create(*this, index(0), end, index(1), initial);
    OpBuilder::InsertionGuard guard(*this);
    setInsertionPointToStart(op.getBody());
    mlir::Value next = body(op.getInductionVar(), op.getRegionIterArg(0));
    mlir::scf::YieldOp::create(*this, next);
    return op.getResult(0);
  }

  mlir::Value choose(mlir::Value condition, mlir::Type type, llvm::function_ref<mlir::Value()> yes,
                     llvm::function_ref<mlir::Value()> no) {
    auto op = mlir::scf::IfOp::create(*this, type, condition, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(*this);
    setInsertionPointToStart(op.thenBlock());
    mlir::scf::YieldOp::create(*this, yes());
    setInsertionPointToStart(op.elseBlock());
    mlir::scf::YieldOp::create(*this, no());
    return op.getResult(0);
  }
};

} // namespace fovea

#endif
