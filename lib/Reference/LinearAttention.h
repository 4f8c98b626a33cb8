// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One attn.linear_attention on host arrays. Its error bound is in fovea/Reference/Reference.h.
//
// By the delta rule absolute values would grow where the state does not: a write takes back what is there. Errors are
// vectors there, one for each value column c, which writes and decays do not make longer while beta |k|^2 <= 2. Each
// token adds its own, and they add up as a random walk:
//
//   |o_c - ref_c| <= c (eps (sqrt(Dk) + 8 + Gamma) scale |q|_2 F_c + eps |ref_c|) + tiny
//   F_c^2 = (rho F_c)^2 + (|R_c|_2 + |beta| |k|_2 (|v_c| + |k|_2 |R_c|_2))^2        R the decayed state
//   rho   max_d e^{g_d} max(1, |1 - beta |k|^2|)
#ifndef FOVEA_LIB_REFERENCE_LINEARATTENTION_H
#define FOVEA_LIB_REFERENCE_LINEARATTENTION_H

#include "fovea/Dialect/Attn/IR/Attn.h"
#include "fovea/Reference/Reference.h"
#include "fovea/Reference/RegionProgram.h"

namespace fovea::reference {

/// The op with its operands' values, shapes checked against each other. `decay`, `initial`, `beta` and `lengths`
/// are null if there is none.
struct LinearProblem {
  attn::LinearAttentionOp op;
  TensorRef query, key, value, decay, initial, beta, lengths;
  int64_t batches, heads, kvHeads, queries, keys, keyColumns, valueColumns;

  static mlir::FailureOr<LinearProblem> create(attn::LinearAttentionOp op, Lookup lookup);
  std::vector<int64_t> outputShape() const;
  std::vector<int64_t> stateShape() const;
  /// Tokens of a sequence that are no padding.
  int64_t tokensOf(int64_t batch) const;
};

struct LinearResult {
  Output output, state;
  int64_t rows = 0, evaluatedRows = 0;
};

mlir::FailureOr<LinearResult> evaluate(const LinearProblem &problem, Lookup lookup, const EvaluationOptions &options);
Work countWork(const LinearProblem &problem);

} // namespace fovea::reference

#endif
