// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What several ops share: score, mask and feature regions, their text form and rules, and the scale before them.
#ifndef FOVEA_LIB_DIALECT_ATTN_IR_REGIONS_H
#define FOVEA_LIB_DIALECT_ATTN_IR_REGIONS_H

#include "mlir/IR/OpImplementation.h"

namespace fovea::attn {

/// `(%s, %b, %h, %i, %j) {...}`, after the keyword `score`.
mlir::ParseResult parseScoreRegion(mlir::OpAsmParser &parser, mlir::Region &score);
void printScoreRegion(mlir::OpAsmPrinter &printer, mlir::Operation *op, mlir::Region &score);

/// `(%b, %h, %i, %j) {...}`, after the keyword `mask`.
mlir::ParseResult parseMaskRegion(mlir::OpAsmParser &parser, mlir::Region &mask);
void printMaskRegion(mlir::OpAsmPrinter &printer, mlir::Operation *op, mlir::Region &mask);

/// `(%x) {...}`, after the keyword `feature`.
mlir::ParseResult parseFeatureRegion(mlir::OpAsmParser &parser, mlir::Region &feature);
void printFeatureRegion(mlir::OpAsmPrinter &printer, mlir::Operation *op, mlir::Region &feature);

/// Arguments, result type and contents: straight-line scalar code that every target can evaluate element by element.
mlir::LogicalResult verifyScoreRegion(mlir::Operation *op, mlir::Region &score);
mlir::LogicalResult verifyMaskRegion(mlir::Operation *op, mlir::Region &mask);
mlir::LogicalResult verifyFarRegion(mlir::Operation *op, mlir::Region &far);
mlir::LogicalResult verifyFeatureRegion(mlir::Operation *op, mlir::Region &feature);

/// Scores are f32: infinity times a product of 0 is NaN.
mlir::LogicalResult verifyScale(mlir::Operation *op, const llvm::APFloat &scale);

} // namespace fovea::attn

#endif
