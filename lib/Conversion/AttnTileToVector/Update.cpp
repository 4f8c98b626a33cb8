// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// attn.update for CPUs: lanes are queries. For a panel of W queries and a block of keys,
//
//   S[k][w] = <key k, query w>        outer products in registers: R keys x W queries per register tile
//   M' = max(M, c max_k S[k][w])      in base 2, c = scale log2 e: nothing is rounded twice, exp2 needs no further
//   factor P = exp2(c S - M')                in place, in cache; l' = exp2(M - M') l + sum P acc[d][w] = exp2(M - M')
//   acc + sum_k value[k][d] P[k][w]    outer products again, R columns at a time
//
// Additive scores are no product: AdditiveScores makes them a key at a time.
// With pointwise weights S after the score code is P, and acc' = acc + sum value P.
//
// There are no horizontal reductions, and keys and values are read as they lie. One body serves masked and unmasked
// tiles: score and mask code stands behind a branch, uniform over the register tile, that attn.tile_bounds decides.
#include "AdditiveScores.h"
#include "Patterns.h"
#include "VectorEmitter.h"
#include "VectorizeRegion.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"

#include <cmath>
#include <limits>
#include <optional>

using namespace mlir;
using namespace fovea;
using namespace fovea::attn;

namespace {

constexpr float kNegativeInfinity = -std::numeric_limits<float>::infinity();

/// The keys of one panel that are worth visiting, relative to the block, in multiples of micro_keys.
struct PanelKeys {
  Value begin, end;
  Value full; // no mask needed in all of them; null: there is no mask
};

class UpdateEmitter {
public:
  UpdateEmitter(VectorEmitter &b, UpdateOp op, Value query, Value key, Value value, ValueRange state)
      : b(b), op(op), query(query), key(key), value(value), acc(state[0]), ml(state[1]),
        columns(op.getState().getType().getColumns()),
        score(b, op.getScore(), op.getBatch(), op.isPacked() ? Value() : op.getHead()),
        mask(b, op.getMask(), op.getBatch(), op.isPacked() ? Value() : op.getHead()) {
    scale = op.getScale().convertToDouble();
    // A score region wants natural-scale values, a negative factor turns maxima into minima, and one that f32 rounds to
    // 0 or infinity makes NaN of -inf or 0: then the scale is applied before.
    base2 = static_cast<float>(scale * M_LOG2E);
    isPointwise = op.getWeights() == Weights::Pointwise;
    scaleEarly = isPointwise || !op.getScore().empty() || !(base2 > 0) || std::isinf(base2);
    if (scaleEarly)
      base2 = static_cast<float>(M_LOG2E);
    hasMask = !op.getMask().empty();
  }

  void emit() {
    scores = b.buffer({op.getKey().getType().getRows(), b.schedule.getPanel()});
    poisoned = hasMask ? valuesNotFinite() : Value();
    if (op.getAdditive())
      additive.emplace(b, op, query, key);
    Value panels = b.createOrFold<arith::CeilDivUIOp>(op.getValidRows(), b.index(b.schedule.getPanel()));
    b.loop(panels, [&](Value p) {
      panel = p;
      Value first = b.mul(p, b.schedule.getPanel());
      rows = b.min(b.sub(op.getValidRows(), first), b.index(b.schedule.getPanel()));
      // Rows of several heads stand anywhere among the positions of one.
      position = op.isPacked() ? Value(op.getRow()) : Value(arith::AddIOp::create(b, op.getRow(), first));
      positionEnd = arith::AddIOp::create(b, position, op.isPacked() ? Value(op.getPacked()[1]) : rows);
      firstRow = first;
      PanelKeys keys = visibleKeys();
      auto body = [&] { emitPanel(keys); };
      if (hasMask)
        b.when(b.compare(arith::CmpIPredicate::ult, keys.begin, keys.end), body);
      else
        body();
    });
  }

private:
  int64_t microKeys() const { return b.schedule.getMicroKeys(); }

  TileBoundsOp tileBounds(Value keyBegin, Value keyEnd) {
    Type index = b.getIndexType();
    auto bounds = TileBoundsOp::create(b, index, index, index, b.getI1Type(), op.getBatch(), op.getHead(), position,
                                       positionEnd, keyBegin, keyEnd, microKeys());
    IRMapping mapping;
    op.getMask().cloneInto(&bounds.getMask(), mapping);
    return bounds;
  }

  PanelKeys visibleKeys() {
    Value all = b.roundUp(op.getValidKeys(), microKeys());
    if (!hasMask)
      return {b.index(0), all, Value()};
    if (op.isMaskOpaque())
      return {b.index(0), all, arith::ConstantIntOp::create(b, 0, 1)};
    Value keyEnd = arith::AddIOp::create(b, op.getKeyPosition(), op.getValidKeys());
    auto everything = [&]() -> Values { return {b.index(0), all, arith::ConstantIntOp::create(b, 1, 1)}; };
    auto ask = [&]() -> Values {
      TileBoundsOp bounds = tileBounds(op.getKeyPosition(), keyEnd);
      Value begin = arith::SubIOp::create(b, bounds.getBegin(), op.getKeyPosition());
      Value end = arith::SubIOp::create(b, bounds.getEnd(), op.getKeyPosition());
      return {begin, b.roundUp(end, microKeys()), bounds.getFull()};
    };
    if (!op.getFull()) {
      Values answer = ask();
      return {answer[0], answer[1], answer[2]};
    }
    Type index = b.getIndexType();
    Values answer = b.choose(op.getFull(), {index, index, b.getI1Type()}, everything, ask);
    return {answer[0], answer[1], answer[2]};
  }

  void emitPanel(const PanelKeys &keys) {
    preparePositions();
    if (additive)
      additive->enterPanel(panel, rows);
    Values maxima = emitScores(keys);
    Values reference, alpha(isPointwise ? b.vectorsPerPanel() : 0, b.splat(1));
    for (int64_t c = 0; c < b.vectorsPerPanel() && !isPointwise; ++c)
      updateMaximum(c, maxima[c], reference, alpha);
    if (!isPointwise)
      emitWeights(keys, reference, alpha);
    if (!hasMask)
      return emitValues(keys, alpha);
    Value slow = b.both(poisoned, b.negate(keys.full));
    b.when(slow, [&] { emitValuesMasked(keys, alpha); }, [&] { emitValues(keys, alpha); });
  }

  Value lane(int64_t c) { return b.index(c * b.lanes()); }

  /// Absolute query positions per lane, and heads if lanes mix them. Lanes past the last row repeat it, so that regions
  /// only ever see real positions.
  void preparePositions() {
    queryPositions.clear();
    queryHeads.clear();
    VectorType type = b.vectorType(b.getIndexType());
    Value last = b.broadcast(b.sub(rows, b.index(1)));
    for (int64_t c = 0; c < b.vectorsPerPanel(); ++c) {
      SmallVector<int64_t> lanes;
      for (int64_t i = 0; i < b.lanes(); ++i)
        lanes.push_back(c * b.lanes() + i);
      Value offsets = arith::ConstantOp::create(b, DenseIntElementsAttr::get(type, lanes));
      offsets = arith::MinSIOp::create(b, offsets, last);
      if (op.isPacked()) {
        Value number = arith::AddIOp::create(b, op.getPacked()[0], firstRow), ofHead = b.broadcast(op.getPacked()[1]);
        number = arith::AddIOp::create(b, b.broadcast(number), offsets);
        Value heads = arith::DivUIOp::create(b, number, ofHead);
        queryHeads.push_back(arith::AddIOp::create(b, b.broadcast(op.getHead()), heads));
        offsets = arith::SubIOp::create(b, number, arith::MulIOp::create(b, heads, ofHead));
      }
      queryPositions.push_back(arith::AddIOp::create(b, b.broadcast(position), offsets));
    }
  }

  /// Keys past the last one repeat it in regions; their scores are masked.
  Value keyPosition(Value k) {
    Value last = b.sub(op.getValidKeys(), b.index(1));
    return arith::AddIOp::create(b, op.getKeyPosition(), b.min(k, last));
  }

  /// Which lanes of `count` vectors of queries, from the c-th on, see key k.
  Values visible(Value k, int64_t c, int64_t count) {
    Values keep(count, b.broadcast(b.compare(arith::CmpIPredicate::ult, k, op.getValidKeys())));
    if (!hasMask)
      return keep;
    for (auto [lanes, seen] : llvm::zip_equal(
             keep, mask.at(keyPosition(k), vectors(queryPositions, c, count), vectors(queryHeads, c, count))))
      lanes = b.both(lanes, seen);
    return keep;
  }

  static ValueRange vectors(const Values &values, int64_t c, int64_t count) {
    return values.empty() ? ValueRange() : ValueRange(values).slice(c, count);
  }

  /// First matrix product; returns the maxima of the block per vector.
  Values emitScores(const PanelKeys &keys) {
    Values initial(b.vectorsPerPanel(), b.splat(kNegativeInfinity));
    return b.loop(keys.begin, keys.end, microKeys(), initial, [&](Value k, ValueRange maxima) -> Values {
      Values tile = additive ? additiveTile(k) : scoreTile(k);
      Value masked = needsMask(k, keys);
      if (scaleEarly)
        return adjustScores(k, maxima, masked);
      return b.choose(
          masked, vectorTypes(), [&] { return adjustScores(k, maxima, masked); },
          [&] { return maximaOf(tile, maxima); });
    });
  }

  /// microKeys x panel accumulators over the head size, then stored.
  Values scoreTile(Value k) {
    Values zero(microKeys() * b.vectorsPerPanel(), b.splat(0));
    Values tile =
        b.loop(b.index(0), b.index(op.getQuery().getType().getColumns()), 1, zero, [&](Value d, ValueRange sums) {
          return b.multiplyAdd(
              sums, b.vectorsPerPanel(), [&](int64_t i) { return b.load(key, {b.add(k, i), d}); },
              [&](int64_t c) { return b.loadVector(query, {panel, d, lane(c)}); });
        });
    for (int64_t i = 0; i < microKeys(); ++i)
      for (int64_t c = 0; c < b.vectorsPerPanel(); ++c)
        b.storeVector(tile[i * b.vectorsPerPanel() + c], scores, {b.add(k, i), lane(c)});
    return tile;
  }

  Values additiveTile(Value k) {
    b.loop(k, b.add(k, microKeys()), 1, [&](Value row) {
      for (auto [c, score] : llvm::enumerate(additive->at(row)))
        b.storeVector(score, scores, {row, lane(c)});
    });
    Values tile;
    for (int64_t i = 0; i < microKeys(); ++i)
      for (int64_t c = 0; c < b.vectorsPerPanel(); ++c)
        tile.push_back(b.loadVector(scores, {b.add(k, i), lane(c)}));
    return tile;
  }

  Values maximaOf(ArrayRef<Value> tile, ValueRange maxima) {
    Values result;
    for (int64_t c = 0; c < b.vectorsPerPanel(); ++c) {
      Values column;
      for (int64_t i = 0; i < microKeys(); ++i)
        column.push_back(tile[i * b.vectorsPerPanel() + c]);
      Value largest = b.reduce(column, [&](Value x, Value y) { return b.larger(x, y); });
      result.push_back(b.larger(largest, maxima[c]));
    }
    return result;
  }

  /// The register tile crosses the mask's edge or the end of the keys.
  Value needsMask(Value k, const PanelKeys &keys) {
    Value end = b.add(k, microKeys());
    Value ragged = b.compare(arith::CmpIPredicate::ugt, end, op.getValidKeys());
    if (!hasMask)
      return ragged;
    Value keyBegin = arith::AddIOp::create(b, op.getKeyPosition(), k);
    Value keyEnd = arith::AddIOp::create(b, op.getKeyPosition(), b.min(end, op.getValidKeys()));
    if (op.isMaskOpaque())
      return arith::ConstantIntOp::create(b, 1, 1);
    auto ask = [&]() -> Values { return {b.negate(tileBounds(keyBegin, keyEnd).getFull())}; };
    Value partial =
        b.choose(keys.full, b.getI1Type(), [&]() -> Values { return {arith::ConstantIntOp::create(b, 0, 1)}; }, ask)[0];
    return b.either(ragged, partial);
  }

  SmallVector<Type> vectorTypes() { return SmallVector<Type>(b.vectorsPerPanel(), b.vectorType()); }

  /// Score and mask code on the stored tile, key by key: code for one key, whatever the register tile. Most tiles of a
  /// mask are full, so that with score code the mask stands behind a branch of its own.
  Values adjustScores(Value k, ValueRange maxima, Value masked) {
    return b.loop(k, b.add(k, microKeys()), 1, maxima, [&](Value row, ValueRange running) {
      Values adjusted = scoresOf(row);
      auto hide = [&] {
        Values result;
        for (auto [score, seen] : llvm::zip_equal(adjusted, visible(row, 0, b.vectorsPerPanel())))
          result.push_back(arith::SelectOp::create(b, seen, score, b.splat(isPointwise ? 0 : kNegativeInfinity)));
        return result;
      };
      adjusted = scaleEarly ? b.choose(masked, vectorTypes(), hide, [&] { return adjusted; }) : hide();
      Values next;
      for (int64_t c = 0; c < b.vectorsPerPanel(); ++c) {
        b.storeVector(adjusted[c], scores, {row, lane(c)});
        next.push_back(isPointwise ? running[c] : b.larger(adjusted[c], running[c]));
      }
      return next;
    });
  }

  /// The stored scores of one key after the score code.
  Values scoresOf(Value k) {
    Values stored;
    for (int64_t c = 0; c < b.vectorsPerPanel(); ++c) {
      stored.push_back(b.loadVector(scores, {k, lane(c)}));
      if (scaleEarly)
        stored.back() = b.mulf(stored.back(), b.splat(scale));
    }
    return op.getScore().empty() ? stored : score.at(keyPosition(k), queryPositions, queryHeads, stored);
  }

  /// M' = max(M, c max S). While a row has seen nothing, 0 stands for its -inf, because -inf - (-inf) is NaN.
  void updateMaximum(int64_t c, Value blockMaximum, Values &reference, Values &alpha) {
    Value before = b.loadVector(ml, {panel, b.index(0), lane(c)});
    Value after = b.larger(b.mulf(blockMaximum, b.splat(base2)), before);
    b.storeVector(after, ml, {panel, b.index(0), lane(c)});
    Value nothing = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, after, b.splat(kNegativeInfinity));
    reference.push_back(arith::SelectOp::create(b, nothing, b.splat(0), after));
    alpha.push_back(b.exp2(b.subf(before, reference.back())));
  }

  /// P = exp2(c S - M') in place, l' = alpha l + sum P. One key at a time: out-of-order execution overlaps the
  /// polynomials of many.
  void emitWeights(const PanelKeys &keys, const Values &reference, const Values &alpha) {
    Values negated;
    for (Value m : reference)
      negated.push_back(arith::NegFOp::create(b, m));
    Values zero(b.vectorsPerPanel(), b.splat(0));
    Values sums = b.loop(keys.begin, keys.end, 1, zero, [&](Value k, ValueRange running) {
      Values next;
      for (int64_t c = 0; c < b.vectorsPerPanel(); ++c) {
        Value weight = b.exp2(b.fma(b.loadVector(scores, {k, lane(c)}), b.splat(base2), negated[c]));
        b.storeVector(weight, scores, {k, lane(c)});
        next.push_back(b.addf(running[c], weight));
      }
      return next;
    });
    for (int64_t c = 0; c < b.vectorsPerPanel(); ++c) {
      Value before = b.loadVector(ml, {panel, b.index(1), lane(c)});
      b.storeVector(b.fma(before, alpha[c], sums[c]), ml, {panel, b.index(1), lane(c)});
    }
  }

  /// Second matrix product: microKeys columns of the value at a time, and a narrower group at the end. Each block is
  /// summed by itself and then added: summed in one chain, equal weights over 128 Ki keys would be off by 6e-4.
  void emitValues(const PanelKeys &keys, const Values &alpha) {
    int64_t whole = columns / microKeys() * microKeys();
    if (whole != 0)
      b.loop(b.index(0), b.index(whole), microKeys(), [&](Value d) { emitValueColumns(keys, alpha, d, microKeys()); });
    if (whole != columns)
      emitValueColumns(keys, alpha, b.index(whole), columns - whole);
  }

  void emitValueColumns(const PanelKeys &keys, const Values &alpha, Value d, int64_t count) {
    Values zero(count * b.vectorsPerPanel(), b.splat(0));
    Values sums = b.loop(keys.begin, keys.end, 1, zero, [&](Value k, ValueRange running) {
      return b.multiplyAdd(
          running, b.vectorsPerPanel(), [&](int64_t i) { return b.load(value, {k, b.add(d, i)}); },
          [&](int64_t c) { return b.loadVector(scores, {k, lane(c)}); });
    });
    for (int64_t i = 0; i < count; ++i)
      for (int64_t c = 0; c < b.vectorsPerPanel(); ++c) {
        Value column = b.add(d, i), before = b.loadVector(acc, {panel, column, lane(c)});
        b.storeVector(b.fma(before, alpha[c], sums[i * b.vectorsPerPanel() + c]), acc, {panel, column, lane(c)});
      }
  }

  /// The rare block with NaN or Inf in its values where the mask hides some: 0 * NaN would leak, so hidden lanes keep
  /// their sum. Keys are added in the same order as above, so that what a hidden key holds changes no bit; asking the
  /// mask again per column is slow.
  void emitValuesMasked(const PanelKeys &keys, const Values &alpha) {
    Value end = b.min(keys.end, op.getValidKeys());
    b.loop(b.index(columns), [&](Value d) {
      for (int64_t c = 0; c < b.vectorsPerPanel(); ++c) {
        Values sum = b.loop(keys.begin, end, 1, b.splat(0), [&](Value k, ValueRange running) -> Values {
          Value weight = b.loadVector(scores, {k, lane(c)});
          Value next = b.fma(b.broadcast(b.load(value, {k, d})), weight, running[0]);
          return {arith::SelectOp::create(b, visible(k, c, 1)[0], next, running[0])};
        });
        b.storeVector(b.fma(b.loadVector(acc, {panel, d, lane(c)}), alpha[c], sum[0]), acc, {panel, d, lane(c)});
      }
    });
  }

  /// Is there a NaN or Inf among the values of a block that needs the mask? x * 0 is NaN exactly for those, and NaN
  /// stays in a sum.
  Value valuesNotFinite() {
    auto scan = [&]() -> Values {
      int64_t whole = columns / b.lanes() * b.lanes();
      Value sum = b.splat(0);
      auto probe = [&](Value k, Value d, Value running, int64_t count) {
        return b.fma(b.loadLeading(value, {k, d}, count), b.splat(0), running);
      };
      sum = b.loop(b.index(0), op.getValidKeys(), 1, sum, [&](Value k, ValueRange running) -> Values {
        Values next(running);
        if (whole != 0)
          next = b.loop(b.index(0), b.index(whole), b.lanes(), next,
                        [&](Value d, ValueRange inner) -> Values { return {probe(k, d, inner[0], b.lanes())}; });
        if (whole != columns)
          next = {probe(k, b.index(whole), next[0], columns - whole)};
        return next;
      })[0];
      Value isNaN = arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, sum, sum);
      return {vector::ReductionOp::create(b, vector::CombiningKind::OR, isNaN)};
    };
    if (!op.getFull())
      return scan()[0];
    return b.choose(
        op.getFull(), b.getI1Type(), [&]() -> Values { return {arith::ConstantIntOp::create(b, 0, 1)}; }, scan)[0];
  }

  VectorEmitter &b;
  UpdateOp op;
  Value query, key, value, acc, ml;
  int64_t columns; // of values; the tile may have more
  VectorizedRegion score, mask;
  std::optional<AdditiveScores> additive; // none: scores are products
  double scale;
  bool isPointwise, scaleEarly, hasMask;
  float base2;
  Value scores;   // memref<keys x panel>: S, then P
  Value poisoned; // i1: a NaN or Inf among the values
  // Of the panel being emitted:
  Value panel, rows, firstRow, position, positionEnd;
  Values queryPositions, queryHeads;
};

struct LowerUpdate : OpConversionPattern<UpdateOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(UpdateOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    VectorEmitter b(op.getLoc(), rewriter, op->getParentOfType<TaskOp>().getSchedule());
    UpdateEmitter(b, op, adaptor.getQuery()[0], adaptor.getKey()[0], adaptor.getValue()[0], adaptor.getState()).emit();
    rewriter.replaceOpWithMultiple(op, {Values(adaptor.getState())});
    return success();
  }
};

} // namespace

void fovea::populateUpdatePatterns(const TypeConverter &types, RewritePatternSet &patterns) {
  patterns.add<LowerUpdate>(types, patterns.getContext());
}
