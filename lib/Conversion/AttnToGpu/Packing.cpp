// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Packing.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace fovea;

constexpr int64_t kSplitKeys = 512; // of a split, at least: less work does not pay for a partial result
constexpr int64_t kMaxSplits = 64;  // of a tile: the last task to arrive reads the partial results of all

static bool isConstant(Value value, int64_t number) {
  APInt constant;
  return matchPattern(value, m_ConstantInt(&constant)) && constant == number;
}

static Value atMost(WarpEmitter &b, Value x, Value y) {
  return b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::sle, x, y);
}

static Value choose(WarpEmitter &b, Value condition, Value x, Value y) {
  return b.createOrFold<arith::SelectOp>(condition, x, y);
}

/// A mask may tell heads apart; then the class of a tile would be that of all its heads together.
static bool readsHead(attn::AttentionOp op) { return op.hasMask() && !op.getMask().getArgument(1).use_empty(); }

Packing::Packing(WarpEmitter &b, const Problem &problem, const Geometry &geometry) {
  Value rows = b.index(geometry.rows), one = b.index(1), queries = problem.query.rows, keys = problem.key.rows;
  Value all = problem.group(b);
  group = choose(b, atMost(b, b.mul(all, queries), rows), all, one);
  if (readsHead(problem.op) || isConstant(all, 1) || isConstant(group, 1))
    group = {};
  auto ceilDiv = [&](Value x, Value y) { return b.createOrFold<arith::CeilDivUIOp>(x, y); };
  Value block = b.index(geometry.keys);
  Value length = b.createOrFold<arith::MaxUIOp>(b.index(kSplitKeys), ceilDiv(keys, b.index(kMaxSplits)));
  splitLength = b.mul(ceilDiv(length, block), block);
  splits = b.createOrFold<arith::MaxUIOp>(ceilDiv(keys, splitLength), one);
  splits = choose(b, atMost(b, queries, rows), splits, one);
  if (isConstant(splits, 1))
    splits = {};
}

std::pair<Value, Value> Packing::keysOf(WarpEmitter &b, Value split, Value keys) const {
  if (!splits)
    return {b.index(0), keys};
  Value isLast = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, b.add(split, 1), splits);
  Value begin = b.mul(split, splitLength);
  return {begin, b.select(isLast, keys, b.add(begin, splitLength))};
}
