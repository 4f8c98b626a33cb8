// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Conversion/TileTypes.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"

using namespace mlir;
using namespace fovea::attn;

template <typename... Ops>
static LogicalResult convert(Operation *function, const TypeConverter &types, RewritePatternSet patterns) {
  ConversionTarget target(*function->getContext());
  target.addIllegalOp<Ops...>();
  target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
  scf::populateSCFStructuralTypeConversionsAndLegality(types, patterns, target);
  return applyPartialConversion(function, target, std::move(patterns));
}

LogicalResult fovea::convertTileOps(Operation *function, const TypeConverter &types, RewritePatternSet patterns) {
  return convert<LoadTileOp, ExpandTileOp, InitStateOp, UpdateOp, FinalizeOp>(function, types, std::move(patterns));
}

LogicalResult fovea::convertLinearOps(Operation *function, const TypeConverter &types, RewritePatternSet patterns) {
  return convert<InitLinearStateOp, LinearChunkOp, StoreLinearStateOp>(function, types, std::move(patterns));
}
