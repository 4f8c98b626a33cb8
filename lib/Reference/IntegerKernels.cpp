// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Integer arithmetic. Functions work on sign-extended int64 and get the operand's bit width; results are wrapped to the
// result's width here. Addition and its kin go through uint64, where wrapping is defined.
#include "ScalarKernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/bit.h"

#include <optional>

using namespace fovea::reference;
using mlir::arith::CmpIPredicate;
using U = uint64_t;

namespace {

template <typename F> Kernel unary(F f) {
  return [f](const Instruction &in, Frame &frame) {
    const int64_t *a = frame.ints + in.operands[0];
    int64_t *result = frame.ints + in.result;
    for (int64_t k = 0; k < frame.count; ++k)
      result[k] = signExtend(f(a[k], in.operandWidth), in.resultWidth);
  };
}

template <typename F> Kernel binary(F f) {
  return [f](const Instruction &in, Frame &frame) {
    const int64_t *a = frame.ints + in.operands[0], *b = frame.ints + in.operands[1];
    int64_t *result = frame.ints + in.result;
    for (int64_t k = 0; k < frame.count; ++k)
      result[k] = signExtend(f(a[k], b[k], in.operandWidth), in.resultWidth);
  };
}

/// For ops that are not defined everywhere: f returns nothing there.
template <typename F> Kernel partial(const char *why, F f) {
  return [f, why](const Instruction &in, Frame &frame) {
    const int64_t *a = frame.ints + in.operands[0], *b = frame.ints + in.operands[1];
    int64_t *result = frame.ints + in.result;
    for (int64_t k = 0; k < frame.count; ++k) {
      std::optional<int64_t> value = f(a[k], b[k], in.operandWidth);
      result[k] = value ? signExtend(*value, in.resultWidth) : 0;
      if (!value && frame.isLive(k) && frame.fault < 0) {
        frame.fault = k;
        frame.why = why;
      }
    }
  };
}

int64_t lowest(unsigned width) { return signExtend(int64_t(U(1) << (width - 1)), width); }

/// Floor, ceiling and truncating division differ in the remainder's sign only.
enum class Rounding { Down, Up, Zero };
template <Rounding rounding> std::optional<int64_t> divideSigned(int64_t a, int64_t b, unsigned width) {
  if (b == 0 || (b == -1 && a == lowest(width)))
    return std::nullopt;
  int64_t quotient = a / b;
  if (a % b == 0 || rounding == Rounding::Zero)
    return quotient;
  bool isNegative = (a < 0) != (b < 0);
  return quotient + (rounding == Rounding::Up ? (isNegative ? 0 : 1) : (isNegative ? -1 : 0));
}

template <typename F> void compare(const Instruction &in, Frame &frame, F f) {
  const int64_t *a = frame.ints + in.operands[0], *b = frame.ints + in.operands[1];
  int64_t *result = frame.ints + in.result;
  for (int64_t k = 0; k < frame.count; ++k)
    result[k] = -int64_t(f(a[k], b[k]));
}

/// Sign extension keeps the unsigned order too.
void compareIntegers(const Instruction &in, Frame &frame) {
  switch (static_cast<CmpIPredicate>(in.predicate)) {
  case CmpIPredicate::eq:
    return compare(in, frame, [](int64_t a, int64_t b) { return a == b; });
  case CmpIPredicate::ne:
    return compare(in, frame, [](int64_t a, int64_t b) { return a != b; });
  case CmpIPredicate::slt:
    return compare(in, frame, [](int64_t a, int64_t b) { return a < b; });
  case CmpIPredicate::sle:
    return compare(in, frame, [](int64_t a, int64_t b) { return a <= b; });
  case CmpIPredicate::sgt:
    return compare(in, frame, [](int64_t a, int64_t b) { return a > b; });
  case CmpIPredicate::sge:
    return compare(in, frame, [](int64_t a, int64_t b) { return a >= b; });
  case CmpIPredicate::ult:
    return compare(in, frame, [](int64_t a, int64_t b) { return U(a) < U(b); });
  case CmpIPredicate::ule:
    return compare(in, frame, [](int64_t a, int64_t b) { return U(a) <= U(b); });
  case CmpIPredicate::ugt:
    return compare(in, frame, [](int64_t a, int64_t b) { return U(a) > U(b); });
  case CmpIPredicate::uge:
    return compare(in, frame, [](int64_t a, int64_t b) { return U(a) >= U(b); });
  }
}

int64_t powerOf(int64_t base, int64_t exponent) {
  U result = 1, factor = U(base);
  for (U e = U(exponent); e; e >>= 1, factor *= factor)
    if (e & 1)
      result *= factor;
  return int64_t(result);
}

void addDivisions(KernelTable &table) {
  constexpr const char *kDivision = "divides by zero or overflows";
  table["arith.divsi"] = partial(kDivision, divideSigned<Rounding::Zero>);
  table["arith.floordivsi"] = partial(kDivision, divideSigned<Rounding::Down>);
  table["arith.ceildivsi"] = partial(kDivision, divideSigned<Rounding::Up>);
  table["arith.remsi"] = partial(kDivision, [](int64_t a, int64_t b, unsigned) -> std::optional<int64_t> {
    if (b == 0)
      return std::nullopt;
    return b == -1 ? 0 : a % b;
  });
  auto unsignedDivision = [](auto f) {
    return partial(kDivision, [f](int64_t a, int64_t b, unsigned width) -> std::optional<int64_t> {
      if (b == 0)
        return std::nullopt;
      return int64_t(f(zeroExtend(a, width), zeroExtend(b, width)));
    });
  };
  table["arith.divui"] = unsignedDivision([](U a, U b) { return a / b; });
  table["arith.remui"] = unsignedDivision([](U a, U b) { return a % b; });
  table["arith.ceildivui"] = unsignedDivision([](U a, U b) { return a / b + (a % b != 0); });
  table["math.ipowi"] =
      partial("raises zero to a negative power", [](int64_t a, int64_t b, unsigned) -> std::optional<int64_t> {
        if (b >= 0)
          return powerOf(a, b);
        if (a == 0)
          return std::nullopt;
        return a == 1 ? 1 : a == -1 ? (b % 2 ? -1 : 1) : 0;
      });
}

void addShifts(KernelTable &table) {
  auto shift = [](auto f) {
    return partial("shifts by the bit width or more",
                   [f](int64_t a, int64_t b, unsigned width) -> std::optional<int64_t> {
                     if (zeroExtend(b, width) >= width)
                       return std::nullopt;
                     return f(a, b, width);
                   });
  };
  table["arith.shli"] = shift([](int64_t a, int64_t b, unsigned) { return int64_t(U(a) << b); });
  table["arith.shrsi"] = shift([](int64_t a, int64_t b, unsigned) { return a >> b; });
  table["arith.shrui"] = shift([](int64_t a, int64_t b, unsigned width) { return int64_t(zeroExtend(a, width) >> b); });
}

} // namespace

void fovea::reference::addIntegerKernels(KernelTable &table) {
  table["arith.addi"] = binary([](int64_t a, int64_t b, unsigned) { return int64_t(U(a) + U(b)); });
  table["arith.subi"] = binary([](int64_t a, int64_t b, unsigned) { return int64_t(U(a) - U(b)); });
  table["arith.muli"] = binary([](int64_t a, int64_t b, unsigned) { return int64_t(U(a) * U(b)); });
  table["arith.andi"] = binary([](int64_t a, int64_t b, unsigned) { return a & b; });
  table["arith.ori"] = binary([](int64_t a, int64_t b, unsigned) { return a | b; });
  table["arith.xori"] = binary([](int64_t a, int64_t b, unsigned) { return a ^ b; });
  table["arith.maxsi"] = binary([](int64_t a, int64_t b, unsigned) { return std::max(a, b); });
  table["arith.minsi"] = binary([](int64_t a, int64_t b, unsigned) { return std::min(a, b); });
  table["arith.maxui"] = binary([](int64_t a, int64_t b, unsigned) { return int64_t(std::max(U(a), U(b))); });
  table["arith.minui"] = binary([](int64_t a, int64_t b, unsigned) { return int64_t(std::min(U(a), U(b))); });
  table["math.absi"] = unary([](int64_t a, unsigned) { return a < 0 ? int64_t(-U(a)) : a; });
  table["math.ctpop"] = unary([](int64_t a, unsigned width) { return int64_t(llvm::popcount(zeroExtend(a, width))); });
  table["math.ctlz"] = unary([](int64_t a, unsigned width) {
    return int64_t(llvm::countl_zero(zeroExtend(a, width))) - (64 - int64_t(width));
  });
  table["math.cttz"] = unary(
      [](int64_t a, unsigned width) { return std::min<int64_t>(llvm::countr_zero(zeroExtend(a, width)), width); });
  // Widths of the result are applied by the wrapper, so a truncation and a signed extension are both the identity here.
  for (const char *name : {"arith.extsi", "arith.trunci", "arith.index_cast"})
    table[name] = unary([](int64_t a, unsigned) { return a; });
  for (const char *name : {"arith.extui", "arith.index_castui"})
    table[name] = unary([](int64_t a, unsigned width) { return int64_t(zeroExtend(a, width)); });
  table["arith.cmpi"] = compareIntegers;
  addDivisions(table);
  addShifts(table);
}
