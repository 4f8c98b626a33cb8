// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The three-valued classifier: is a tile of a mask EMPTY, FULL or PARTIAL? One source of truth for loop bounds, panel clamps
// and micro-tiles on every target.
#ifndef FOVEA_ANALYSIS_MASK_CLASSIFIER_H
#define FOVEA_ANALYSIS_MASK_CLASSIFIER_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/Region.h"

namespace mlir {
class DialectRegistry;
}

namespace fovea {

/// A rectangle of the mask, half open, in absolute positions; values of index type. Never empty.
struct MaskTile {
  mlir::Value batch, head;
  mlir::Value rowBegin, rowEnd;
  mlir::Value keyBegin, keyEnd;
};

/// EMPTY = !may, FULL = must; both i1.
struct TileClass {
  mlir::Value may, must;
};

/// Emits code that classifies `tile` at the builder's insertion point, folding constants as it goes. Sound for every mask: an op
/// without the MaskRangeOpInterface makes the tile PARTIAL.
TileClass emitTileClass(mlir::OpBuilder &builder, mlir::Location loc, mlir::Region &mask, const MaskTile &tile);

/// Attaches MaskRangeOpInterface to arith ops.
void registerMaskRangeModels(mlir::DialectRegistry &registry);

} // namespace fovea

#endif
