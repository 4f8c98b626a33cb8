// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One attn.linear_attention on host arrays.
#ifndef FOVEA_LIB_REFERENCE_LINEARATTENTION_H
#define FOVEA_LIB_REFERENCE_LINEARATTENTION_H

#include "fovea/Dialect/Attn/IR/Attn.h"
#include "fovea/Reference/Reference.h"
#include "fovea/Reference/RegionProgram.h"

namespace fovea::reference {

/// The op with its operands' values, shapes checked against each other. `decay` and `initial` are null if there is
/// none.
struct LinearProblem {
  attn::LinearAttentionOp op;
  TensorRef query, key, value, decay, initial;
  int64_t batches, heads, kvHeads, queries, keys, keyColumns, valueColumns;

  static mlir::FailureOr<LinearProblem> create(attn::LinearAttentionOp op, Lookup lookup);
  std::vector<int64_t> outputShape() const;
  std::vector<int64_t> stateShape() const;
};

struct LinearResult {
  Output output, state;
  int64_t rows = 0, evaluatedRows = 0;
};

mlir::FailureOr<LinearResult> evaluate(const LinearProblem &problem, Lookup lookup, const EvaluationOptions &options);
Work countWork(const LinearProblem &problem);

} // namespace fovea::reference

#endif
