// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Blocks that have pieces of one tile's keys meet in global memory (split-KV; Flash-Decoding, Dao et al. 2023). A
// partial result is a row of 32-bit words, R the tile's rows, rounded up to 8, and D the columns of values:
//
//   0         of the first piece: how many blocks have arrived
//   16 + 2 r  m and l of row r
//   16 + 2 R + r D  acc of row r
//
// The last block to arrive merges all, in the order of the pieces, whoever it is:
//   M = max m_p    acc = sum exp(m_p - M) acc_p    l = sum exp(m_p - M) l_p
#ifndef FOVEA_LIB_CONVERSION_ATTNTOGPU_PARTIALS_H
#define FOVEA_LIB_CONVERSION_ATTNTOGPU_PARTIALS_H

#include "../GpuCommon/Softmax.h"
#include "../GpuCommon/TileRows.h"
#include "Geometry.h"

namespace fovea {

class Partials {
public:
  Partials(WarpEmitter &b, const Geometry &geometry, const Thread &thread, const TileRows &rows);

  /// The task has not all of its tile's keys.
  mlir::Value isPiece(WarpEmitter &b) const;
  /// This piece's result, for others to read once the block has arrived.
  void store(WarpEmitter &b, const Softmax &softmax, const State &state) const;
  /// Whether this block is the last one of its tile; then it sees what all have stored, and the count is 0 again.
  mlir::Value arrive(WarpEmitter &b) const;
  /// All pieces together, with the sum of a row in one of its lanes.
  State merge(WarpEmitter &b, const Softmax &softmax) const;

private:
  mlir::Value addressOf(WarpEmitter &b, mlir::Value number, mlir::Value word) const;
  mlir::Value totalsWord(WarpEmitter &b, int64_t half) const;
  mlir::Value columnsWord(WarpEmitter &b, int64_t half) const;

  const Geometry &geometry;
  const Thread &thread;
  const TileRows &rows;
  mlir::Value start, rowBytes; // of the first piece's row, in bytes; from a row to the next
  mlir::Value piece, pieces, allRows;
};

/// The output of a tile that may be in pieces: whoever is last calls `store` with the state of all of them.
void meetPieces(WarpEmitter &b, const Geometry &geometry, const Softmax &softmax, const Thread &thread,
                const TileRows &rows, const State &state, llvm::function_ref<void(const State &)> store);

} // namespace fovea

#endif
