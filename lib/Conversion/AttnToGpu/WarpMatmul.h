// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The two products of attention as mma.m16n8k16 with f32 accumulators.
#ifndef FOVEA_LIB_CONVERSION_ATTNTOGPU_WARP_MATMUL_H
#define FOVEA_LIB_CONVERSION_ATTNTOGPU_WARP_MATMUL_H

#include "Geometry.h"

namespace fovea {

/// The warp's 16 query rows as A fragments: four registers for each 16 columns.
Values loadQuery(WarpEmitter &b, const Thread &thread, const Geometry &geometry);

/// Q K^T of one key block: four values for each 8 keys. `query` may be empty: then its fragments are loaded on the way,
/// which leaves more registers.
Values multiplyKeys(WarpEmitter &b, const Thread &thread, const Geometry &geometry, mlir::ValueRange query,
                    mlir::Value stage);

/// acc + P V; `weights` as multiplyKeys lays out scores. They become A fragments in place: an accumulator's registers
/// are where the next product wants them.
Values multiplyValues(WarpEmitter &b, const Thread &thread, const Geometry &geometry, mlir::ValueRange weights,
                      mlir::Value stage, Values acc);

} // namespace fovea

#endif
