// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ranges of sums, products, minima, shifts.
#include "MaskRangeRules.h"

using namespace mlir;

namespace fovea::rules {

MaskRange add(Operation *, MaskRangeBuilder &b, Operands x) {
  std::optional<Bounds> bounds = x[0].bounds + x[1].bounds;
  if (!bounds)
    return MaskRange::unknown();
  return {b.commute<arith::AddIOp>(x[0].lo, x[1].lo), b.commute<arith::AddIOp>(x[0].hi, x[1].hi), *bounds};
}

MaskRange subtract(Operation *, MaskRangeBuilder &b, Operands x) {
  std::optional<Bounds> bounds = x[0].bounds - x[1].bounds;
  if (!bounds)
    return MaskRange::unknown();
  return {b.emit<arith::SubIOp>(x[0].lo, x[1].hi), b.emit<arith::SubIOp>(x[0].hi, x[1].lo), *bounds};
}

MaskRange multiply(Operation *, MaskRangeBuilder &b, Operands x) {
  std::optional<Bounds> bounds = x[0].bounds * x[1].bounds;
  if (!bounds)
    return MaskRange::unknown();
  auto times = [&](Value u, Value v) { return b.commute<arith::MulIOp>(u, v); };
  MaskRange u = x[0], v = x[1];
  if (u.isPoint())
    std::swap(u, v);
  if (u.bounds.isNonNegative() && v.bounds.isNonNegative())
    return {times(u.lo, v.lo), times(u.hi, v.hi), *bounds};
  if (v.isPoint()) { // [u.lo, u.hi] * v
    Value low = times(u.lo, v.lo), high = times(u.hi, v.lo);
    if (v.bounds.isNonNegative())
      return {low, high, *bounds};
    if (v.bounds.max <= 0)
      return {high, low, *bounds};
    return {b.emit<arith::MinSIOp>(low, high), b.emit<arith::MaxSIOp>(low, high), *bounds};
  }
  Value corners[] = {times(u.lo, v.lo), times(u.lo, v.hi), times(u.hi, v.lo), times(u.hi, v.hi)};
  Value low = corners[0], high = corners[0];
  for (Value corner : llvm::drop_begin(corners)) {
    low = b.commute<arith::MinSIOp>(low, corner);
    high = b.commute<arith::MaxSIOp>(high, corner);
  }
  return {low, high, *bounds};
}

/// |x| is in [max(lo, -hi, 0), max(-lo, hi)].
MaskRange absolute(Operation *, MaskRangeBuilder &b, Operands x) {
  if (x[0].bounds.isNonNegative())
    return x[0];
  std::optional<Bounds> negated = Bounds{0, 0} - x[0].bounds;
  if (!negated)
    return MaskRange::unknown();
  Value zero = b.constant(0);
  Value low = b.commute<arith::MaxSIOp>(x[0].lo, b.emit<arith::SubIOp>(zero, x[0].hi));
  Value high = b.commute<arith::MaxSIOp>(x[0].hi, b.emit<arith::SubIOp>(zero, x[0].lo));
  return {b.commute<arith::MaxSIOp>(low, zero), high, Bounds{0, std::max(negated->max, x[0].bounds.max)}};
}

template <Sign sign> MaskRange minimum(Operation *, MaskRangeBuilder &b, Operands x) {
  Bounds u = x[0].bounds, v = x[1].bounds;
  if (sign == Sign::Unsigned && !(u.isNonNegative() && v.isNonNegative()))
    return MaskRange::unknown();
  return {b.commute<arith::MinSIOp>(x[0].lo, x[1].lo), b.commute<arith::MinSIOp>(x[0].hi, x[1].hi),
          Bounds{std::min(u.min, v.min), std::min(u.max, v.max)}};
}

template <Sign sign> MaskRange maximum(Operation *, MaskRangeBuilder &b, Operands x) {
  Bounds u = x[0].bounds, v = x[1].bounds;
  if (sign == Sign::Unsigned && !(u.isNonNegative() && v.isNonNegative()))
    return MaskRange::unknown();
  return {b.commute<arith::MaxSIOp>(x[0].lo, x[1].lo), b.commute<arith::MaxSIOp>(x[0].hi, x[1].hi),
          Bounds{std::max(u.min, v.min), std::max(u.max, v.max)}};
}

template MaskRange minimum<Sign::Signed>(Operation *, MaskRangeBuilder &, Operands);
template MaskRange minimum<Sign::Unsigned>(Operation *, MaskRangeBuilder &, Operands);
template MaskRange maximum<Sign::Signed>(Operation *, MaskRangeBuilder &, Operands);
template MaskRange maximum<Sign::Unsigned>(Operation *, MaskRangeBuilder &, Operands);

/// A constant shift amount within the type; a larger one is poison.
static std::optional<int64_t> shiftAmount(Operation *op, const MaskRange &amount) {
  Type type = op->getResult(0).getType();
  int64_t width = type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
  int64_t value = amount.bounds.min;
  if (value != amount.bounds.max || value < 0 || value >= std::min<int64_t>(width, 63))
    return std::nullopt;
  return value;
}

MaskRange shiftLeft(Operation *op, MaskRangeBuilder &b, Operands x) {
  std::optional<int64_t> amount = shiftAmount(op, x[1]);
  if (!amount)
    return MaskRange::unknown();
  int64_t factor = int64_t(1) << *amount;
  std::optional<Bounds> bounds = x[0].bounds * Bounds{factor, factor};
  if (!bounds)
    return MaskRange::unknown();
  return {b.emit<arith::ShLIOp>(x[0].lo, x[1].lo), b.emit<arith::ShLIOp>(x[0].hi, x[1].hi), *bounds};
}

template <Sign sign> MaskRange shiftRight(Operation *op, MaskRangeBuilder &b, Operands x) {
  std::optional<int64_t> amount = shiftAmount(op, x[1]);
  if (!amount || (sign == Sign::Unsigned && !x[0].bounds.isNonNegative()))
    return MaskRange::unknown();
  return {b.emit<arith::ShRSIOp>(x[0].lo, x[1].lo), b.emit<arith::ShRSIOp>(x[0].hi, x[1].hi),
          Bounds{x[0].bounds.min >> *amount, x[0].bounds.max >> *amount}};
}

template MaskRange shiftRight<Sign::Signed>(Operation *, MaskRangeBuilder &, Operands);
template MaskRange shiftRight<Sign::Unsigned>(Operation *, MaskRangeBuilder &, Operands);

} // namespace fovea::rules
