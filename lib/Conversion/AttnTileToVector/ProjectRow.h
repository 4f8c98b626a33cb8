// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One row times the projection of its own head: what latent attention does where rows of several heads share a tile.
#ifndef FOVEA_LIB_CONVERSION_ATTNTILETOVECTOR_PROJECT_ROW_H
#define FOVEA_LIB_CONVERSION_ATTNTILETOVECTOR_PROJECT_ROW_H

#include "VectorEmitter.h"

namespace fovea {

/// `up` is [H, own, latents], any strides; `row` has dense rows.
/// destination[to, c] = sum_d row[0, d] up[head, d, c]: a query to the latents.
void absorbRow(VectorEmitter &b, mlir::Value row, mlir::Value up, mlir::Value head, mlir::Value destination,
               mlir::Value to);

/// store(e, sum_c row[r, c] up[head, e, c]) for every e: latents to a head's values.
void expandRow(VectorEmitter &b, mlir::Value rows, mlir::Value r, mlir::Value up, mlir::Value head,
               llvm::function_ref<void(mlir::Value column, mlir::Value value)> store);

} // namespace fovea

#endif
