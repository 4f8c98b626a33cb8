// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scores of additive attention: s_j = scale sum_d w_d tanh(query_d + key_dj).
#ifndef FOVEA_LIB_REFERENCE_ADDITIVE_H
#define FOVEA_LIB_REFERENCE_ADDITIVE_H

#include "Attention.h"

namespace fovea::reference {

/// The weights of one head.
struct AdditiveScores {
  std::vector<double> weights; // [Dk]
  double scale;
  double size; // sum |w_d|
  bool isMoved;

  AdditiveScores(const AttentionProblem &problem, int64_t head);

  /// Unscaled scores of `count` keys from the j-th on; `keys` is [Dk, Nk].
  void score(llvm::ArrayRef<double> query, llvm::ArrayRef<double> keys, int64_t j, int64_t count, double *scores) const;
  /// How far a score may be off, in units of eps, for rows of these Euclidean norms. A term is w - 2 w / (1 + e^2x):
  /// its exponential, its quotient and the sum it joins are each off by some eps |w|, however small the score is. Rows
  /// that were rotated or normalised are off by eps times their norms before the tanh, whose slope is at most 1.
  double error(double queryNorm, double keyNorm) const;
};

} // namespace fovea::reference

#endif
