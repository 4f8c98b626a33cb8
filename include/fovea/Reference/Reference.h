// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The oracle: what a function with attn.attention computes, in fp64, by the formula and in its order. For every query
// row all scores are written down, then the largest is found, then the weights, then the sums; nothing is tiled and
// nothing is rescaled. It is another algorithm than the compiler's on purpose.
//
// Each output element comes with the error that a correct implementation may have that computes in fp32:
//
//   |out - ref| <= c (eps sqrt(n) + eps S + eps_p + eps_o) sum_j p_j |v_j| + tiny
//   |lse - ref| <= c (eps sqrt(n) + eps S + eps |ref|) + tiny
//
//   c = 4, eps = 2^-24 (fp32 scores and sums)
//   eps_o  half a unit in the last place of the output's type: 2^-24 for f32, 2^-8 for bf16, 2^-11 for f16
//   eps_p  of 16-bit values, half a unit of their type, to which the weights are rounded for the second product; else 0
//   tiny   2^-126, the smallest normal number (results may be flushed to zero); of f16, whose results are not, 2^-24
//   n   keys that the row sees
//   S   max of sqrt(Dk) M and |scale| max |q| |k_j|: the rounding of a dot product as a random walk, also where it
//   cancels M   max of |s_j| over the keys it sees and of |t_j| over those that weigh something (t_j >= max t - 17, so
//       p_j >= 2^-25 max p), with s the scaled dot product and t the score that the region makes of it: a bias of -2000
//       on a far key does not loosen the bound, a factor of 50 in the score does
//   p_j exp(t_j - lse)
//
// With pointwise weights t_j there is no softmax to divide errors away; the score region itself tells how far a score's
// rounding moves a weight:
//
//   |out - ref| <= c sum_j (max |t(s_j +- eps |scale| |q| |k_j|) - t_j| + eps (sqrt(n) + 8) |t_j|) |v_j| + tiny
//
// Linear attention is the recurrence, a token at a time. With |S| the same recurrence of absolute values,
//
//   |o - ref| <= c (eps (sqrt(n) + sqrt(Dk) + 8 + Gamma) scale |q|^T |S| + eps |ref|) + tiny
//
//   n       tokens so far
//   Gamma   the largest sum of |g| over 128 tokens in a row: chunks subtract sums of g
//
// and for a quotient the bounds of both its parts. It is likewise for the final state.
//
// The bound is infinite where fp32 itself overflows (|q| |k_j| or M above the largest float).
#ifndef FOVEA_REFERENCE_REFERENCE_H
#define FOVEA_REFERENCE_REFERENCE_H

#include "fovea/Reference/HostTensor.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace fovea::reference {

inline constexpr double kErrorFactor = 4;
inline constexpr double kFloatEpsilon = 0x1p-24;
inline constexpr double kSmallestNormal = 0x1p-126;
inline constexpr double kHalfEpsilon = 0x1p-11, kBFloatEpsilon = 0x1p-8;
inline constexpr double kSmallestHalf = 0x1p-24;

struct EvaluationOptions {
  /// Above this amount of work only evenly spaced query rows of each head are evaluated, the first and the last
  /// included.
  double maxMultiplyAdds = 2e9;
};

struct Output {
  HostTensor value;          // F64
  std::vector<double> bound; // per element; negative: not evaluated (another row was sampled)
  int argument = -1;         // the memref argument it was written to, or -1 for a result
};

struct Evaluation {
  std::vector<Output> outputs; // results in order, then written memref arguments in order
  int64_t rows = 0;            // query rows of all heads
  int64_t evaluatedRows = 0;   // fewer when sampled
};

/// Interprets a function with attn.attention on tensors or memrefs. Scalars are arrays of rank 0. Of a memref argument
/// that is written only the shape is read; the array itself stays as it is. Errors are diagnostics at the op.
mlir::FailureOr<Evaluation> evaluateFunction(mlir::func::FuncOp function, llvm::ArrayRef<TensorRef> arguments,
                                             const EvaluationOptions &options = {});

/// The numbers of the memref arguments that the function writes, in order.
llvm::SmallVector<unsigned> writtenArguments(mlir::func::FuncOp function);

/// Useful work: what no implementation can avoid.
struct Work {
  double pairs = 0;      // visible (query, key) pairs over all sequences and query heads
  double stateSteps = 0; // linear attention: how often a token enters a state, or a query reads one
  double flops = 0;      // 2 pairs (Dk + Dv) + 2 stateSteps Dk Dv; of additive scores 2 pairs (4 Dk + Dv)
  bool additive = false;
  bool exact = true;
};

/// Counts by asking the mask for every pair, or for evenly spaced query rows when there are more than `maxPairs` to
/// ask.
mlir::FailureOr<Work> countWork(mlir::func::FuncOp function, llvm::ArrayRef<TensorRef> arguments,
                                double maxPairs = 3e8);

struct Comparison {
  double maxRatio = 0; // of |actual - reference| to the bound; infinite for NaN or Inf in the wrong place
  int64_t worst = -1;  // row-major position
  double got = 0, want = 0, bound = 0;
  double relativeRms = 0; // RMS(error) / RMS(reference) over finite elements
  int64_t compared = 0;
  int64_t unbounded = 0; // not compared: intermediate values leave the range of f32, where anything may come out
};

/// Equal infinities and NaN with NaN count as equal.
Comparison compare(const Output &reference, const HostTensor &actual);

} // namespace fovea::reference

#endif
