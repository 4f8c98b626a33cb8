// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_CONVERSION_GPUCOMMON_TILE_ROWS_H
#define FOVEA_LIB_CONVERSION_GPUCOMMON_TILE_ROWS_H

#include "Problem.h"

namespace fovea {

/// The query rows of one task: of one head, or all rows of a group of heads, head by head.
struct TileRows {
  mlir::Value batch, head, row; // the first of each; rows are counted from 0
  mlir::Value count;            // rows of each head
  mlir::Value valid;            // of all heads
  mlir::Value group;            // heads; null: 1
  mlir::Value position, end;    // of the rows

  TileRows() = default;
  /// At the top of an attn.task's body; `ids` begin with its sequence, query head and query tile.
  TileRows(WarpEmitter &b, const Problem &problem, mlir::ValueRange ids, int64_t rows, mlir::Value group = {});

  /// Head and row of the tile's row `number` (i32).
  std::pair<mlir::Value, mlir::Value> locate(WarpEmitter &b, mlir::Value number) const;
  /// Positions [begin, end) that hold those of a warp's rows.
  std::pair<mlir::Value, mlir::Value> positionsOf(WarpEmitter &b, mlir::Value warp) const;
};

/// The tile's row that is this thread's first (half 0) or second one, as i32.
mlir::Value rowNumber(WarpEmitter &b, const Thread &thread, int64_t half);
/// One lane of the four that share a row.
mlir::Value isFirstOfRow(WarpEmitter &b, const Thread &thread);

} // namespace fovea

#endif
