// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Reference/Reference.h"

#include <cassert>
#include <cmath>

using namespace fovea::reference;

/// |got - want| / bound.
static double errorRatio(double got, double want, double bound) {
  if (got == want || (std::isnan(got) && std::isnan(want)))
    return 0;
  double error = std::fabs(got - want);
  // NaN or Inf on one side only, or a bound of NaN, which comes with a reference of NaN.
  if (!std::isfinite(error) || std::isnan(bound))
    return INFINITY;
  return error / bound;
}

Comparison fovea::reference::compare(const Output &reference, const HostTensor &actual) {
  assert(actual.shape == reference.value.shape);
  Comparison result;
  double squaredError = 0, squaredValue = 0;
  for (int64_t k = 0; k < reference.value.size(); ++k) {
    double bound = reference.bound[k];
    if (bound < 0)
      continue;
    if (std::isinf(bound)) {
      ++result.unbounded;
      continue;
    }
    double got = actual.floatAt(k), want = reference.value.floatAt(k);
    ++result.compared;
    if (std::isfinite(got) && std::isfinite(want)) {
      squaredError += (got - want) * (got - want);
      squaredValue += want * want;
    }
    double ratio = errorRatio(got, want, bound);
    if (ratio > result.maxRatio || result.worst < 0) {
      result.maxRatio = ratio;
      result.worst = k;
      result.got = got;
      result.want = want;
      result.bound = bound;
    }
  }
  result.relativeRms = squaredError == 0 ? 0 : std::sqrt(squaredError / squaredValue);
  return result;
}
