// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The plainest code that keeps the meaning of the tile level: one row, one key, one element at a time.
#include "../Common/RotateRow.h"
#include "fovea/Conversion/Passes.h"
#include "fovea/Conversion/TileTypes.h"
#include "fovea/Dialect/Attn/Utils/InlineRegion.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

#include <limits>

namespace fovea {
#define GEN_PASS_DEF_CONVERTATTNTILETOLOOPS
#include "fovea/Conversion/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;
using namespace fovea::attn;

namespace {

/// The three buffers of a state.
struct State {
  Value acc, m, l;
  explicit State(ValueRange buffers) : acc(buffers[0]), m(buffers[1]), l(buffers[2]) {}
  SmallVector<Value> values() const { return {acc, m, l}; }
};

struct LowerLoadTile : OpConversionPattern<LoadTileOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(LoadTileOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    Loops b(op.getLoc(), rewriter);
    TileType type = op.getTile().getType();
    Value tile = b.buffer({type.getRows(), type.getColumns()}, b.getF32Type());
    b.loop(b.index(type.getRows()), [&](Value r) {
      Value live = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, r, op.getValid());
      if (op.isRotated()) {
        auto branch = scf::IfOp::create(b, live, /*withElseRegion=*/true);
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPointToStart(branch.thenBlock());
        rotateRow(b, op, r, [&](Value element, Value column) { b.store(element, tile, {r, column}); });
        b.setInsertionPointToStart(branch.elseBlock());
        return b.loop(b.index(type.getColumns()), [&](Value c) { b.store(b.real(0), tile, {r, c}); });
      }
      b.loop(b.index(type.getColumns()), [&](Value c) {
        auto element = [&] {
          return b.load(op.getSource(), {op.getBatch(), op.getHead(), arith::AddIOp::create(b, op.getRow(), r), c});
        };
        b.store(b.choose(live, b.getF32Type(), element, [&] { return b.real(0); }), tile, {r, c});
      });
    });
    rewriter.replaceOp(op, tile);
    return success();
  }
};

struct LowerInitState : OpConversionPattern<InitStateOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(InitStateOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    Loops b(op.getLoc(), rewriter);
    StateType type = op.getState().getType();
    State state({b.buffer({type.getRows(), type.getColumns()}, b.getF32Type()),
                 b.buffer({type.getRows()}, b.getF32Type()), b.buffer({type.getRows()}, b.getF32Type())});
    b.loop(b.index(type.getRows()), [&](Value r) {
      b.store(b.negativeInfinity(), state.m, r);
      b.store(b.real(0), state.l, r);
      b.loop(b.index(type.getColumns()), [&](Value c) { b.store(b.real(0), state.acc, {r, c}); });
    });
    rewriter.replaceOpWithMultiple(op, {state.values()});
    return success();
  }
};

struct LowerUpdate : OpConversionPattern<UpdateOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(UpdateOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Loops b(op.getLoc(), rewriter);
    State state(adaptor.getState());
    int64_t keys = op.getKey().getType().getRows();
    Value scores = b.buffer({keys}, b.getF32Type()), visible = b.buffer({keys}, b.getI8Type());
    Value partial = b.buffer({op.getValue().getType().getColumns()}, b.getF32Type());
    b.loop(op.getValidRows(), [&](Value r) {
      Value maximum =
          emitScores(b, op, r, adaptor.getQuery()[0], adaptor.getKey()[0], scores, visible, b.load(state.m, r));
      emitAccumulate(b, op, r, adaptor.getValue()[0], scores, visible, partial, maximum, state);
    });
    rewriter.replaceOpWithMultiple(op, {state.values()});
    return success();
  }

private:
  /// scores[k] = score(scale <q, k>), visible[k]; returns max(m, scores where visible). A NaN never wins the maximum;
  /// it reaches the sum through its own exponential.
  static Value emitScores(Loops &b, UpdateOp op, Value r, Value query, Value key, Value scores, Value visible,
                          Value m) {
    Value i = arith::AddIOp::create(b, op.getRow(), r);
    return b.fold(op.getValidKeys(), m, [&](Value k, Value maximum) {
      Value j = arith::AddIOp::create(b, op.getKeyPosition(), k);
      Value product = b.fold(b.index(op.getQuery().getType().getColumns()), b.real(0), [&](Value d, Value sum) {
        return b.add(sum, b.mul(b.load(query, {r, d}), b.load(key, {k, d})));
      });
      Value score = b.mul(product, b.real(op.getScale().convertToDouble()));
      if (!op.getScore().empty())
        score = inlineRegion(b, op.getScore(), {score, op.getBatch(), op.getHead(), i, j});
      Value keep = op.getMask().empty() ? Value(arith::ConstantIntOp::create(b, 1, 1))
                                        : inlineRegion(b, op.getMask(), {op.getBatch(), op.getHead(), i, j});
      b.store(score, scores, k);
      b.store(arith::ExtUIOp::create(b, b.getI8Type(), keep), visible, k);
      Value larger = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, score, maximum);
      return b.select(arith::AndIOp::create(b, larger, keep), score, maximum);
    });
  }

  /// The block is summed by itself before it joins the state: rounding errors grow with the root of the block and of
  /// the number of blocks, not with the root of all keys.
  static void emitAccumulate(Loops &b, UpdateOp op, Value r, Value value, Value scores, Value visible, Value partial,
                             Value maximum, State &state) {
    // -inf - (-inf) is NaN: a row that has seen nothing subtracts 0 instead, and its weights are exp(-inf) = 0.
    bool isPointwise = op.getWeights() == Weights::Pointwise; // then scores are weights, and nothing is rescaled
    Value reference = b.select(b.equals(maximum, -std::numeric_limits<float>::infinity()), b.real(0), maximum);
    Value alpha = isPointwise ? b.real(1) : b.exp(b.sub(b.load(state.m, r), reference));
    Value columns = b.index(op.getValue().getType().getColumns());
    b.loop(columns, [&](Value c) { b.store(b.real(0), partial, c); });
    Value sum = b.fold(op.getValidKeys(), b.real(0), [&](Value k, Value l) {
      Value keep = arith::TruncIOp::create(b, b.getI1Type(), b.load(visible, k));
      auto contribute = [&] {
        Value score = b.load(scores, k), p = isPointwise ? score : b.exp(b.sub(score, reference));
        b.loop(columns,
               [&](Value c) { b.store(b.add(b.load(partial, c), b.mul(p, b.load(value, {k, c}))), partial, c); });
        return b.add(l, p);
      };
      return b.choose(keep, b.getF32Type(), contribute, [&] { return l; });
    });
    b.loop(columns, [&](Value c) {
      b.store(b.add(b.mul(b.load(state.acc, {r, c}), alpha), b.load(partial, c)), state.acc, {r, c});
    });
    b.store(b.add(b.mul(b.load(state.l, r), alpha), sum), state.l, r);
    b.store(maximum, state.m, r);
  }
};

struct LowerFinalize : OpConversionPattern<FinalizeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(FinalizeOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Loops b(op.getLoc(), rewriter);
    State state(adaptor.getState());
    b.loop(op.getValid(), [&](Value r) {
      Value row = arith::AddIOp::create(b, op.getRow(), r);
      Value sum = b.load(state.l, r), empty = b.equals(sum, 0);
      b.loop(b.index(op.getState().getType().getColumns()), [&](Value c) {
        Value result = b.load(state.acc, {r, c});
        if (op.getWeights() == Weights::Softmax)
          result = b.select(empty, b.real(0), arith::DivFOp::create(b, result, sum));
        b.store(result, op.getOutput(), {op.getBatch(), op.getHead(), row, c});
      });
      if (Value lse = op.getLse()) {
        Value full = b.add(b.load(state.m, r), math::LogOp::create(b, sum));
        b.store(b.select(empty, b.negativeInfinity(), full), lse, {op.getBatch(), op.getHead(), row});
      }
    });
    rewriter.eraseOp(op);
    return success();
  }
};

struct ConvertAttnTileToLoopsPass : fovea::impl::ConvertAttnTileToLoopsBase<ConvertAttnTileToLoopsPass> {
  void runOnOperation() override {
    TypeConverter types;
    types.addConversion([](Type type) { return type; });
    types.addConversion([](TileType type) -> Type {
      return MemRefType::get({type.getRows(), type.getColumns()}, type.getElementType());
    });
    types.addConversion([](StateType type, SmallVectorImpl<Type> &buffers) -> std::optional<LogicalResult> {
      buffers.push_back(MemRefType::get({type.getRows(), type.getColumns()}, type.getElementType()));
      buffers.append(2, MemRefType::get({type.getRows()}, type.getElementType()));
      return success();
    });
    RewritePatternSet patterns(&getContext());
    patterns.add<LowerLoadTile, LowerInitState, LowerUpdate, LowerFinalize>(types, &getContext());
    if (failed(convertTileOps(getOperation(), types, std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
