// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_CONVERSION_GPUCOMMON_SHARED_TILE_H
#define FOVEA_LIB_CONVERSION_GPUCOMMON_SHARED_TILE_H

#include "WarpEmitter.h"

namespace fovea {

/// Rows of 16-bit elements in shared memory, in chunks of 16 bytes. The eight rows that an ldmatrix matrix takes from
/// one column of chunks must lie in different banks, of which 128 bytes have all: rows of a multiple of 128 bytes are
/// swizzled, chunk c of row r at c xor (r mod 8); others get an odd number of chunks. Rows of 128 bytes, from a
/// multiple of 1024 on, are as TMA and wgmma swizzle them.
struct SharedTile {
  int64_t base = 0; // bytes from the start of shared memory, or of the stage
  int64_t rows = 0, columns = 0;

  int64_t chunks() const { return columns / kChunkElements; }
  bool isSwizzled() const { return chunks() % 8 == 0; }
  int64_t pitch() const { return (isSwizzled() ? chunks() : chunks() | 1) * kChunkBytes; }
  int64_t bytes() const { return rows * pitch(); }
};

/// Calls `emit` with row and chunk (i32) of each of the chunks that are a thread's share of a tile; `thread.id` is one
/// of `threads`. `exists` is null where every thread has one, else an i1.
void forEachChunk(WarpEmitter &b, const Thread &thread, int64_t threads, const SharedTile &tile,
                  llvm::function_ref<void(mlir::Value row, mlir::Value chunk, mlir::Value exists)> emit);

/// Where a chunk lies in shared memory, `stage` bytes behind the tile's base.
mlir::Value chunkPointer(WarpEmitter &b, const Thread &thread, const SharedTile &tile, mlir::Value stage,
                         mlir::Value row, mlir::Value chunk);

/// Where a lane's row of an ldmatrix starts: row `row`, chunk `odd` (0 or 1), to be moved by an even number of chunks.
class LaneAddress {
public:
  LaneAddress(WarpEmitter &b, const Thread &thread, const SharedTile &tile, mlir::Value row, mlir::Value odd,
              mlir::Value stage);

  /// `rows`: a multiple of 8, which leaves the swizzle as it is.
  mlir::Value at(int64_t rows, int64_t evenChunk) { return atBytes(rows, b.i32(evenChunk * kChunkBytes)); }
  mlir::Value atBytes(int64_t rows, mlir::Value evenChunkBytes);

private:
  WarpEmitter &b;
  const Thread &thread;
  const SharedTile &tile;
  mlir::Value start, column;
};

/// Keys are the depth of the second product: its rows in memory, transposed on the way. Depth 0-7 and 8-15 of the left
/// eight columns, then of the right ones.
LaneAddress valueAddress(WarpEmitter &b, const Thread &thread, const SharedTile &tile, mlir::Value stage);

/// An accumulator's registers are where the second product wants its first operand: four for each 16 keys.
Values packWeights(WarpEmitter &b, mlir::ValueRange weights, mlir::Type element);

/// acc[0..4) += A B for the left (half 0) or right eight columns of `values`, as ldmatrix gives them.
void accumulateHalf(WarpEmitter &b, mlir::ValueRange a, llvm::ArrayRef<mlir::Value> values, int64_t half,
                    mlir::Type element, mlir::Value *acc);

} // namespace fovea

#endif
