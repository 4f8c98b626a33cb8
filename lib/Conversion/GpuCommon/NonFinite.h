// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Values that are NaN or infinite. A key that a row does not see weighs 0 in it, but 0 times such a value is NaN, and a
// tensor core multiplies all. So blocks that are PARTIAL for the task are looked through, each thread at its share, and
// where something is found, what it adds is counted by itself (addNonFinite), for the rows that see it, and then made 0
// in shared memory.
#ifndef FOVEA_LIB_CONVERSION_GPUCOMMON_NON_FINITE_H
#define FOVEA_LIB_CONVERSION_GPUCOMMON_NON_FINITE_H

#include "SharedTile.h"

namespace fovea {

/// i32, not 0 if there is one among the chunks that are this thread's share of the tile.
mlir::Value findNonFinite(WarpEmitter &b, const Thread &thread, int64_t threads, const SharedTile &tile,
                          mlir::Type element, mlir::Value stage);

/// 1 where a key weighs something in a row, else 0: an A fragment for each 16 keys, of f32 weights.
Values seenKeys(WarpEmitter &b, mlir::ValueRange weights, mlir::Type element);
/// The same of weights that are A fragments, rounded, so that f32 ones need not stay in registers: below 2^-25, an f16
/// weighs nothing.
Values seenKeysOfPacked(WarpEmitter &b, mlir::ValueRange weights, mlir::Type element);

/// acc + P V of the values that are not finite alone, for keys that are seen: +inf, -inf or NaN, exactly. `acc` is of
/// the tile's columns.
Values addNonFinite(WarpEmitter &b, const Thread &thread, const SharedTile &tile, mlir::Type element,
                    mlir::ValueRange seen, mlir::Value stage, Values acc);

/// Makes them 0 in this thread's share of the tile.
void clearNonFinite(WarpEmitter &b, const Thread &thread, int64_t threads, const SharedTile &tile, mlir::Type element,
                    mlir::Value stage);

} // namespace fovea

#endif
