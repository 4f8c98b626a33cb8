// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_CONVERSION_COMMON_ROTATE_ROW_H
#define FOVEA_LIB_CONVERSION_COMMON_ROTATE_ROW_H

#include "SourceRow.h"

namespace fovea {

/// A row as attn.load_tile rotates row `r` of a tile, element by element; `r` must be valid.
void rotateRow(Loops &b, attn::LoadTileOp op, mlir::Value r, LoadElement load, StoreElement store);

} // namespace fovea

#endif
