// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_CONVERSION_GPUCOMMON_TASK_H
#define FOVEA_LIB_CONVERSION_GPUCOMMON_TASK_H

#include "TileRows.h"

namespace fovea {

/// A block of threads' share of an attention: some query rows, and the key blocks that they see.
class Task {
public:
  /// Of the keys [first, last) those that the rows see.
  Task(WarpEmitter &b, const Problem &problem, const TileRows &rows, int64_t keyBlock, mlir::Value first,
       mlir::Value last);

  TileRows rows;
  mlir::Value keyBegin, keyEnd;

  /// The first block from `key` on with a visible key, or one past the end. Holes of a mask (between sinks and a
  /// window, say) lie inside the task's bounds.
  mlir::Value nextVisible(mlir::Value key);
  /// Whether some of a warp's rows may not see some of the block's keys, or the block is cut short.
  mlir::Value isMasked(mlir::Value key, mlir::Value warp);
  /// Whether all of the task's rows see all of the block's keys that exist.
  mlir::Value isFull(mlir::Value key);

private:
  attn::TileBoundsOp tileBounds(mlir::Value rowBegin, mlir::Value rowEnd, mlir::Value begin, mlir::Value end);
  mlir::Value isHidden(mlir::Value key);

  WarpEmitter &b;
  const Problem &problem;
  attn::AttentionOp op;
  int64_t keyBlock;
};

} // namespace fovea

#endif
