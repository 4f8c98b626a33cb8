// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "../Common/VectorTarget.h"
#include "Chunk.h"
#include "fovea/Conversion/Passes.h"
#include "fovea/Conversion/TileTypes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace fovea {
#define GEN_PASS_DEF_CONVERTATTNLINEARTOVECTOR
#include "fovea/Conversion/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;
using namespace fovea::attn;

namespace {

ScheduleAttr scheduleOf(Operation *op) { return op->getParentOfType<TaskOp>().getSchedule(); }

int64_t columnsOf(Value memref) { return cast<MemRefType>(memref.getType()).getShape().back(); }

/// S as [panels, K, panel], z in whole vectors.
SmallVector<SmallVector<int64_t>, 2> shapesOf(LinearStateType type, ScheduleAttr schedule) {
  int64_t panel = schedule.getPanel();
  return {{int64_t(llvm::divideCeil(type.getColumns(), panel)), type.getRows(), panel},
          {int64_t(llvm::alignTo(type.getRows(), schedule.getLanes()))}};
}

struct LowerInit : OpConversionPattern<InitLinearStateOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(InitLinearStateOp op, OpAdaptor, ConversionPatternRewriter &rewriter) const override {
    VectorEmitter b(op.getLoc(), rewriter, scheduleOf(op));
    LinearStateType type = op.getState().getType();
    auto shapes = shapesOf(type, b.schedule);
    Value s = b.buffer(shapes[0]), z = b.buffer(shapes[1]), initial = op.getInitial();
    if (initial)
      loadPanels(b, {initial, op.getBatch(), op.getHead(), b.index(0), b.index(0), b.index(type.getRows())},
                 type.getColumns(), s);
    else
      b.loop(b.index(shapes[0][0]), [&](Value p) {
        b.loop(b.index(type.getRows()), [&](Value d) {
          for (int64_t w = 0; w < b.schedule.getPanel(); w += b.lanes())
            b.storeVector(b.splat(0), s, {p, d, b.index(w)});
        });
      });
    b.loop(b.index(0), b.index(shapes[1][0]), b.lanes(), [&](Value d) { b.storeVector(b.splat(0), z, d); });
    Value columns = b.index(type.getColumns());
    if (initial && columnsOf(initial) > type.getColumns())
      b.loop(b.index(type.getRows()),
             [&](Value d) { b.store(b.load(initial, {op.getBatch(), op.getHead(), d, columns}), z, d); });
    rewriter.replaceOpWithMultiple(op, {Values{s, z}});
    return success();
  }
};

struct LowerStore : OpConversionPattern<StoreLinearStateOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(StoreLinearStateOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    VectorEmitter b(op.getLoc(), rewriter, scheduleOf(op));
    LinearStateType type = op.getState().getType();
    Value s = adaptor.getState()[0], z = adaptor.getState()[1];
    Value to = op.getDestination(), columns = b.index(type.getColumns());
    storePanels(b, {to, op.getBatch(), op.getHead(), b.index(0), b.index(0), b.index(type.getRows())},
                type.getColumns(), s);
    if (columnsOf(to) > type.getColumns())
      b.loop(b.index(type.getRows()),
             [&](Value d) { b.store(b.load(z, d), to, {op.getBatch(), op.getHead(), d, columns}); });
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerChunk : OpConversionPattern<LinearChunkOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(LinearChunkOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    VectorEmitter b(op.getLoc(), rewriter, scheduleOf(op));
    Value s = adaptor.getState()[0], z = adaptor.getState()[1];
    ChunkEmitter(b, op, s, z).emit();
    rewriter.replaceOpWithMultiple(op, {Values{s, z}});
    return success();
  }
};

/// Exponentials of feature maps by the kernels' own polynomial, which costs half of upstream's.
void expandExponentials(func::FuncOp function, ScheduleAttr schedule) {
  SmallVector<math::ExpOp> exponentials;
  function.walk([&](math::ExpOp op) {
    auto type = dyn_cast<VectorType>(op.getType());
    if (type && type.getElementType().isF32() && type.getNumElements() == schedule.getLanes())
      exponentials.push_back(op);
  });
  for (math::ExpOp op : exponentials) {
    OpBuilder builder(op);
    op.replaceAllUsesWith(VectorEmitter(op.getLoc(), builder, schedule).exp(op.getOperand()));
    op.erase();
  }
}

struct ConvertAttnLinearToVectorPass : fovea::impl::ConvertAttnLinearToVectorBase<ConvertAttnLinearToVectorPass> {
  void runOnOperation() override {
    if (failed(convertTasks(getOperation(), convert)))
      signalPassFailure();
  }

  static LogicalResult convert(func::FuncOp function, ScheduleAttr schedule) {
    TypeConverter types;
    types.addConversion([](Type type) { return type; });
    types.addConversion(
        [schedule](LinearStateType type, SmallVectorImpl<Type> &buffers) -> std::optional<LogicalResult> {
          for (ArrayRef<int64_t> shape : shapesOf(type, schedule))
            buffers.push_back(MemRefType::get(shape, type.getElementType()));
          return success();
        });
    RewritePatternSet patterns(function.getContext());
    patterns.add<LowerInit, LowerStore, LowerChunk>(types, function.getContext());
    if (failed(convertLinearOps(function, types, std::move(patterns))))
      return failure();
    expandExponentials(function, schedule);
    return approximateMath(function);
  }
};

} // namespace
