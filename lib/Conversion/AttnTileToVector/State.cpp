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
  LogicalResult matchAndRewrite(FinalizeOp op, OneToNOpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
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
      invertSums(b, ml, p);
      auto whole = [&] { storeTransposed(b, output, acc, ml, p, row, columns); };
      auto ragged = [&] { storeElements(b, op, acc, ml, p, row, live); };
      Value isWhole = b.compare(arith::CmpIPredicate::eq, live, b.index(panel));
      b.when(b.both(isWhole, output.isUnit(b, columns)), whole, ragged);
    });
    rewriter.eraseOp(op);
    return success();
  }

private:
  /// l := 1 / l, and 0 for a row without weight.
  static void invertSums(VectorEmitter &b, Value ml, Value p) {
    for (int64_t w = 0; w < b.schedule.getPanel(); w += b.lanes()) {
      Value sum = b.loadVector(ml, {p, b.index(1), b.index(w)});
      Value empty = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, sum, b.splat(0));
      Value inverse = arith::DivFOp::create(b, b.splat(1), sum);
      b.storeVector(arith::SelectOp::create(b, empty, b.splat(0), inverse), ml, {p, b.index(1), b.index(w)});
    }
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

  /// acc / l; a row without weight gives 0 whatever its accumulator holds.
  static Value normalized(VectorEmitter &b, Value acc, Value inverse, Value zero) {
    Value empty = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, inverse, zero);
    return arith::SelectOp::create(b, empty, zero, b.mulf(acc, inverse));
  }

  /// A whole panel: lanes x lanes blocks through registers.
  static void storeTransposed(VectorEmitter &b, const StridedRows &output, Value acc, Value ml, Value p, Value row, int64_t columns) {
    b.loop(b.index(0), b.index(b.schedule.getPanel()), b.lanes(), [&](Value w) {
      Value inverse = b.loadVector(ml, {p, b.index(1), w});
      Values rows;
      for (int64_t i = 0; i < b.lanes(); ++i)
        rows.push_back(output.denseRow(b, b.add(row, b.add(w, i)), columns));
      b.chunks(columns, [&](Value d, int64_t width) {
        Values block;
        for (int64_t i = 0; i < b.lanes(); ++i)
          block.push_back(i < width ? normalized(b, b.loadVector(acc, {p, b.add(d, i), w}), inverse, b.splat(0)) : b.splat(0));
        block = b.transpose(block);
        for (int64_t i = 0; i < b.lanes(); ++i)
          b.storeLeading(block[i], rows[i], {b.index(0), d}, width);
      });
    });
  }

  /// Any strides, any number of rows.
  static void storeElements(VectorEmitter &b, FinalizeOp op, Value acc, Value ml, Value p, Value row, Value live) {
    b.loop(live, [&](Value w) {
      Value position = b.add(row, w), inverse = b.load(ml, {p, b.index(1), w});
      b.loop(b.index(op.getState().getType().getColumns()), [&](Value d) {
        Value element = normalized(b, b.load(acc, {p, d, w}), inverse, b.real(0));
        b.store(element, op.getOutput(), {op.getBatch(), op.getHead(), position, d});
      });
    });
  }
};

} // namespace

void fovea::populateStatePatterns(const TypeConverter &types, RewritePatternSet &patterns) {
  patterns.add<LowerInitState, LowerFinalize>(types, patterns.getContext());
}
