// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Static bounds, and the folding arithmetic that the rules emit with.
#include "fovea/Analysis/MaskRange.h"

#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace fovea {

std::optional<Bounds> Bounds::ofType(Type type) {
  if (type.isIndex())
    return Bounds{INT64_MIN, INT64_MAX};
  auto integer = dyn_cast<IntegerType>(type);
  if (!integer || integer.getWidth() == 0 || integer.getWidth() > 64)
    return std::nullopt;
  return Bounds{llvm::minIntN(integer.getWidth()), llvm::maxIntN(integer.getWidth())};
}

std::optional<Bounds> operator+(Bounds a, Bounds b) {
  Bounds sum;
  if (llvm::AddOverflow(a.min, b.min, sum.min) || llvm::AddOverflow(a.max, b.max, sum.max))
    return std::nullopt;
  return sum;
}

std::optional<Bounds> operator-(Bounds a, Bounds b) {
  Bounds difference;
  if (llvm::SubOverflow(a.min, b.max, difference.min) || llvm::SubOverflow(a.max, b.min, difference.max))
    return std::nullopt;
  return difference;
}

std::optional<Bounds> operator*(Bounds a, Bounds b) {
  int64_t corners[4];
  if (llvm::MulOverflow(a.min, b.min, corners[0]) || llvm::MulOverflow(a.min, b.max, corners[1]) ||
      llvm::MulOverflow(a.max, b.min, corners[2]) || llvm::MulOverflow(a.max, b.max, corners[3]))
    return std::nullopt;
  auto [min, max] = std::minmax_element(std::begin(corners), std::end(corners));
  return Bounds{*min, *max};
}

bool MaskRangeBuilder::isConstant(Value value) { return matchPattern(value, m_Constant()); }

Value MaskRangeBuilder::constant(int64_t value) { return arith::ConstantIndexOp::create(builder, loc, value); }

Value MaskRangeBuilder::boolean(bool value) {
  return arith::ConstantOp::create(builder, loc, builder.getBoolAttr(value));
}

Value MaskRangeBuilder::both(Value a, Value b) { return commute<arith::AndIOp>(a, b); }

Value MaskRangeBuilder::either(Value a, Value b) { return commute<arith::OrIOp>(a, b); }

Value MaskRangeBuilder::isNot(Value condition) { return emit<arith::XOrIOp>(condition, boolean(true)); }

Value MaskRangeBuilder::select(Value condition, Value whenTrue, Value whenFalse) {
  return emit<arith::SelectOp>(condition, whenTrue, whenFalse);
}

Value MaskRangeBuilder::isLess(Value a, Bounds boundsOfA, Value b, Bounds boundsOfB) {
  if (boundsOfA.max < boundsOfB.min)
    return boolean(true);
  if (boundsOfA.min >= boundsOfB.max)
    return boolean(false);
  return emit<arith::CmpIOp>(arith::CmpIPredicate::slt, a, b);
}

Value MaskRangeBuilder::isAtMost(Value a, Bounds boundsOfA, Value b, Bounds boundsOfB) {
  if (boundsOfA.max <= boundsOfB.min)
    return boolean(true);
  if (boundsOfA.min > boundsOfB.max)
    return boolean(false);
  return emit<arith::CmpIOp>(arith::CmpIPredicate::sle, a, b);
}

void MaskRangeBuilder::assume(Value condition) { assumption = assumption ? both(assumption, condition) : condition; }

void MaskRangeBuilder::assumeWithin(const MaskRange &range, Bounds bounds) {
  if (range.bounds.min < bounds.min)
    assume(isAtMost(constant(bounds.min), {bounds.min, bounds.min}, range.lo, range.bounds));
  if (range.bounds.max > bounds.max)
    assume(isAtMost(range.hi, range.bounds, constant(bounds.max), {bounds.max, bounds.max}));
}

} // namespace fovea
