// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// attn.load_tile: the one place that knows how a source lies in memory.
#include "NormalizeTile.h"
#include "Patterns.h"
#include "ProjectRow.h"
#include "RotateTile.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace fovea;
using namespace fovea::attn;

namespace {

ScheduleAttr scheduleOf(Operation *op) { return op->getParentOfType<TaskOp>().getSchedule(); }

/// Rows that are more than a copy of the source's: of any head, normalised, then rotated, as far as the op says.
class RowMaker {
public:
  RowMaker(VectorEmitter &b, LoadTileOp op) : b(b), op(op) {
    if (op.getNorm())
      normalizer.emplace(b, op);
    if (op.getNorm() && op.isRotated())
      normalized = b.buffer({1, op.getSourceColumns()});
    if (op.isRotated())
      rotator.emplace(b, op, normalized);
  }
  static bool isNeeded(LoadTileOp op) { return op.isRotated() || op.getNorm(); }

  /// Row `r` of the tile to row `to` of `destination`, which is dense.
  void make(Value r, Value destination, Value to) {
    if (normalizer)
      normalized ? normalizer->normalize(r, normalized, b.index(0)) : normalizer->normalize(r, destination, to);
    if (rotator)
      rotator->rotate(r, destination, to);
    if (!isNeeded(op))
      copy(r, destination, to);
  }

private:
  void copy(Value r, Value destination, Value to) {
    auto [head, row] = op.rowOf(b, r);
    Value at[] = {op.getBatch(), head, row};
    b.loop(b.index(op.getSourceColumns()),
           [&](Value d) { b.store(b.load(op.getSource(), {at[0], at[1], at[2], d}), destination, {to, d}); });
  }

  VectorEmitter &b;
  LoadTileOp op;
  std::optional<RowNormalizer> normalizer;
  Value normalized; // one row
  std::optional<RowRotator> rotator;
};

/// Query rows, transposed panel by panel. Rows past the valid ones repeat the last valid one.
struct LowerLoadQuery : OpConversionPattern<LoadTileOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(LoadTileOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    TileType type = op.getTile().getType();
    if (type.getRole() != TileRole::Query)
      return rewriter.notifyMatchFailure(op, "not a query tile");
    VectorEmitter b(op.getLoc(), rewriter, scheduleOf(op));
    int64_t panel = b.schedule.getPanel(), columns = type.getColumns();
    Value tile = b.buffer({type.getRows() / panel, columns, panel});
    Value panels = b.createOrFold<arith::CeilDivUIOp>(op.getValid(), b.index(panel));
    rewriter.replaceOp(op, tile);
    if (RowMaker::isNeeded(op) || op.getHeadsOf() || op.getAbsorb()) {
      packRowByRow(b, op, tile, panels);
      return success();
    }
    StridedRows source(b, op.getSource(), op.getBatch(), op.getHead());
    b.loop(panels, [&](Value p) {
      Value first = b.mul(p, panel);
      auto oneByOne = [&] { packElements(b, op, tile, p, first); };
      if (columns < b.lanes())
        return oneByOne();
      Value whole = b.compare(arith::CmpIPredicate::ule, b.add(first, panel), op.getValid());
      auto offset = [&](Value w) { return source.rowOffset(b, b.add(op.getRow(), b.add(first, w))); };
      b.when(
          b.both(whole, source.isUnit(b, columns)),
          [&] { packBlocks(b, columns, source.base, offset, source.rowStride, tile, p); }, oneByOne);
    });
    return success();
  }

private:
  /// A whole panel of dense rows, which start at offset(w): blocks of lanes x lanes through registers.
  static void packBlocks(VectorEmitter &b, int64_t columns, Value base, function_ref<Value(Value)> offset,
                         OpFoldResult rowStride, Value tile, Value p) {
    int64_t panel = b.schedule.getPanel();
    Value flat = memref::ExtractStridedMetadataOp::create(b, tile).getBaseBuffer();
    b.loop(b.index(0), b.index(panel), b.lanes(), [&](Value w) {
      Value row = offset(w);
      b.chunks(columns, [&](Value d, int64_t) {
        Value to = b.add(b.mul(b.add(b.mul(p, columns), d), panel), w);
        b.transposeBlock(b.block(base, arith::AddIOp::create(b, row, d), rowStride),
                         b.block(flat, to, b.getIndexAttr(panel)));
      });
    });
  }

  /// Each panel is made row by row, projected too, before it is transposed.
  static void packRowByRow(VectorEmitter &b, LoadTileOp op, Value tile, Value panels) {
    int64_t panel = b.schedule.getPanel(), columns = op.getTile().getType().getColumns();
    Value made = b.buffer({panel, columns}), last = b.sub(op.getValid(), b.index(1));
    RowMaker rows(b, op);
    Value source = op.getAbsorb() ? b.buffer({1, op.getSourceColumns()}) : Value();
    b.loop(panels, [&](Value p) {
      Value first = b.mul(p, panel);
      b.loop(b.index(panel), [&](Value w) {
        Value r = b.min(b.add(first, w), last);
        if (!source)
          return rows.make(r, made, w);
        rows.make(r, source, b.index(0));
        absorb(b, op, r, source, made, w);
      });
      if (columns >= b.lanes()) {
        Value base = memref::ExtractStridedMetadataOp::create(b, made).getBaseBuffer();
        auto offset = [&](Value w) { return b.mul(w, columns); };
        return packBlocks(b, columns, base, offset, b.getIndexAttr(columns), tile, p);
      }
      b.loop(b.index(panel), [&](Value w) {
        b.loop(b.index(columns), [&](Value d) { b.store(b.load(made, {w, d}), tile, {p, d, w}); });
      });
    });
  }

  /// key_up^T times the first columns, then the others.
  static void absorb(VectorEmitter &b, LoadTileOp op, Value r, Value source, Value made, Value to) {
    MemRefType up = op.getAbsorb().getType();
    int64_t own = up.getDimSize(1), latents = up.getDimSize(2), shared = op.getSourceColumns() - own;
    absorbRow(b, source, op.getAbsorb(), op.rowOf(b, r).first, made, to);
    if (shared != 0)
      b.chunks(shared, [&](Value c, int64_t width) {
        b.storeLeading(b.loadLeading(source, {b.index(0), b.add(c, own)}, width), made, {to, b.add(c, latents)}, width);
      });
  }

  /// Any strides, any number of rows.
  static void packElements(VectorEmitter &b, LoadTileOp op, Value tile, Value p, Value first) {
    Value last = b.sub(op.getValid(), b.index(1));
    b.loop(b.index(b.schedule.getPanel()), [&](Value w) {
      Value row = b.add(op.getRow(), b.min(b.add(first, w), last));
      b.loop(b.index(op.getTile().getType().getColumns()),
             [&](Value d) { b.store(b.load(op.getSource(), {op.getBatch(), op.getHead(), row, d}), tile, {p, d, w}); });
    });
  }
};

/// Key and value rows: a view where the source is dense, else a packed copy. Both matrix products walk whole groups of
/// micro_keys rows, so a ragged end is packed too, with zeros after it.
struct LowerLoadKeyValue : OpConversionPattern<LoadTileOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(LoadTileOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    TileType type = op.getTile().getType();
    if (type.getRole() == TileRole::Query)
      return rewriter.notifyMatchFailure(op, "a query tile");
    VectorEmitter b(op.getLoc(), rewriter, scheduleOf(op));
    auto tileType = cast<MemRefType>(getTypeConverter()->convertType(type));
    int64_t columns = type.getColumns();
    Value packed = b.buffer({type.getRows(), columns});
    if (RowMaker::isNeeded(op)) {
      makeRows(b, op, packed);
      rewriter.replaceOp(op, memref::CastOp::create(b, tileType, packed));
      return success();
    }
    StridedRows source(b, op.getSource(), op.getBatch(), op.getHead());
    Value unit = source.isUnit(b, columns);
    Value rounded = b.roundUp(op.getValid(), b.schedule.getMicroKeys());
    Value dense = b.both(unit, b.compare(arith::CmpIPredicate::eq, source.rowStride, b.index(columns)));
    dense = b.both(dense, b.compare(arith::CmpIPredicate::eq, rounded, op.getValid()));
    auto view = [&]() -> Values {
      return {memref::ReinterpretCastOp::create(
          b, tileType, source.base, OpFoldResult(source.rowOffset(b, op.getRow())),
          ArrayRef<OpFoldResult>{b.getIndexAttr(type.getRows()), b.getIndexAttr(columns)},
          ArrayRef<OpFoldResult>{b.getIndexAttr(columns), b.getIndexAttr(1)})};
    };
    auto copy = [&]() -> Values {
      b.loop(rounded, [&](Value r) {
        Value live = b.compare(arith::CmpIPredicate::ult, r, op.getValid());
        b.when(
            b.both(live, unit), [&] { copyRow(b, source, op, packed, r); },
            [&] { copyElements(b, op, packed, r, live); });
      });
      return {memref::CastOp::create(b, tileType, packed)};
    };
    rewriter.replaceOp(op, b.choose(dense, TypeRange(tileType), view, copy));
    return success();
  }

private:
  static void makeRows(VectorEmitter &b, LoadTileOp op, Value packed) {
    RowMaker rows(b, op);
    b.loop(op.getValid(), [&](Value r) { rows.make(r, packed, r); });
    b.loop(op.getValid(), b.roundUp(op.getValid(), b.schedule.getMicroKeys()), 1, [&](Value r) {
      b.chunks(op.getTile().getType().getColumns(),
               [&](Value c, int64_t width) { b.storeLeading(b.splat(0), packed, {r, c}, width); });
    });
  }

  static void copyRow(VectorEmitter &b, const StridedRows &source, LoadTileOp op, Value packed, Value r) {
    int64_t columns = op.getTile().getType().getColumns();
    Value view = source.denseRow(b, b.add(op.getRow(), r), columns);
    b.chunks(columns, [&](Value c, int64_t width) {
      b.storeLeading(b.loadLeading(view, {b.index(0), c}, width), packed, {r, c}, width);
    });
  }

  /// Any strides; zeros past the last row.
  static void copyElements(VectorEmitter &b, LoadTileOp op, Value packed, Value r, Value live) {
    Value row = b.add(op.getRow(), r);
    b.loop(b.index(op.getTile().getType().getColumns()), [&](Value c) {
      auto element = [&]() -> Values { return {b.load(op.getSource(), {op.getBatch(), op.getHead(), row, c})}; };
      b.store(b.choose(live, b.getF32Type(), element, [&]() -> Values { return {b.real(0)}; })[0], packed, {r, c});
    });
  }
};

} // namespace

void fovea::populateLoadTilePatterns(const TypeConverter &types, RewritePatternSet &patterns) {
  patterns.add<LowerLoadQuery, LowerLoadKeyValue>(types, patterns.getContext());
}
