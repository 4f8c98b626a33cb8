// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Values that are NaN or infinite. A key that a row does not see weighs 0 in it, but 0 times such a value is NaN, and a
// tensor core multiplies all. So blocks that are PARTIAL for the task are looked through, each thread at what it has
// copied, and where something is found, what it adds is counted by itself (addNonFinite), for the rows that see it, and
// then made 0 in shared memory.
#ifndef FOVEA_LIB_CONVERSION_ATTNTOGPU_NON_FINITE_H
#define FOVEA_LIB_CONVERSION_ATTNTOGPU_NON_FINITE_H

#include "Geometry.h"

namespace fovea {

/// i32, not 0 if there is one among the chunks of the tile that this thread has copied.
mlir::Value findNonFinite(WarpEmitter &b, const Thread &thread, const Geometry &geometry, const SharedTile &tile,
                          mlir::Value stage);

/// Makes them 0 in those chunks.
void clearNonFinite(WarpEmitter &b, const Thread &thread, const Geometry &geometry, const SharedTile &tile,
                    mlir::Value stage);

/// For each of the two 16-bit floats in `pair` (i32): 1 where it is NaN or the infinity of that sign, else 0.
mlir::Value markInfinite(WarpEmitter &b, mlir::Value pair, bool isNegative, mlir::Type element);

} // namespace fovea

#endif
