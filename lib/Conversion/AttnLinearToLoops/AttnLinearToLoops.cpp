// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linear attention as the recurrence that defines it: one token, one element at a time.
#include "../Common/Loops.h"
#include "fovea/Conversion/Passes.h"
#include "fovea/Conversion/TileTypes.h"
#include "fovea/Dialect/Attn/Utils/InlineRegion.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace fovea {
#define GEN_PASS_DEF_CONVERTATTNLINEARTOLOOPS
#include "fovea/Conversion/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;
using namespace fovea::attn;

namespace {

int64_t columnsOf(Value memref) { return cast<MemRefType>(memref.getType()).getShape().back(); }

struct LowerInit : OpConversionPattern<InitLinearStateOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(InitLinearStateOp op, OpAdaptor, ConversionPatternRewriter &rewriter) const override {
    Loops b(op.getLoc(), rewriter);
    LinearStateType type = op.getState().getType();
    Value s = b.buffer({type.getRows(), type.getColumns()}, b.getF32Type());
    Value z = b.buffer({type.getRows()}, b.getF32Type()), initial = op.getInitial();
    bool hasZ = initial && columnsOf(initial) > type.getColumns();
    auto given = [&](Value d, Value c) { return b.load(initial, {op.getBatch(), op.getHead(), d, c}); };
    b.loop(b.index(type.getRows()), [&](Value d) {
      b.loop(b.index(type.getColumns()), [&](Value c) { b.store(initial ? given(d, c) : b.real(0), s, {d, c}); });
      b.store(hasZ ? given(d, b.index(type.getColumns())) : b.real(0), z, d);
    });
    rewriter.replaceOpWithMultiple(op, {SmallVector<Value>{s, z}});
    return success();
  }
};

struct LowerStore : OpConversionPattern<StoreLinearStateOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(StoreLinearStateOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Loops b(op.getLoc(), rewriter);
    LinearStateType type = op.getState().getType();
    Value s = adaptor.getState()[0], z = adaptor.getState()[1];
    auto store = [&](Value element, Value d, Value c) {
      b.store(element, op.getDestination(), {op.getBatch(), op.getHead(), d, c});
    };
    b.loop(b.index(type.getRows()), [&](Value d) {
      b.loop(b.index(type.getColumns()), [&](Value c) { store(b.load(s, {d, c}), d, c); });
      if (columnsOf(op.getDestination()) > type.getColumns())
        store(b.load(z, d), d, b.index(type.getColumns()));
    });
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerChunk : OpConversionPattern<LinearChunkOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(LinearChunkOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Loops b(op.getLoc(), rewriter);
    Value s = adaptor.getState()[0], z = adaptor.getState()[1];
    Value features = op.getQuery() ? b.buffer({op.getKeyHeadSize()}, b.getF32Type()) : Value();
    Value written = op.getKey() ? b.buffer({op.getValueHeadSize()}, b.getF32Type()) : Value();
    b.loop(op.getValid(), [&](Value t) {
      Value token = arith::AddIOp::create(b, op.getPosition(), t);
      if (op.getKey())
        letKeyIn(b, op, token, s, z, written);
      if (op.getQuery())
        computeQueries(b, op, token, s, z, features);
    });
    rewriter.replaceOpWithMultiple(op, {SmallVector<Value>{s, z}});
    return success();
  }

private:
  static Value featureOf(Loops &b, LinearChunkOp op, Value x) {
    return op.getFeature().empty() ? x : inlineRegion(b, op.getFeature(), x);
  }

  /// e^g of one channel, or nothing.
  static Value kept(Loops &b, LinearChunkOp op, Value token, Value d) {
    if (!op.getDecay())
      return Value();
    SmallVector<Value> at = {op.getBatch(), op.getHead(), token, d};
    int64_t rank = cast<MemRefType>(op.getDecay().getType()).getRank();
    if (rank == 1)
      at = {op.getHead()};
    else
      at.resize(rank);
    return b.exp(b.load(op.getDecay(), at));
  }

  static Value keyElement(Loops &b, LinearChunkOp op, Value token, Value d) {
    return featureOf(b, op, b.load(op.getKey(), {op.getBatch(), op.getHead(), token, d}));
  }

  /// What a token writes: v, or by the delta rule beta (v - R^T k), with the decayed state R.
  static void computeWrite(Loops &b, LinearChunkOp op, Value token, Value s, Value written) {
    b.loop(b.index(op.getValueHeadSize()), [&](Value c) {
      Value value = b.load(op.getValue(), {op.getBatch(), op.getHead(), token, c});
      if (op.getBeta()) {
        Value recalled = b.fold(b.index(op.getKeyHeadSize()), b.real(0), [&](Value d, Value sum) {
          return b.add(sum, b.mul(b.load(s, {d, c}), keyElement(b, op, token, d)));
        });
        Value rest = b.sub(value, recalled);
        value = b.mul(b.load(op.getBeta(), {op.getBatch(), op.getHead(), token}), rest);
      }
      b.store(value, written, c);
    });
  }

  /// R = e^g S, S = R + k v^T, z = e^g z + k
  static void letKeyIn(Loops &b, LinearChunkOp op, Value token, Value s, Value z, Value written) {
    Value keyColumns = b.index(op.getKeyHeadSize()), valueColumns = b.index(op.getValueHeadSize());
    if (op.getDecay())
      b.loop(keyColumns, [&](Value d) {
        Value decay = kept(b, op, token, d);
        b.store(b.mul(decay, b.load(z, d)), z, d);
        b.loop(valueColumns, [&](Value c) { b.store(b.mul(decay, b.load(s, {d, c})), s, {d, c}); });
      });
    computeWrite(b, op, token, s, written);
    b.loop(keyColumns, [&](Value d) {
      Value k = keyElement(b, op, token, d);
      b.store(b.add(b.load(z, d), k), z, d);
      b.loop(valueColumns,
             [&](Value c) { b.store(b.add(b.load(s, {d, c}), b.mul(k, b.load(written, c))), s, {d, c}); });
    });
  }

  /// sqrt(mean of squares + epsilon)
  static Value rootMeanSquare(Loops &b, LinearChunkOp op, int64_t count, function_ref<Value(Value)> element) {
    Value squares = b.fold(b.index(count), b.real(0), [&](Value at, Value sum) {
      Value x = element(at);
      return b.add(sum, b.mul(x, x));
    });
    Value mean = b.mul(squares, b.real(1.0f / static_cast<float>(count)));
    return math::SqrtOp::create(b, b.add(mean, b.real(op.getEpsilon().convertToDouble())));
  }

  static Value divide(Loops &b, Value x, Value y) { return arith::DivFOp::create(b, x, y); }

  /// The features of a query; divided by those of z, if the normalizer says so.
  static void loadQuery(Loops &b, LinearChunkOp op, Value head, Value token, Value z, Value features) {
    Value keyColumns = b.index(op.getKeyHeadSize()), norm;
    b.loop(keyColumns, [&](Value d) {
      b.store(featureOf(b, op, b.load(op.getQuery(), {op.getBatch(), head, token, d})), features, d);
    });
    if (op.getNormalizer() == Normalizer::NormZ)
      norm = rootMeanSquare(b, op, op.getKeyHeadSize(), [&](Value d) { return b.load(features, d); });
    if (norm || op.getNormalizer() == Normalizer::Z)
      b.loop(keyColumns, [&](Value d) {
        Value divisor = b.add(b.load(z, d), b.real(op.getEpsilon().convertToDouble()));
        Value x = divide(b, b.load(features, d), divisor);
        b.store(norm ? divide(b, x, norm) : x, features, d);
      });
  }

  /// o = scale q^T S, divided as the normalizer says.
  static void computeQueries(Loops &b, LinearChunkOp op, Value token, Value s, Value z, Value features) {
    Value keyColumns = b.index(op.getKeyHeadSize());
    b.loop(op.getGroup(), [&](Value member) {
      Value head = arith::AddIOp::create(b, arith::MulIOp::create(b, op.getHead(), op.getGroup()), member);
      loadQuery(b, op, head, token, z, features);
      auto dot = [&](function_ref<Value(Value)> other) {
        return b.fold(keyColumns, b.real(0),
                      [&](Value d, Value sum) { return b.add(sum, b.mul(b.load(features, d), other(d))); });
      };
      auto product = [&](Value c) { return dot([&](Value d) { return b.load(s, {d, c}); }); };
      Value divisor;
      if (op.getNormalizer() == Normalizer::QZ)
        divisor = b.add(dot([&](Value d) { return b.load(z, d); }), b.real(op.getEpsilon().convertToDouble()));
      if (op.getNormalizer() == Normalizer::Norm)
        divisor = rootMeanSquare(b, op, op.getValueHeadSize(), product);
      b.loop(b.index(op.getValueHeadSize()), [&](Value c) {
        Value o = product(c);
        o = divisor ? divide(b, o, divisor) : b.mul(o, b.real(op.getScale().convertToDouble()));
        b.store(o, op.getOutput(), {op.getBatch(), head, token, c});
      });
    });
  }
};

struct ConvertAttnLinearToLoopsPass : fovea::impl::ConvertAttnLinearToLoopsBase<ConvertAttnLinearToLoopsPass> {
  void runOnOperation() override {
    TypeConverter types;
    types.addConversion([](Type type) { return type; });
    types.addConversion([](LinearStateType type, SmallVectorImpl<Type> &buffers) -> std::optional<LogicalResult> {
      buffers.push_back(MemRefType::get({type.getRows(), type.getColumns()}, type.getElementType()));
      buffers.push_back(MemRefType::get({type.getRows()}, type.getElementType()));
      return success();
    });
    RewritePatternSet patterns(&getContext());
    patterns.add<LowerInit, LowerStore, LowerChunk>(types, &getContext());
    if (failed(convertLinearOps(getOperation(), types, std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
