// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scores of additive attention: sum_d w[d] tanh(q[d] + k[d]), of a panel of queries and one key at a time. With
// E = e^(2x), tanh(x + y) = 1 - 2 / (1 + Ex Ey), so that tiles are exponentiated once and two columns share a quotient,
//
//   sum_d w[d] - 2 sum_(c, d) (w[c] / a[c] + w[d] / a[d])       a[d] = 1 + Eq[d] Ek[d]
//   w / a + v / b = (w b + v a) / (a b)
//
// as long as nothing overflows: where no |x| is above 11, each product Ex Ey stays below e^44 and a b below e^88. A
// pair of a row and a key where one is larger, or a head with huge weights, takes the tanh itself. Each pair is
// computed the same way whatever rows and keys lie beside it: results depend neither on the tile nor on what is hidden.
#ifndef FOVEA_LIB_CONVERSION_ATTNTILETOVECTOR_ADDITIVE_SCORES_H
#define FOVEA_LIB_CONVERSION_ATTNTILETOVECTOR_ADDITIVE_SCORES_H

#include "VectorEmitter.h"

namespace fovea {

class AdditiveScores {
public:
  /// Exponentiates the block of keys, and reads the weights of the update's head. query and key: the lowered tiles.
  AdditiveScores(VectorEmitter &b, attn::UpdateOp op, mlir::Value query, mlir::Value key);
  /// Exponentiates one panel of queries, for which `at` is asked next.
  void enterPanel(mlir::Value panel);
  /// Unscaled scores of key k, per vector of the panel.
  Values at(mlir::Value k);

private:
  void readWeights();
  void exponentiateKeys();
  Values byQuotients(mlir::Value k);
  Values byTanh(mlir::Value k);
  mlir::Value lane(int64_t c) { return b.index(c * b.lanes()); }

  VectorEmitter &b;
  attn::UpdateOp op;
  mlir::Value query, key;
  int64_t columns, even;     // of the tiles, and rounded up to pairs
  mlir::Value halves;        // memref<even>: -2 w, then 0
  mlir::Value total;         // f32: sum w
  mlir::Value largestWeight; // f32: max |w|
  mlir::Value queries, keys; // memref<even x panel>, memref<keys x even>: e^2x, then 0
  mlir::Value largestOfKeys; // memref<keys>: max |x|; infinity if the weights are huge
  mlir::Value panel;
  Values smallRows; // per vector: no |x| of the query is large
  mlir::Value allRowsSmall;
};

} // namespace fovea

#endif
