// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Dialect/Attn/Utils/SafeOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

Value fovea::attn::loadOrZero(OpBuilder &builder, Location loc, Value memref, ValueRange indices) {
  if (indices.empty())
    return memref::LoadOp::create(builder, loc, memref, indices);
  auto metadata = memref::ExtractStridedMetadataOp::create(builder, loc, memref);
  Value inside;
  for (auto [index, size] : llvm::zip_equal(indices, metadata.getSizes())) {
    // Compared as unsigned, a negative index is too large as well.
    Value here = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult, index, size);
    inside = inside ? arith::AndIOp::create(builder, loc, inside, here).getResult() : here;
  }
  Type type = cast<MemRefType>(memref.getType()).getElementType();
  auto yes = [&](OpBuilder &b, Location l) {
    scf::YieldOp::create(b, l, ValueRange{memref::LoadOp::create(b, l, memref, indices)});
  };
  auto no = [&](OpBuilder &b, Location l) {
    scf::YieldOp::create(b, l, ValueRange{arith::ConstantOp::create(b, l, b.getZeroAttr(type))});
  };
  return scf::IfOp::create(builder, loc, inside, yes, no).getResult(0);
}

void fovea::attn::guardDivision(OpBuilder &builder, Operation *op) {
  bool isSigned = isa<arith::DivSIOp, arith::RemSIOp, arith::FloorDivSIOp, arith::CeilDivSIOp>(op);
  if (!isSigned && !isa<arith::DivUIOp, arith::RemUIOp, arith::CeilDivUIOp>(op))
    return;
  Value dividend = op->getOperand(0), divisor = op->getOperand(1);
  APInt known;
  if (matchPattern(divisor, m_ConstantInt(&known)) && !known.isZero() && !known.isAllOnes())
    return;
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(op);
  Type type = divisor.getType(), element = getElementTypeOrSelf(type);
  unsigned width = element.isIndex() ? 64 : element.getIntOrFloatBitWidth();
  auto constant = [&](const APInt &value) -> Value {
    TypedAttr scalar = builder.getIntegerAttr(element, value);
    if (auto vector = dyn_cast<VectorType>(type))
      return arith::ConstantOp::create(builder, op->getLoc(), DenseElementsAttr::get(vector, scalar));
    return arith::ConstantOp::create(builder, op->getLoc(), scalar);
  };
  auto equals = [&](Value value, const APInt &other) -> Value {
    return arith::CmpIOp::create(builder, op->getLoc(), arith::CmpIPredicate::eq, value, constant(other));
  };
  Value traps = equals(divisor, APInt::getZero(width));
  if (isSigned) {
    Value overflows = arith::AndIOp::create(builder, op->getLoc(), equals(divisor, APInt::getAllOnes(width)),
                                            equals(dividend, APInt::getSignedMinValue(width)));
    traps = arith::OrIOp::create(builder, op->getLoc(), traps, overflows);
  }
  op->setOperand(1, arith::SelectOp::create(builder, op->getLoc(), traps, constant(APInt(width, 1)), divisor));
}
