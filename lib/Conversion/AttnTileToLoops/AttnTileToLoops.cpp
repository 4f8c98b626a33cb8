// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The plainest code that keeps the meaning of the tile level: one row, one key, one element at a time.
#include "../Common/NormalizeRow.h"
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
    auto oneRow = [&](bool isNeeded) { return isNeeded ? b.buffer({op.getSourceColumns()}, b.getF32Type()) : Value(); };
    Value source = oneRow(bool(op.getAbsorb())), normalized = oneRow(bool(op.getNorm()));
    b.loop(b.index(type.getRows()), [&](Value r) {
      auto branch = scf::IfOp::create(b, arith::CmpIOp::create(b, arith::CmpIPredicate::ult, r, op.getValid()),
                                      /*withElseRegion=*/true);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(branch.thenBlock());
      loadRow(b, op, r, normalized, [&](Value element, Value column) {
        source ? b.store(element, source, column) : b.store(element, tile, {r, column});
      });
      if (source)
        absorbRow(b, op, r, source, tile);
      b.setInsertionPointToStart(branch.elseBlock());
      b.loop(b.index(type.getColumns()), [&](Value c) { b.store(b.real(0), tile, {r, c}); });
    });
    rewriter.replaceOp(op, tile);
    return success();
  }

private:
  /// Normalised, into a buffer for one row, then rotated, as far as the op says.
  static void loadRow(Loops &b, LoadTileOp op, Value r, Value normalized, StoreElement store) {
    std::function<Value(Value)> load = sourceRow(b, op, r);
    if (normalized) {
      normalizeRow(b, op, load, [&](Value element, Value column) { b.store(element, normalized, column); });
      load = [&](Value column) { return b.load(normalized, column); };
    }
    if (op.isRotated())
      return rotateRow(b, op, r, load, store);
    b.loop(b.index(op.getSourceColumns()), [&](Value c) { store(load(c), c); });
  }

  /// key_up^T q in place of a row's first columns q.
  static void absorbRow(Loops &b, LoadTileOp op, Value r, Value from, Value tile) {
    MemRefType up = op.getAbsorb().getType();
    int64_t columns = op.getTile().getType().getColumns(), own = up.getDimSize(1), latents = up.getDimSize(2);
    Value head = op.rowOf(b, r).first;
    b.loop(b.index(latents), [&](Value c) {
      Value sum = b.fold(b.index(own), b.real(0), [&](Value d, Value sum) {
        return b.add(sum, b.mul(b.load(from, d), b.load(op.getAbsorb(), {head, d, c})));
      });
      b.store(sum, tile, {r, c});
    });
    auto plus = [&](Value a, int64_t c) { return arith::AddIOp::create(b, a, b.index(c)).getResult(); };
    b.loop(b.index(columns - latents),
           [&](Value c) { b.store(b.load(from, plus(c, own)), tile, {r, plus(c, latents)}); });
  }
};

struct LowerExpandTile : OpConversionPattern<ExpandTileOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(ExpandTileOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Loops b(op.getLoc(), rewriter);
    TileType type = op.getResult().getType();
    int64_t rows = op.getRows(), shared = type.getColumns() - rows;
    Value tile = b.buffer({type.getRows(), type.getColumns()}, b.getF32Type());
    auto plus = [&](Value a, int64_t c) { return arith::AddIOp::create(b, a, b.index(c)).getResult(); };
    b.loop(b.index(type.getRows()), [&](Value j) {
      b.loop(b.index(rows), [&](Value d) {
        Value sum = b.fold(b.index(op.getUp().getType().getColumns()), b.real(0), [&](Value c, Value sum) {
          return b.add(sum, b.mul(b.load(adaptor.getLatents(), {j, c}), b.load(adaptor.getUp(), {d, c})));
        });
        b.store(sum, tile, {j, d});
      });
      b.loop(b.index(shared), [&](Value c) {
        Value from = plus(c, op.getLatents().getType().getColumns() - shared);
        b.store(b.load(adaptor.getLatents(), {j, from}), tile, {j, plus(c, rows)});
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
    Value partial = b.buffer({op.getState().getType().getColumns()}, b.getF32Type());
    b.loop(op.getValidRows(), [&](Value r) {
      Value maximum =
          emitScores(b, op, r, adaptor.getQuery()[0], adaptor.getKey()[0], scores, visible, b.load(state.m, r));
      emitAccumulate(b, op, r, adaptor.getValue()[0], scores, visible, partial, maximum, state);
    });
    rewriter.replaceOpWithMultiple(op, {state.values()});
    return success();
  }

private:
  /// The head and the position of a row.
  static std::pair<Value, Value> rowOf(Loops &b, UpdateOp op, Value r) {
    if (!op.isPacked())
      return {op.getHead(), arith::AddIOp::create(b, op.getRow(), r)};
    Value number = arith::AddIOp::create(b, op.getPacked()[0], r), ofHead = op.getPacked()[1];
    Value head = arith::DivUIOp::create(b, number, ofHead), row = arith::RemUIOp::create(b, number, ofHead);
    return {arith::AddIOp::create(b, op.getHead(), head), arith::AddIOp::create(b, op.getRow(), row)};
  }

  /// scores[k] = score(scale <q, k>), or of additive scores scale sum w tanh(q + k), visible[k]; returns max(m, scores
  /// where visible). A NaN never wins the maximum; it reaches the sum through its own exponential.
  static Value emitScores(Loops &b, UpdateOp op, Value r, Value query, Value key, Value scores, Value visible,
                          Value m) {
    auto [head, i] = rowOf(b, op, r);
    return b.fold(op.getValidKeys(), m, [&, head = head, i = i](Value k, Value maximum) {
      Value j = arith::AddIOp::create(b, op.getKeyPosition(), k);
      Value product = b.fold(b.index(op.getQuery().getType().getColumns()), b.real(0), [&](Value d, Value sum) {
        Value ofQuery = b.load(query, {r, d}), ofKey = b.load(key, {k, d});
        if (!op.getAdditive())
          return b.add(sum, b.mul(ofQuery, ofKey));
        Value bent = math::TanhOp::create(b, b.add(ofQuery, ofKey));
        return b.add(sum, b.mul(b.load(op.getAdditive(), {head, d}), bent));
      });
      Value score = b.mul(product, b.real(op.getScale().convertToDouble()));
      if (!op.getScore().empty())
        score = inlineRegion(b, op.getScore(), {score, op.getBatch(), head, i, j});
      Value keep = op.getMask().empty() ? Value(arith::ConstantIntOp::create(b, 1, 1))
                                        : inlineRegion(b, op.getMask(), {op.getBatch(), head, i, j});
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
    Value columns = b.index(op.getState().getType().getColumns());
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
      auto [head, row] = op.rowOf(b, r);
      Value sum = b.load(state.l, r), empty = b.equals(sum, 0);
      Value columns = b.index(op.getState().getType().getColumns());
      auto result = [&](Value c) {
        Value result = b.load(state.acc, {r, c});
        if (op.getWeights() == Weights::Softmax)
          result = b.select(empty, b.real(0), arith::DivFOp::create(b, result, sum));
        return result;
      };
      auto expanded = [&, head = head](Value e) {
        return b.fold(columns, b.real(0), [&](Value c, Value sum) {
          return b.add(sum, b.mul(result(c), b.load(op.getExpand(), {head, e, c})));
        });
      };
      b.loop(b.index(op.getOutput().getType().getDimSize(3)), [&, head = head, row = row](Value c) {
        b.store(op.getExpand() ? expanded(c) : result(c), op.getOutput(), {op.getBatch(), head, row, c});
      });
      if (Value lse = op.getLse()) {
        Value full = b.add(b.load(state.m, r), math::LogOp::create(b, sum));
        b.store(b.select(empty, b.negativeInfinity(), full), lse, {op.getBatch(), head, row});
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
    patterns.add<LowerLoadTile, LowerExpandTile, LowerInitState, LowerUpdate, LowerFinalize>(types, &getContext());
    if (failed(convertTileOps(getOperation(), types, std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
