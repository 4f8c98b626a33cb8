// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "../Common/VectorTarget.h"
#include "Patterns.h"
#include "fovea/Conversion/Passes.h"
#include "fovea/Conversion/TileTypes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace fovea {
#define GEN_PASS_DEF_CONVERTATTNTILETOVECTOR
#include "fovea/Conversion/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;
using namespace fovea::attn;

namespace {

struct ConvertAttnTileToVectorPass : fovea::impl::ConvertAttnTileToVectorBase<ConvertAttnTileToVectorPass> {
  void runOnOperation() override {
    if (failed(convertTasks(getOperation(), convert)))
      signalPassFailure();
  }

  static LogicalResult convert(func::FuncOp function, ScheduleAttr schedule) {
    TypeConverter types;
    types.addConversion([](Type type) { return type; });
    types.addConversion([panel = schedule.getPanel()](TileType type) -> Type {
      if (type.getRole() == TileRole::Query)
        return MemRefType::get({type.getRows() / panel, type.getColumns(), panel}, type.getElementType());
      auto layout = StridedLayoutAttr::get(type.getContext(), ShapedType::kDynamic, {type.getColumns(), 1});
      return MemRefType::get({type.getRows(), type.getColumns()}, type.getElementType(), layout);
    });
    types.addConversion(
        [panel = schedule.getPanel()](StateType type, SmallVectorImpl<Type> &buffers) -> std::optional<LogicalResult> {
          int64_t panels = type.getRows() / panel;
          buffers.push_back(MemRefType::get({panels, type.getColumns(), panel}, type.getElementType()));
          buffers.push_back(MemRefType::get({panels, 2, panel}, type.getElementType()));
          return success();
        });
    RewritePatternSet patterns(function.getContext());
    populateLoadTilePatterns(types, patterns);
    populateStatePatterns(types, patterns);
    populateUpdatePatterns(types, patterns);
    if (failed(convertTileOps(function, types, std::move(patterns))))
      return failure();
    return approximateMath(function);
  }
};

} // namespace
