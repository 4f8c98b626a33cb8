// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_CONVERSION_COMMON_ROTATE_ROW_H
#define FOVEA_LIB_CONVERSION_COMMON_ROTATE_ROW_H

#include "Loops.h"
#include "fovea/Dialect/Attn/IR/Attn.h"

namespace fovea {

/// Row `r` of a tile that attn.load_tile rotates, element by element, whatever the strides; `r` must be valid.
void rotateRow(Loops &b, attn::LoadTileOp op, mlir::Value r,
               llvm::function_ref<void(mlir::Value element, mlir::Value column)> store);

} // namespace fovea

#endif
