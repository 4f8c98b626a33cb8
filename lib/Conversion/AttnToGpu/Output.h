// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a thread's state to memory: the output, or the partial result of a split and, for the last one, the merge of
// all.
#ifndef FOVEA_LIB_CONVERSION_ATTNTOGPU_OUTPUT_H
#define FOVEA_LIB_CONVERSION_ATTNTOGPU_OUTPUT_H

#include "../GpuCommon/Softmax.h"
#include "TileRows.h"

namespace fovea {

/// The tile's row that is this thread's first (half 0) or second one, as i32.
mlir::Value rowNumber(WarpEmitter &b, const Thread &thread, int64_t half);

class Output {
public:
  Output(attn::AttentionOp op, const Problem &problem, const Softmax &softmax, const Geometry &geometry,
         const Thread &thread, const TileRows &rows)
      : op(op), problem(problem), softmax(softmax), geometry(geometry), thread(thread), rows(rows) {}

  /// acc / l and m + ln l of the rows that exist.
  void store(WarpEmitter &b, const State &state) const;
  /// The same for a tile that may be in pieces: by whoever is last.
  void storeSplit(WarpEmitter &b, State state) const;

private:
  mlir::Value exists(WarpEmitter &b, int64_t half) const;
  void storeRow(WarpEmitter &b, const State &state, int64_t half, mlir::Value sum) const;

  attn::AttentionOp op;
  const Problem &problem;
  const Softmax &softmax;
  const Geometry &geometry;
  const Thread &thread;
  const TileRows &rows;
};

} // namespace fovea

#endif
