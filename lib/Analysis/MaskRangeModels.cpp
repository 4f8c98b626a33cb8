// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which op follows which rule.
#include "MaskRangeRules.h"
#include "fovea/Analysis/MaskClassifier.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/DialectRegistry.h"

using namespace mlir;

namespace fovea {

#include "fovea/Analysis/MaskRangeOpInterface.cpp.inc"

namespace {

using Rule = MaskRange(Operation *, MaskRangeBuilder &, rules::Operands);

template <typename OpTy, Rule rule> struct Model : MaskRangeOpInterface::ExternalModel<Model<OpTy, rule>, OpTy> {
  MaskRange emitRange(Operation *op, MaskRangeBuilder &builder, ArrayRef<MaskRange> operands) const {
    return rule(op, builder, operands);
  }
};

/// Integers in, an integer out; arithmetic on i1 is not worth a rule.
template <Rule rule> MaskRange integers(Operation *op, MaskRangeBuilder &builder, rules::Operands operands) {
  bool isKnown = llvm::all_of(operands, [](const MaskRange &range) { return range.isKnown(); });
  if (!isKnown || rules::isBoolean(op->getResult(0).getType()))
    return MaskRange::unknown();
  return rule(op, builder, operands);
}

template <typename OpTy, Rule rule> void attach(MLIRContext *context) {
  OpTy::template attachInterface<Model<OpTy, rule>>(*context);
}

template <typename OpTy, Rule rule> void attachIntegers(MLIRContext *context) { attach<OpTy, integers<rule>>(context); }

void attachArithmetic(MLIRContext *context) {
  using rules::Sign;
  attachIntegers<arith::AddIOp, rules::add>(context);
  attachIntegers<arith::SubIOp, rules::subtract>(context);
  attachIntegers<arith::MulIOp, rules::multiply>(context);
  attachIntegers<arith::ShLIOp, rules::shiftLeft>(context);
  attachIntegers<arith::ShRSIOp, rules::shiftRight<Sign::Signed>>(context);
  attachIntegers<arith::ShRUIOp, rules::shiftRight<Sign::Unsigned>>(context);
  attachIntegers<arith::MinSIOp, rules::minimum<Sign::Signed>>(context);
  attachIntegers<arith::MinUIOp, rules::minimum<Sign::Unsigned>>(context);
  attachIntegers<arith::MaxSIOp, rules::maximum<Sign::Signed>>(context);
  attachIntegers<arith::MaxUIOp, rules::maximum<Sign::Unsigned>>(context);
}

void attachDivision(MLIRContext *context) {
  using rules::Rounding;
  using rules::Sign;
  attachIntegers<arith::FloorDivSIOp, rules::divide<Rounding::Floor, Sign::Signed>>(context);
  attachIntegers<arith::CeilDivSIOp, rules::divide<Rounding::Ceil, Sign::Signed>>(context);
  attachIntegers<arith::CeilDivUIOp, rules::divide<Rounding::Ceil, Sign::Unsigned>>(context);
  attachIntegers<arith::DivSIOp, rules::divide<Rounding::Truncate, Sign::Signed>>(context);
  attachIntegers<arith::DivUIOp, rules::divide<Rounding::Truncate, Sign::Unsigned>>(context);
  attachIntegers<arith::RemSIOp, rules::remainderSigned>(context);
  attachIntegers<arith::RemUIOp, rules::remainderUnsigned>(context);
}

void attachLogic(MLIRContext *context) {
  using rules::Sign;
  attach<arith::AndIOp, rules::conjunction>(context);
  attach<arith::OrIOp, rules::disjunction>(context);
  attach<arith::XOrIOp, rules::exclusive>(context);
  attach<arith::SelectOp, rules::select>(context);
  attach<arith::CmpIOp, rules::compare>(context);
  attach<arith::CmpFOp, rules::compareFloats>(context);
  attach<arith::ExtFOp, rules::widen>(context);
  attach<arith::ExtSIOp, rules::convert<Sign::Signed>>(context);
  attach<arith::ExtUIOp, rules::convert<Sign::Unsigned>>(context);
  attach<arith::TruncIOp, rules::convert<Sign::Signed>>(context);
  attach<arith::IndexCastOp, rules::convert<Sign::Signed>>(context);
  attach<arith::IndexCastUIOp, rules::convert<Sign::Unsigned>>(context);
}

} // namespace

void registerMaskRangeModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, arith::ArithDialect *) {
    attachArithmetic(context);
    attachDivision(context);
    attachLogic(context);
  });
  registry.addExtension(
      +[](MLIRContext *context, math::MathDialect *) { attachIntegers<math::AbsIOp, rules::absolute>(context); });
  registry.addExtension(
      +[](MLIRContext *context, memref::MemRefDialect *) { attach<memref::LoadOp, rules::load>(context); });
}

} // namespace fovea
