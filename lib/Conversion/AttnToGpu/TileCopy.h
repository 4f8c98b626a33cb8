// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_CONVERSION_ATTNTOGPU_TILE_COPY_H
#define FOVEA_LIB_CONVERSION_ATTNTOGPU_TILE_COPY_H

#include "../GpuCommon/Problem.h"
#include "Geometry.h"

namespace fovea {

/// Calls `emit` with row and chunk (i32) of each of the chunks that a thread copies of a tile. `exists` is null where
/// every thread has one, else an i1.
void forEachChunk(WarpEmitter &b, const Thread &thread, int64_t threads, const SharedTile &tile,
                  llvm::function_ref<void(mlir::Value row, mlir::Value chunk, mlir::Value exists)> emit);

/// Where a chunk lies in shared memory, `stage` bytes behind the tile's base.
mlir::Value chunkPointer(WarpEmitter &b, const Thread &thread, const SharedTile &tile, mlir::Value stage,
                         mlir::Value row, mlir::Value chunk);

/// All threads together copy rows to `tile`, `stage` bytes behind its base, 16 bytes at a time and asynchronously
/// (cp.async). `addressOf` says where row r (i32) of the tile comes from. Of the rows, `valid` exist (i32, possibly
/// more than the tile holds); the others become zero.
void copyTile(WarpEmitter &b, const Thread &thread, int64_t threads,
              llvm::function_ref<mlir::Value(mlir::Value row)> addressOf, mlir::Value valid, const SharedTile &tile,
              mlir::Value stage);

/// Rows from `first` on of one head.
void copyTile(WarpEmitter &b, const Thread &thread, int64_t threads, const GlobalRows &source, mlir::Value first,
              mlir::Value valid, const SharedTile &tile, mlir::Value stage);

/// Ends a group of copies, empty or not.
void commitCopies(WarpEmitter &b);

/// All but the last `pending` groups of this thread are complete, for it alone.
void awaitOwnCopies(WarpEmitter &b, int64_t pending);

/// All but the last `pending` groups of every thread are complete, and every thread sees them.
void awaitCopies(WarpEmitter &b, int64_t pending);

} // namespace fovea

#endif
