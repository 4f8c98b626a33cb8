// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scores of additive attention, sum_d w[d] tanh(q[d] + k[d]), of one key and a panel of queries at a time. With
// E = e^2x, tanh(x + y) = 1 - 2 / (1 + Ex Ey): both tiles are exponentiated once, and what is left are fractions,
//
//   sum_d w[d] - sum_d 2 w[d] / a[d]        a[d] = min(1 + Eq[d] Ek[d], 2^31)
//   u / a + v / b = (u b + v a) / (a b)     four columns share a division
//
// Above 2^31 a fraction is too small to matter, and four such a do not overflow. A query or key with a number above 43,
// whose exponential would not be finite, takes the tanh itself, and so does a head with huge weights. So a score
// depends on its own row and key alone, bit for bit, not on what lies beside them, hidden or not.
#ifndef FOVEA_LIB_CONVERSION_ATTNTILETOVECTOR_ADDITIVE_SCORES_H
#define FOVEA_LIB_CONVERSION_ATTNTILETOVECTOR_ADDITIVE_SCORES_H

#include "VectorEmitter.h"

namespace fovea {

class AdditiveScores {
public:
  /// Exponentiates the block of keys, and reads the weights of the update's head. query and key: the lowered tiles.
  AdditiveScores(VectorEmitter &b, attn::UpdateOp op, mlir::Value query, mlir::Value key);
  /// Exponentiates one panel of queries, of which the first `rows` exist: the next to be asked for.
  void enterPanel(mlir::Value panel, mlir::Value rows);
  /// Unscaled scores of key k, per vector of the panel; 0 in vectors of no query.
  Values at(mlir::Value k);

private:
  void readWeights();
  void exponentiateKeys();
  mlir::Value isUsualKey(mlir::Value k);
  Values mixed(mlir::Value k);
  Values byFractions(mlir::Value k, int64_t vectors);
  Values byTanh(mlir::Value k);
  mlir::Value lane(int64_t c) { return b.index(c * b.lanes()); }

  VectorEmitter &b;
  attn::UpdateOp op;
  mlir::Value query, key;
  int64_t columns, padded;   // of the tiles, and of what is made of them
  mlir::Value numerators;    // memref<padded>: -2 w, then 0
  mlir::Value total;         // f32: sum w
  mlir::Value largestWeight; // f32: max |w|
  mlir::Value queries, keys; // memref<padded x panel>, memref<keys x padded>: e^2x, then 0
  mlir::Value largestOfKeys; // memref<keys>: max |x|; infinity if the weights are huge
  mlir::Value panel;
  mlir::Value isOneVector;  // the panel's rows are no more than that
  Values largestOfRows;     // per vector: max |x|
  mlir::Value largestOfAll; // of the panel
};

} // namespace fovea

#endif
