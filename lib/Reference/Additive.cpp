// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Additive.h"

#include <cmath>

using namespace mlir;
using namespace fovea::reference;

AdditiveScores::AdditiveScores(const AttentionProblem &problem, int64_t head) : weights(problem.keyColumns), size(0) {
  fovea::attn::AttentionOp op = problem.op;
  scale = op.getEffectiveScale();
  isMoved = op.hasRope() || op.hasNorm();
  for (int64_t d = 0; d < problem.keyColumns; ++d) {
    weights[d] = problem.additive->floatAt(head * problem.keyColumns + d);
    size += std::fabs(weights[d]);
  }
}

void AdditiveScores::score(ArrayRef<double> query, ArrayRef<double> keys, int64_t j, int64_t count,
                           double *scores) const {
  int64_t stride = keys.size() / query.size();
  for (int64_t d = 0; d < int64_t(query.size()); ++d)
    for (int64_t k = 0; k < count; ++k)
      scores[k] += weights[d] * std::tanh(query[d] + keys[d * stride + j + k]);
}

double AdditiveScores::error(double queryNorm, double keyNorm) const {
  constexpr double kPerTerm = 2;
  double moved = isMoved ? queryNorm + keyNorm : 0;
  return std::fabs(scale) * size * (kPerTerm + moved);
}
