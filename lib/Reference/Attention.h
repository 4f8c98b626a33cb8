// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One attn.attention on host arrays.
#ifndef FOVEA_LIB_REFERENCE_ATTENTION_H
#define FOVEA_LIB_REFERENCE_ATTENTION_H

#include "fovea/Dialect/Attn/IR/Attn.h"
#include "fovea/Reference/Reference.h"
#include "fovea/Reference/RegionProgram.h"

namespace fovea::reference {

/// The op with its operands' values, shapes checked against each other.
struct AttentionProblem {
  attn::AttentionOp op;
  TensorRef query, key, value;
  TensorRef farQuery, farKey;   // with two rotations: query and key of far pairs
  TensorRef keyUp, valueUp;     // of a latent attention, whose kv heads are the query's: each expands its own
  TensorRef additive;           // [heads, keyColumns], of additive scores
  std::vector<int64_t> offsets; // per sequence
  int64_t batches, heads, kvHeads, queries, keys, keyColumns, valueColumns;
  int64_t latents = 0; // columns

  static mlir::FailureOr<AttentionProblem> create(attn::AttentionOp op, Lookup lookup);
  std::vector<int64_t> outputShape() const;
  std::vector<int64_t> lseShape() const { return {batches, heads, queries}; }
  double pairs() const { return double(batches) * double(heads) * double(queries) * double(keys); }
};

struct AttentionResult {
  Output output, lse;
  int64_t rows = 0, evaluatedRows = 0;
};

mlir::FailureOr<AttentionResult> evaluate(const AttentionProblem &problem, Lookup lookup,
                                          const EvaluationOptions &options);
mlir::FailureOr<Work> countWork(const AttentionProblem &problem, Lookup lookup, double maxPairs);

/// `count` rows of [0, total), evenly spaced, with both ends.
std::vector<int64_t> sampleRows(int64_t total, int64_t count);

/// Element offsets of a query, key, value or output of either layout.
struct Strides {
  int64_t batch, head, position;
  Strides(llvm::ArrayRef<int64_t> shape, attn::Layout layout);
};

} // namespace fovea::reference

#endif
