// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Conversion/TileTypes.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"

using namespace mlir;
using namespace fovea::attn;

LogicalResult fovea::convertTileOps(Operation *function, const TypeConverter &types, RewritePatternSet patterns) {
  ConversionTarget target(*function->getContext());
  target.addIllegalOp<LoadTileOp, InitStateOp, UpdateOp, FinalizeOp>();
  target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
  scf::populateSCFStructuralTypeConversionsAndLegality(types, patterns, target);
  return applyPartialConversion(function, target, std::move(patterns));
}
