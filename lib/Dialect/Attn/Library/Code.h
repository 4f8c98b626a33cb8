// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Index and i1 arithmetic as it is written down, folding constants.
#ifndef FOVEA_LIB_DIALECT_ATTN_LIBRARY_CODE_H
#define FOVEA_LIB_DIALECT_ATTN_LIBRARY_CODE_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"

namespace fovea::attn {

struct Code {
  using Value = mlir::Value;
  using Predicate = mlir::arith::CmpIPredicate;

  mlir::OpBuilder &builder;
  mlir::Location loc;

  template <typename OpTy, typename... Args> Value emit(Args &&...args) const {
    return builder.createOrFold<OpTy>(loc, std::forward<Args>(args)...);
  }
  Value index(int64_t value) const { return mlir::arith::ConstantIndexOp::create(builder, loc, value); }
  Value real(double value) const { return constant(builder.getF32FloatAttr(static_cast<float>(value))); }
  Value truth(bool value) const { return constant(builder.getBoolAttr(value)); }
  Value constant(mlir::TypedAttr value) const { return mlir::arith::ConstantOp::create(builder, loc, value); }
  /// An attribute, index or float, becomes a constant.
  Value number(mlir::OpFoldResult number) const {
    if (auto value = mlir::dyn_cast<Value>(number))
      return value;
    return constant(mlir::cast<mlir::TypedAttr>(mlir::cast<mlir::Attribute>(number)));
  }
  /// What divides is at least 1, whatever it is at run time.
  Value divisor(mlir::OpFoldResult value) const { return max(number(value), index(1)); }

  Value add(Value x, Value y) const { return emit<mlir::arith::AddIOp>(x, y); }
  Value sub(Value x, Value y) const { return emit<mlir::arith::SubIOp>(x, y); }
  Value mul(Value x, Value y) const { return emit<mlir::arith::MulIOp>(x, y); }
  Value min(Value x, Value y) const { return emit<mlir::arith::MinSIOp>(x, y); }
  Value max(Value x, Value y) const { return emit<mlir::arith::MaxSIOp>(x, y); }
  Value clamp(Value x, Value low, Value high) const { return max(min(x, high), low); }
  Value magnitude(Value x) const { return emit<mlir::math::AbsIOp>(x); }
  Value floorDiv(Value x, Value y) const { return emit<mlir::arith::FloorDivSIOp>(x, y); }
  /// For x that is not negative: one op, of which the mask analysis knows the range.
  Value divPositive(Value x, Value y) const { return emit<mlir::arith::DivUIOp>(x, y); }
  Value modPositive(Value x, Value y) const { return emit<mlir::arith::RemUIOp>(x, y); }
  Value bitAnd(Value x, Value y) const { return emit<mlir::arith::AndIOp>(x, y); }
  Value shiftRight(Value x, Value y) const { return emit<mlir::arith::ShRSIOp>(x, y); }

  Value compare(Predicate predicate, Value x, Value y) const { return emit<mlir::arith::CmpIOp>(predicate, x, y); }
  Value less(Value x, Value y) const { return compare(Predicate::slt, x, y); }
  Value atMost(Value x, Value y) const { return compare(Predicate::sle, x, y); }
  Value atLeast(Value x, Value y) const { return compare(Predicate::sge, x, y); }
  Value equal(Value x, Value y) const { return compare(Predicate::eq, x, y); }
  Value both(Value x, Value y) const { return emit<mlir::arith::AndIOp>(x, y); }
  Value either(Value x, Value y) const { return emit<mlir::arith::OrIOp>(x, y); }

  /// Of an index below 2^31 in magnitude.
  Value toReal(Value x) const {
    Value narrow = emit<mlir::arith::IndexCastOp>(builder.getI32Type(), x);
    return emit<mlir::arith::SIToFPOp>(builder.getF32Type(), narrow);
  }
  Value addReal(Value x, Value y) const { return emit<mlir::arith::AddFOp>(x, y); }
  Value subReal(Value x, Value y) const { return emit<mlir::arith::SubFOp>(x, y); }
  Value mulReal(Value x, Value y) const { return emit<mlir::arith::MulFOp>(x, y); }
  Value divReal(Value x, Value y) const { return emit<mlir::arith::DivFOp>(x, y); }
};

} // namespace fovea::attn

#endif
