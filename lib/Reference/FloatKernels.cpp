// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Float arithmetic, all in fp64, and what stands between floats and integers.
#include "ScalarKernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cmath>

using namespace fovea::reference;
using mlir::arith::CmpFPredicate;

namespace {

template <typename F> Kernel unary(F f) {
  return [f](const Instruction &in, Frame &frame) {
    const double *a = frame.floats + in.operands[0];
    double *result = frame.floats + in.result;
    for (int64_t k = 0; k < frame.count; ++k)
      result[k] = f(a[k]);
  };
}

template <typename F> Kernel binary(F f) {
  return [f](const Instruction &in, Frame &frame) {
    const double *a = frame.floats + in.operands[0], *b = frame.floats + in.operands[1];
    double *result = frame.floats + in.result;
    for (int64_t k = 0; k < frame.count; ++k)
      result[k] = f(a[k], b[k]);
  };
}

template <typename F> Kernel ternary(F f) {
  return [f](const Instruction &in, Frame &frame) {
    const double *a = frame.floats + in.operands[0], *b = frame.floats + in.operands[1];
    const double *c = frame.floats + in.operands[2];
    double *result = frame.floats + in.result;
    for (int64_t k = 0; k < frame.count; ++k)
      result[k] = f(a[k], b[k], c[k]);
  };
}

template <typename F> Kernel test(F f) {
  return [f](const Instruction &in, Frame &frame) {
    const double *a = frame.floats + in.operands[0];
    for (int64_t k = 0; k < frame.count; ++k)
      frame.ints[in.result + k] = -int64_t(f(a[k]));
  };
}

/// An LLVM predicate is four bits: may the operands be unordered, less, greater, equal?
void compareFloats(const Instruction &in, Frame &frame) {
  auto predicate = static_cast<CmpFPredicate>(in.predicate);
  auto holds = [predicate](double a, double b) {
    bool unordered = std::isnan(a) || std::isnan(b);
    switch (predicate) {
    case CmpFPredicate::AlwaysFalse:
      return false;
    case CmpFPredicate::OEQ:
      return a == b;
    case CmpFPredicate::OGT:
      return a > b;
    case CmpFPredicate::OGE:
      return a >= b;
    case CmpFPredicate::OLT:
      return a < b;
    case CmpFPredicate::OLE:
      return a <= b;
    case CmpFPredicate::ONE:
      return !unordered && a != b;
    case CmpFPredicate::ORD:
      return !unordered;
    case CmpFPredicate::UEQ:
      return unordered || a == b;
    case CmpFPredicate::UGT:
      return !(a <= b);
    case CmpFPredicate::UGE:
      return !(a < b);
    case CmpFPredicate::ULT:
      return !(a >= b);
    case CmpFPredicate::ULE:
      return !(a > b);
    case CmpFPredicate::UNE:
      return a != b;
    case CmpFPredicate::UNO:
      return unordered;
    case CmpFPredicate::AlwaysTrue:
      return true;
    }
    return false;
  };
  const double *a = frame.floats + in.operands[0], *b = frame.floats + in.operands[1];
  for (int64_t k = 0; k < frame.count; ++k)
    frame.ints[in.result + k] = -int64_t(holds(a[k], b[k]));
}

/// Truncation towards zero; a value that the integer type cannot hold is undefined.
Kernel toInteger(bool isSigned) {
  return [isSigned](const Instruction &in, Frame &frame) {
    double end = std::ldexp(1.0, isSigned ? in.resultWidth - 1 : in.resultWidth); // one past the largest
    double begin = isSigned ? -end : 0;
    for (int64_t k = 0; k < frame.count; ++k) {
      double x = std::trunc(frame.floats[in.operands[0] + k]);
      bool fits = x >= begin && x < end;
      int64_t value = !fits ? 0 : isSigned ? int64_t(x) : int64_t(uint64_t(x));
      frame.ints[in.result + k] = signExtend(value, in.resultWidth);
      if (!fits && frame.isLive(k) && frame.fault < 0) {
        frame.fault = k;
        frame.why = "converts a float that the integer type cannot hold";
      }
    }
  };
}

void selectEither(const Instruction &in, Frame &frame) {
  const int64_t *condition = frame.ints + in.operands[0];
  // The result's type decides which of the two slot arrays holds the choices; copying both is cheaper than asking.
  for (int64_t k = 0; k < frame.count; ++k) {
    unsigned chosen = condition[k] ? in.operands[1] : in.operands[2];
    frame.ints[in.result + k] = frame.ints[chosen + k];
    frame.floats[in.result + k] = frame.floats[chosen + k];
  }
}

double maximum(double a, double b) {
  if (std::isnan(a) || std::isnan(b))
    return NAN;
  return a == b ? (std::signbit(a) ? b : a) : std::max(a, b);
}

double power(double x, int64_t exponent) { return std::pow(x, double(exponent)); }

void addMath(KernelTable &table) {
  using Function = double (*)(double);
  static constexpr std::pair<const char *, Function> kFunctions[] = {
      {"absf", std::fabs},          {"acos", std::acos},   {"acosh", std::acosh}, {"asin", std::asin},
      {"asinh", std::asinh},        {"atan", std::atan},   {"atanh", std::atanh}, {"cbrt", std::cbrt},
      {"ceil", std::ceil},          {"cos", std::cos},     {"cosh", std::cosh},   {"erf", std::erf},
      {"erfc", std::erfc},          {"exp", std::exp},     {"exp2", std::exp2},   {"expm1", std::expm1},
      {"floor", std::floor},        {"log", std::log},     {"log10", std::log10}, {"log1p", std::log1p},
      {"log2", std::log2},          {"round", std::round}, {"sin", std::sin},     {"sinh", std::sinh},
      {"sqrt", std::sqrt},          {"tan", std::tan},     {"tanh", std::tanh},   {"trunc", std::trunc},
      {"roundeven", std::nearbyint}};
  for (auto [name, function] : kFunctions)
    table[(llvm::Twine("math.") + name).str()] = unary(function);
  table["math.rsqrt"] = unary([](double x) { return 1 / std::sqrt(x); });
  table["math.powf"] = binary([](double a, double b) { return std::pow(a, b); });
  table["math.atan2"] = binary([](double a, double b) { return std::atan2(a, b); });
  table["math.copysign"] = binary([](double a, double b) { return std::copysign(a, b); });
  table["math.fma"] = ternary([](double a, double b, double c) { return std::fma(a, b, c); });
  table["math.clampf"] = ternary([](double x, double low, double high) { return std::min(std::max(x, low), high); });
  table["math.isnan"] = test([](double x) { return std::isnan(x); });
  table["math.isinf"] = test([](double x) { return std::isinf(x); });
  table["math.isfinite"] = test([](double x) { return std::isfinite(x); });
  table["math.fpowi"] = [](const Instruction &in, Frame &frame) {
    for (int64_t k = 0; k < frame.count; ++k)
      frame.floats[in.result + k] = power(frame.floats[in.operands[0] + k], frame.ints[in.operands[1] + k]);
  };
}

} // namespace

void fovea::reference::addFloatKernels(KernelTable &table) {
  table["arith.addf"] = binary([](double a, double b) { return a + b; });
  table["arith.subf"] = binary([](double a, double b) { return a - b; });
  table["arith.mulf"] = binary([](double a, double b) { return a * b; });
  table["arith.divf"] = binary([](double a, double b) { return a / b; });
  table["arith.remf"] = binary([](double a, double b) { return std::fmod(a, b); });
  table["arith.negf"] = unary([](double a) { return -a; });
  table["arith.maximumf"] = binary(maximum);
  table["arith.minimumf"] = binary([](double a, double b) { return -maximum(-a, -b); });
  table["arith.maxnumf"] = binary([](double a, double b) { return std::fmax(a, b); });
  table["arith.minnumf"] = binary([](double a, double b) { return std::fmin(a, b); });
  for (const char *name : {"arith.extf", "arith.truncf"})
    table[name] = unary([](double a) { return a; });
  table["arith.cmpf"] = compareFloats;
  table["arith.select"] = selectEither;
  table["arith.fptosi"] = toInteger(/*isSigned=*/true);
  table["arith.fptoui"] = toInteger(/*isSigned=*/false);
  table["arith.sitofp"] = [](const Instruction &in, Frame &frame) {
    for (int64_t k = 0; k < frame.count; ++k)
      frame.floats[in.result + k] = double(frame.ints[in.operands[0] + k]);
  };
  table["arith.uitofp"] = [](const Instruction &in, Frame &frame) {
    for (int64_t k = 0; k < frame.count; ++k)
      frame.floats[in.result + k] = double(zeroExtend(frame.ints[in.operands[0] + k], in.operandWidth));
  };
  addMath(table);
}

const Kernel *fovea::reference::findKernel(llvm::StringRef opName) {
  static const KernelTable table = [] {
    KernelTable kernels;
    addIntegerKernels(kernels);
    addFloatKernels(kernels);
    return kernels;
  }();
  auto found = table.find(opName);
  return found == table.end() ? nullptr : &found->second;
}

Kernel fovea::reference::elementRead(bool isFloat) {
  return [isFloat](const Instruction &in, Frame &frame) {
    const HostTensor &array = *in.array;
    for (int64_t k = 0; k < frame.count; ++k) {
      int64_t position = 0;
      bool inBounds = true;
      for (auto [slot, size] : llvm::zip_equal(in.operands, array.shape)) {
        int64_t index = frame.ints[slot + k];
        inBounds &= index >= 0 && index < size;
        position = int64_t(uint64_t(position) * uint64_t(size) + uint64_t(index));
      }
      if (!inBounds && frame.isLive(k) && frame.fault < 0) {
        std::vector<int64_t> indices;
        for (unsigned slot : in.operands)
          indices.push_back(frame.ints[slot + k]);
        frame.fault = k;
        frame.why = "reads element " + formatShape(indices) + " of an array of shape " + formatShape(array.shape);
      }
      if (isFloat)
        frame.floats[in.result + k] = inBounds ? array.floatAt(position) : 0;
      else
        frame.ints[in.result + k] = !inBounds ? 0 : signExtend(array.intAt(position), in.resultWidth);
    }
  };
}
