// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a target's form of tiles and states gets through loops and branches.
#ifndef FOVEA_CONVERSION_TILE_TYPES_H
#define FOVEA_CONVERSION_TILE_TYPES_H

#include "fovea/Dialect/Attn/IR/Attn.h"
#include "mlir/Transforms/DialectConversion.h"

namespace fovea {

/// Applies a target's patterns for the tile ops inside a function. `types` maps !attn.tile and !attn.state to that
/// target's buffers; scf.for and scf.if that carry them are converted along (buffers are then carried unchanged and
/// fold away).
mlir::LogicalResult convertTileOps(mlir::Operation *function, const mlir::TypeConverter &types,
                                   mlir::RewritePatternSet patterns);

/// The same for the ops of linear attention and !attn.linear_state.
mlir::LogicalResult convertLinearOps(mlir::Operation *function, const mlir::TypeConverter &types,
                                     mlir::RewritePatternSet patterns);

} // namespace fovea

#endif
