// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Between the two products: scores, mask, online softmax (Milakov and Gimelshein 2018; Dao 2023) in registers.
#ifndef FOVEA_LIB_CONVERSION_GPUCOMMON_SOFTMAX_H
#define FOVEA_LIB_CONVERSION_GPUCOMMON_SOFTMAX_H

#include "WarpEmitter.h"
#include "fovea/Dialect/Attn/IR/Attn.h"

namespace fovea {

/// Per thread: two rows, `row` and `row + 8` of its warp's fragments.
struct State {
  Values acc;                     // kFragmentValues for each 8 columns
  mlir::Value maximum[2], sum[2]; // the sum of this lane's keys only, until finalize

  explicit State(mlir::ValueRange values)
      : acc(values.drop_back(4)), maximum{values[values.size() - 4], values[values.size() - 3]},
        sum{values[values.size() - 2], values[values.size() - 1]} {}
  Values values() const {
    Values all = acc;
    all.append({maximum[0], maximum[1], sum[0], sum[1]});
    return all;
  }
  /// Has seen no key: acc = 0, m = -inf, l = 0.
  static State empty(WarpEmitter &b, int64_t columns);
};

/// Where a key block's scores are, as absolute positions.
struct Place {
  mlir::Value batch;
  mlir::Value heads[2], rows[2]; // of this thread's two rows
  mlir::Value key;               // first key of the block
  mlir::Value keys;              // of the sequence
  mlir::Value masked;            // i1: the mask must be asked, or keys do not exist
};

class Softmax {
public:
  explicit Softmax(attn::AttentionOp op);

  /// From products to scores; -inf where nothing is visible.
  Values scores(WarpEmitter &b, const Thread &thread, const Place &place, Values products) const;

  /// Weights of the scores, and the state rescaled to them:
  ///   m' = max(m, max t)   alpha = exp(m - m')   l' = alpha l + sum exp(t - m')   acc' = alpha acc
  /// A state without acc leaves that product to the caller.
  struct Update {
    Values weights;
    mlir::Value alpha[2]; // of each of the two rows
  };
  Update update(WarpEmitter &b, mlir::ValueRange scores, State &state) const;
  static void rescale(WarpEmitter &b, Values &acc, mlir::Value alpha, int64_t row);

  /// exp(m - m'), by which what was summed under m counts under m' >= m.
  mlir::Value decay(WarpEmitter &b, mlir::Value maximum, mlir::Value larger) const;

  /// l, complete, for each of the two rows, and m + ln l.
  struct Row {
    mlir::Value sum, lse;
  };
  Row finalize(WarpEmitter &b, const State &state, int64_t row) const;

private:
  attn::AttentionOp op;
  bool isDeferred;       // scores are products, and the scale is part of the exponent's factor
  float scale, exponent; // t log2 e == exponent * (what `scores` gives)
};

} // namespace fovea

#endif
