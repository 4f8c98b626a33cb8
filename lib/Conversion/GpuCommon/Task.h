// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_CONVERSION_GPUCOMMON_TASK_H
#define FOVEA_LIB_CONVERSION_GPUCOMMON_TASK_H

#include "Problem.h"
#include "Softmax.h"

namespace fovea {

/// A block of threads' share of an attention: some query rows of one head, and the key blocks that they see.
class Task {
public:
  /// At the top of an attn.task's body; `ids` are its sequence, query head and query tile.
  Task(WarpEmitter &b, const Problem &problem, attn::ScheduleAttr schedule, mlir::ValueRange ids);

  mlir::Value batch, head;
  mlir::Value row, validRows; // its first query row, counted from 0, and how many exist
  mlir::Value position;       // of that row
  mlir::Value keyBegin, keyEnd;

  /// The first block from `key` on with a visible key, or one past the end. Holes of a mask (between sinks and a
  /// window, say) lie inside the task's bounds.
  mlir::Value nextVisible(mlir::Value key);
  /// Whether some of the `rows` rows from position `first` on may not see some of the block's keys, or the block is cut
  /// short.
  mlir::Value isMasked(mlir::Value key, mlir::Value first, int64_t rows);
  /// Output, and log-sum-exp, of the rows that exist. `state` as Softmax leaves it, of thread.warp's rows.
  void storeRows(const Thread &thread, const Softmax &softmax, const State &state);

private:
  mlir::Value least(mlir::Value x, mlir::Value y);
  attn::TileBoundsOp tileBounds(mlir::Value rowBegin, mlir::Value rowEnd, mlir::Value begin, mlir::Value end);
  mlir::Value isHidden(mlir::Value key);
  void storeRow(const Thread &thread, const GlobalRows &output, const State &state, int64_t half, mlir::Value at,
                mlir::Value sum);

  WarpEmitter &b;
  const Problem &problem;
  attn::AttentionOp op;
  int64_t keyBlock;
  mlir::Value positionEnd; // of its rows
};

} // namespace fovea

#endif
