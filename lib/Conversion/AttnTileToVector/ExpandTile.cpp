// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// attn.expand_tile: a matrix product of latents with a projection, which a query tile holds transposed. Register tiles
// are those of the scores' product; lanes are columns of the result.
#include "Patterns.h"
#include "VectorEmitter.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace fovea;
using namespace fovea::attn;

namespace {

struct LowerExpandTile : OpConversionPattern<ExpandTileOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(ExpandTileOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    VectorEmitter b(op.getLoc(), rewriter, op->getParentOfType<TaskOp>().getSchedule());
    TileType type = op.getResult().getType();
    Value tile = b.buffer({type.getRows(), type.getColumns()});
    Value rows = b.roundUp(op.getValid(), b.schedule.getMicroKeys());
    int64_t panel = b.schedule.getPanel(), projected = op.getRows(), whole = projected / panel * panel;
    auto columns = [&](Value p, int64_t width) {
      b.loop(b.index(0), rows, b.schedule.getMicroKeys(),
             [&](Value j) { emitRegisterTile(b, op, adaptor, j, p, width, tile); });
    };
    if (whole != 0)
      b.loop(b.index(whole / panel), [&](Value p) { columns(p, panel); });
    if (whole != projected)
      columns(b.index(whole / panel), projected - whole);
    copyShared(b, op, adaptor.getLatents(), rows, tile);
    rewriter.replaceOp(op, memref::CastOp::create(b, getTypeConverter()->convertType(type), tile));
    return success();
  }

private:
  /// microKeys rows from j on, `width` columns of panel p.
  static void emitRegisterTile(VectorEmitter &b, ExpandTileOp op, OpAdaptor adaptor, Value j, Value p, int64_t width,
                               Value tile) {
    int64_t micro = b.schedule.getMicroKeys(), vectors = llvm::divideCeil(width, b.lanes());
    Values zero(micro * vectors, b.splat(0));
    Values sums =
        b.loop(b.index(0), b.index(op.getUp().getType().getColumns()), 1, zero, [&](Value c, ValueRange sums) {
          return b.multiplyAdd(
              sums, vectors, [&](int64_t i) { return b.load(adaptor.getLatents(), {b.add(j, i), c}); },
              [&](int64_t k) { return b.loadVector(adaptor.getUp(), {p, c, b.index(k * b.lanes())}); });
        });
    for (int64_t i = 0; i < micro; ++i)
      for (int64_t k = 0; k < vectors; ++k) {
        Value column = b.add(b.mul(p, b.schedule.getPanel()), k * b.lanes());
        b.storeLeading(sums[i * vectors + k], tile, {b.add(j, i), column}, std::min(b.lanes(), width - k * b.lanes()));
      }
  }

  static void copyShared(VectorEmitter &b, ExpandTileOp op, Value latents, Value rows, Value tile) {
    int64_t shared = op.getResult().getType().getColumns() - int64_t(op.getRows());
    int64_t from = op.getLatents().getType().getColumns() - shared;
    if (shared == 0)
      return;
    b.loop(rows, [&](Value j) {
      b.chunks(shared, [&](Value c, int64_t width) {
        b.storeLeading(b.loadLeading(latents, {j, b.add(c, from)}, width), tile, {j, b.add(c, int64_t(op.getRows()))},
                       width);
      });
    });
  }
};

} // namespace

void fovea::populateExpandTilePatterns(const TypeConverter &types, RewritePatternSet &patterns) {
  patterns.add<LowerExpandTile>(types, patterns.getContext());
}
