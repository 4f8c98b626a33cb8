// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_CONVERSION_COMMON_NORMALIZE_ROW_H
#define FOVEA_LIB_CONVERSION_COMMON_NORMALIZE_ROW_H

#include "SourceRow.h"

namespace fovea {

/// f32 1 / sqrt(squares / columns + epsilon) of a row's sum of squares. That is f64: squares of no f32 overflow.
mlir::Value inverseRms(mlir::ImplicitLocOpBuilder &b, attn::LoadTileOp op, mlir::Value squares);

/// A row as attn.load_tile normalises it, element by element.
void normalizeRow(Loops &b, attn::LoadTileOp op, LoadElement load, StoreElement store);

} // namespace fovea

#endif
