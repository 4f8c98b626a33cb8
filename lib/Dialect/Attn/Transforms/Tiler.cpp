// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Tiler.h"

#include "fovea/Dialect/Attn/Utils/CheckCaptures.h"
#include "fovea/Dialect/Attn/Utils/CheckRope.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace fovea::attn;

Tiler::Tiler(AttentionOp op) : op(op), b(op.getLoc(), op), schedule(*op.getSchedule()) {
  readOperands();
  checkSizes();
}

Value Tiler::dim(Value memref, int64_t index) { return memref::DimOp::create(b, memref, index); }

/// A transpose costs nothing on memrefs: below this pass every operand is B, H, N, D with some strides.
Value Tiler::inOrder(Value memref) {
  if (op.getLayout() == Layout::BHND)
    return memref;
  SmallVector<unsigned> order;
  for (int64_t index : AttentionOp::dimensionOrder(op.getLayout()))
    order.push_back(index);
  return memref::TransposeOp::create(b, memref,
                                     AffineMapAttr::get(AffineMap::getPermutationMap(order, b.getContext())));
}

void Tiler::readOperands() {
  problem.query = inOrder(op.getQuery());
  problem.key = inOrder(op.getKey());
  problem.value = inOrder(op.getValue());
  problem.output = inOrder(op.getOuts()[0]);
  problem.lse = op.hasLse() ? op.getOuts()[1] : Value();
  problem.batches = dim(problem.query, 0);
  problem.heads = dim(problem.query, 1);
  problem.kvHeads = dim(problem.key, 1);
  problem.rows = dim(problem.query, 2);
  problem.keys = dim(problem.key, 2);
}

void Tiler::check(Value condition, const Twine &message) {
  cf::AssertOp::create(b, condition, b.getStringAttr(message));
}

void Tiler::checkEqual(Value a, int64_t dimA, StringRef nameA, Value c, int64_t dimC, StringRef nameC, StringRef what) {
  Value equal = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, dim(a, dimA), dim(c, dimC));
  check(equal, nameA + " and " + nameC + " must have the same " + what);
}

void Tiler::checkSizes() {
  checkEqual(problem.query, 0, "query", problem.key, 0, "key", "batch size");
  checkEqual(problem.query, 0, "query", problem.value, 0, "value", "batch size");
  checkEqual(problem.key, 1, "key", problem.value, 1, "value", "number of heads");
  checkEqual(problem.key, 2, "key", problem.value, 2, "value", "number of positions");
  checkEqual(problem.query, 0, "query", problem.output, 0, "output", "batch size");
  checkEqual(problem.query, 1, "query", problem.output, 1, "output", "number of heads");
  checkEqual(problem.query, 2, "query", problem.output, 2, "output", "number of positions");
  if (problem.lse) {
    checkEqual(problem.query, 0, "query", problem.lse, 0, "log-sum-exp", "batch size");
    checkEqual(problem.query, 1, "query", problem.lse, 1, "log-sum-exp", "number of heads");
    checkEqual(problem.query, 2, "query", problem.lse, 2, "log-sum-exp", "number of positions");
  }
  if (op.getAdditive())
    checkEqual(problem.query, 1, "query", op.getAdditive(), 0, "additive", "number of heads");
  if (op.getQOffset() && !op.getQOffset().getType().isIndex())
    checkEqual(problem.query, 0, "query", op.getQOffset(), 0, "q_offset", "batch size");
  Value limit = constant(int64_t(1) << 31); // what mask analysis counts on; MaskRange.h
  check(arith::CmpIOp::create(b, arith::CmpIPredicate::ule, problem.keys, limit),
        "more than 2^31 keys are not supported");
  Value group = arith::DivUIOp::create(b, problem.heads, kvHeadsOrOne());
  Value whole = arith::MulIOp::create(b, group, problem.kvHeads);
  check(arith::CmpIOp::create(b, arith::CmpIPredicate::eq, whole, problem.heads),
        "the number of query heads must be a multiple of the number of kv heads");
  checkCaptures(b, op, {problem.batches, problem.heads, problem.rows, problem.keys});
  Value offset = op.getQOffset() && op.getQOffset().getType().isIndex() ? op.getQOffset() : constant(0);
  checkRope(b, op.getQueryRope(), "query", problem.batches, problem.rows, offset);
  checkRope(b, op.getFarQueryRope(), "far query", problem.batches, problem.rows, offset);
  checkRope(b, op.getKeyRope(), "key", problem.batches, problem.keys, constant(0));
  checkRope(b, op.getFarKeyRope(), "far key", problem.batches, problem.keys, constant(0));
}

Value Tiler::rowsPerTask(int64_t wantedTasks, int64_t fewRows) {
  int64_t panel = schedule.getPanel(), least = std::max<int64_t>(fewRows / panel, 1) * panel;
  if (schedule.getQueryTile() <= least)
    return constant(schedule.getQueryTile());
  Value all = arith::MulIOp::create(b, arith::MulIOp::create(b, problem.batches, problem.heads), problem.rows);
  Value panels = arith::CeilDivUIOp::create(b, all, constant(wantedTasks * panel));
  Value share = arith::MulIOp::create(b, panels, constant(panel));
  return arith::MinUIOp::create(b, arith::MaxUIOp::create(b, share, constant(least)),
                                constant(schedule.getQueryTile()));
}

Value Tiler::queryOffset(Value batch) {
  Value offset = op.getQOffset();
  if (!offset)
    return constant(0);
  if (offset.getType().isIndex())
    return offset;
  Value element = memref::LoadOp::create(b, offset, batch);
  return element.getType().isIndex() ? element : arith::IndexCastOp::create(b, b.getIndexType(), element);
}

Value Tiler::kvHeadOf(Value head) {
  Value group = arith::DivUIOp::create(b, problem.heads, kvHeadsOrOne());
  return arith::DivUIOp::create(b, head, arith::MaxUIOp::create(b, group, constant(1)));
}

/// What the region says of these positions; reads and divisions are guarded where it is lowered.
static Value cloneRegion(OpBuilder &builder, Region &region, ValueRange positions) {
  IRMapping mapping;
  mapping.map(region.getArguments(), positions);
  for (Operation &inner : region.front().without_terminator())
    builder.clone(inner, mapping);
  return mapping.lookupOrDefault(region.front().getTerminator()->getOperand(0));
}

/// An empty mask hides nothing; with `far` there is always one.
void Tiler::visible(Pairs pairs, Region &mask) {
  if (pairs == Pairs::All) {
    IRMapping mapping;
    op.getMask().cloneInto(&mask, mapping);
    return;
  }
  OpBuilder::InsertionGuard guard(b);
  Block *block = b.createBlock(&mask, {}, SmallVector<Type>(4, b.getIndexType()), SmallVector<Location>(4, b.getLoc()));
  Value keep = cloneRegion(b, op.getFar(), block->getArguments());
  if (pairs == Pairs::Near)
    keep = arith::XOrIOp::create(b, keep, arith::ConstantIntOp::create(b, 1, 1));
  if (op.hasMask())
    keep = arith::AndIOp::create(b, cloneRegion(b, op.getMask(), block->getArguments()), keep);
  YieldOp::create(b, keep);
}

TileBoundsOp Tiler::boundsWithoutMask(const TaskRows &rows, Value keyBegin, Value keyEnd) {
  Type index = b.getIndexType();
  return TileBoundsOp::create(b, index, index, index, b.getI1Type(), rows.batch, rows.head, rows.position,
                              rows.positionEnd, keyBegin, keyEnd, schedule.getKeyBlock());
}

TileBoundsOp Tiler::tileBounds(const TaskRows &rows, Value keyBegin, Value keyEnd, Pairs pairs) {
  if (pairs == Pairs::All && !op.hasMask())
    return allKeys(rows, keyBegin, keyEnd);
  TileBoundsOp bounds = boundsWithoutMask(rows, keyBegin, keyEnd);
  visible(pairs, bounds.getMask());
  return bounds;
}

TileBoundsOp Tiler::allKeys(const TaskRows &rows, Value keyBegin, Value keyEnd) {
  TileBoundsOp bounds = boundsWithoutMask(rows, keyBegin, keyEnd);
  OpBuilder::InsertionGuard guard(b);
  b.createBlock(&bounds.getMask(), {}, SmallVector<Type>(4, b.getIndexType()), SmallVector<Location>(4, b.getLoc()));
  YieldOp::create(b, Value(arith::ConstantIntOp::create(b, 1, 1)));
  return bounds;
}

Value Tiler::overKeys(const TaskRows &rows, int64_t stateRows, int64_t columns, Value begin, Value end, Update update) {
  Value state = InitStateOp::create(b, StateType::get(b.getContext(), stateRows, columns, b.getF32Type()));
  Value keyBlock = constant(schedule.getKeyBlock());
  auto loop = scf::ForOp::create(b, begin, end, keyBlock, state);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value key = loop.getInductionVar(), next = loop.getRegionIterArg(0);
  Value valid = arith::MinUIOp::create(b, keyBlock, arith::SubIOp::create(b, problem.keys, key));
  if (op.hasFar())
    for (Pairs pairs : {Pairs::Near, Pairs::Far})
      next = skipIfEmpty(rows, {key, valid, Value(), pairs}, next, update);
  else if (!op.hasMask())
    next = update(next, {key, valid, Value(), Pairs::All});
  else if (rows.ofHead && isMaskPerHead())
    next = update(next, {key, valid, arith::ConstantIntOp::create(b, 0, 1), Pairs::All});
  else
    next = skipIfEmpty(rows, {key, valid, Value(), Pairs::All}, next, update);
  scf::YieldOp::create(b, next);
  return loop.getResult(0);
}

/// Holes of a mask (between sinks and a window, say) lie inside the task's bounds: ask again for the block.
Value Tiler::skipIfEmpty(const TaskRows &rows, KeyBlock block, Value state, Update update) {
  Value end = arith::AddIOp::create(b, block.first, block.valid);
  TileBoundsOp bounds = tileBounds(rows, block.first, end, block.pairs);
  block.full = bounds.getFull();
  Value any = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, bounds.getVisited(), constant(0));
  auto branch = scf::IfOp::create(b, state.getType(), any, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  scf::YieldOp::create(b, update(state, block));
  b.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(b, state);
  return branch.getResult(0);
}

LoadTileOp Tiler::load(TileType type, Value source, Value batch, Value head, Value row, Value valid) {
  return LoadTileOp::create(b, type, source, batch, head, row, valid);
}

LoadTileOp Tiler::normalized(LoadTileOp tile, Value gain) {
  if (!gain)
    return tile;
  tile.getNormMutable().assign(gain);
  tile.setEpsilonAttr(b.getF64FloatAttr(op.getEffectiveEpsilon()));
  return tile;
}

LoadTileOp Tiler::rotated(LoadTileOp tile, ValueRange rope, Value position, int64_t firstColumn) {
  if (rope.empty())
    return tile;
  tile.getRopeMutable().assign(rope);
  tile.getPositionMutable().assign(position);
  tile.setFirstColumn(firstColumn);
  tile.setPairing(op.getPairing());
  return tile;
}

Value Tiler::update(const TaskRows &rows, Value state, Value query, Value keys, Value values, const KeyBlock &block) {
  SmallVector<Value> packed;
  if (rows.ofHead)
    packed = {rows.row, rows.ofHead};
  auto update =
      UpdateOp::create(b, state.getType(), state, query, keys, values, rows.batch, rows.head, rows.rowPosition,
                       block.first, rows.valid, block.valid, block.full, packed, op.getAdditive(),
                       b.getF64FloatAttr(op.getEffectiveScale()), WeightsAttr::get(b.getContext(), op.getWeights()));
  IRMapping mapping;
  op.getScore().cloneInto(&update.getScore(), mapping);
  visible(block.pairs, update.getMask());
  return update;
}
