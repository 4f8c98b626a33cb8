// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The two ends of a state: attn.init_state and attn.finalize.
#include "Patterns.h"
#include "VectorEmitter.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace fovea;
using namespace fovea::attn;

namespace {

constexpr float kNegativeInfinity = -std::numeric_limits<float>::infinity();

struct LowerInitState : OpConversionPattern<InitStateOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(InitStateOp op, OpAdaptor, ConversionPatternRewriter &rewriter) const override {
    VectorEmitter b(op.getLoc(), rewriter, op->getParentOfType<TaskOp>().getSchedule());
    StateType type = op.getState().getType();
    int64_t panel = b.schedule.getPanel(), panels = type.getRows() / panel;
    Value acc = b.buffer({panels, type.getColumns(), panel}), ml = b.buffer({panels, 2, panel});
    b.loop(b.index(panels), [&](Value p) {
      for (int64_t w = 0; w < panel; w += b.lanes()) {
        b.storeVector(b.splat(kNegativeInfinity), ml, {p, b.index(0), b.index(w)});
        b.storeVector(b.splat(0), ml, {p, b.index(1), b.index(w)});
      }
      b.loop(b.index(type.getColumns()), [&](Value d) {
        for (int64_t w = 0; w < panel; w += b.lanes())
          b.storeVector(b.splat(0), acc, {p, d, b.index(w)});
      });
    });
    rewriter.replaceOpWithMultiple(op, {Values{acc, ml}});
    return success();
  }
};

struct LowerFinalize : OpConversionPattern<FinalizeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(FinalizeOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    VectorEmitter b(op.getLoc(), rewriter, op->getParentOfType<TaskOp>().getSchedule());
    Value acc = adaptor.getState()[0], ml = adaptor.getState()[1];
    int64_t panel = b.schedule.getPanel(), columns = op.getState().getType().getColumns();
    StridedRows output(b, op.getOutput(), op.getBatch(), op.getHead());
    Value panels = b.createOrFold<arith::CeilDivUIOp>(op.getValid(), b.index(panel));
    b.loop(panels, [&](Value p) {
      Value first = b.mul(p, panel);
      Value live = b.min(b.sub(op.getValid(), first), b.index(panel));
      Value row = b.add(op.getRow(), first);
      if (op.getLse())
        writeLse(b, op, ml, p, row, live);
      if (op.getWeights() == Weights::Softmax)
        normalize(b, acc, ml, p, columns);
      auto oneByOne = [&] { storeElements(b, op, acc, p, row, live); };
      if (columns < b.lanes())
        return oneByOne();
      Value whole = b.compare(arith::CmpIPredicate::eq, live, b.index(panel));
      b.when(b.both(whole, output.isUnit(b, columns)), [&] { storeBlocks(b, output, acc, p, row, columns); }, oneByOne);
    });
    rewriter.eraseOp(op);
    return success();
  }

private:
  /// acc / l in place; a row without weight gives 0, whatever its accumulator holds.
  static void normalize(VectorEmitter &b, Value acc, Value ml, Value p, int64_t columns) {
    Values inverse, empty;
    for (int64_t w = 0; w < b.schedule.getPanel(); w += b.lanes()) {
      Value sum = b.loadVector(ml, {p, b.index(1), b.index(w)});
      inverse.push_back(arith::DivFOp::create(b, b.splat(1), sum));
      empty.push_back(arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, sum, b.splat(0)));
    }
    b.loop(b.index(columns), [&](Value d) {
      for (int64_t c = 0; c < b.vectorsPerPanel(); ++c) {
        Value w = b.index(c * b.lanes()), scaled = b.mulf(b.loadVector(acc, {p, d, w}), inverse[c]);
        b.storeVector(arith::SelectOp::create(b, empty[c], b.splat(0), scaled), acc, {p, d, w});
      }
    });
  }

  /// L = ln 2 M + ln l
  static void writeLse(VectorEmitter &b, FinalizeOp op, Value ml, Value p, Value row, Value live) {
    b.loop(live, [&](Value w) {
      Value maximum = b.load(ml, {p, b.index(0), w}), sum = b.load(ml, {p, b.index(1), w});
      Value full = b.addf(b.mulf(maximum, b.real(static_cast<float>(M_LN2))), math::LogOp::create(b, sum));
      Value empty = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, sum, b.real(0));
      Value lse = arith::SelectOp::create(b, empty, b.real(kNegativeInfinity), full);
      b.store(lse, op.getLse(), {op.getBatch(), op.getHead(), b.add(row, w)});
    });
  }

  /// A whole panel of dense rows: blocks of lanes x lanes through registers.
  static void storeBlocks(VectorEmitter &b, const StridedRows &output, Value acc, Value p, Value row, int64_t columns) {
    int64_t panel = b.schedule.getPanel();
    Value flat = memref::ExtractStridedMetadataOp::create(b, acc).getBaseBuffer();
    b.loop(b.index(0), b.index(panel), b.lanes(), [&](Value w) {
      Value to = output.rowOffset(b, b.add(row, w));
      b.chunks(columns, [&](Value d, int64_t) {
        Value from = b.add(b.mul(b.add(b.mul(p, columns), d), panel), w);
        b.transposeBlock(b.block(flat, from, b.getIndexAttr(panel)),
                         b.block(output.base, arith::AddIOp::create(b, to, d), output.rowStride));
      });
    });
  }

  /// Any strides, any number of rows.
  static void storeElements(VectorEmitter &b, FinalizeOp op, Value acc, Value p, Value row, Value live) {
    b.loop(live, [&](Value w) {
      Value position = b.add(row, w);
      b.loop(b.index(op.getState().getType().getColumns()), [&](Value d) {
        b.store(b.load(acc, {p, d, w}), op.getOutput(), {op.getBatch(), op.getHead(), position, d});
      });
    });
  }
};

} // namespace

void fovea::populateStatePatterns(const TypeConverter &types, RewritePatternSet &patterns) {
  patterns.add<LowerInitState, LowerFinalize>(types, patterns.getContext());
}
