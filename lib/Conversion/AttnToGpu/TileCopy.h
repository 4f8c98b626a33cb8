// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_CONVERSION_ATTNTOGPU_TILE_COPY_H
#define FOVEA_LIB_CONVERSION_ATTNTOGPU_TILE_COPY_H

#include "../GpuCommon/Problem.h"
#include "Geometry.h"

namespace fovea {

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
