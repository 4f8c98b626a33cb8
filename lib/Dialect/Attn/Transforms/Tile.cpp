// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "fovea/Dialect/Attn/Transforms/Passes.h"
#include "fovea/Dialect/Attn/Utils/CheckCaptures.h"
#include "fovea/Dialect/Attn/Utils/CheckRope.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace fovea::attn {
#define GEN_PASS_DEF_TILE
#include "fovea/Dialect/Attn/Transforms/Passes.h.inc"
} // namespace fovea::attn

using namespace mlir;
using namespace fovea::attn;

namespace {

/// The operands of one attention in the order B, H, N, D and its run-time sizes.
struct Problem {
  Value query, key, value, output, lse;
  Value batches, heads, kvHeads, rows, keys;
  Value taskRows; // of every task but the last of a head
};

/// Rewrites one attention. The pieces are emitted in the order in which they execute.
class Tiler {
public:
  explicit Tiler(AttentionOp op) : op(op), b(op.getLoc(), op), schedule(*op.getSchedule()) {}

  void run() {
    readOperands();
    checkSizes();
    problem.taskRows = rowsPerTask();
    Value tiles = arith::CeilDivUIOp::create(b, problem.rows, problem.taskRows);
    auto task = TaskOp::create(b, problem.batches, problem.heads, tiles, schedule);
    b.setInsertionPointToStart(&task.getBody().front());
    emitTask(task.getBody().getArgument(0), task.getBody().getArgument(1), task.getBody().getArgument(2));
    op.erase();
  }

private:
  Value constant(int64_t value) { return arith::ConstantIndexOp::create(b, value); }
  Value dim(Value memref, int64_t index) { return memref::DimOp::create(b, memref, index); }

  /// A transpose costs nothing on memrefs: below this pass every operand is B, H, N, D with some strides.
  Value inOrder(Value memref) {
    if (op.getLayout() == Layout::BHND)
      return memref;
    SmallVector<unsigned> order;
    for (int64_t index : AttentionOp::dimensionOrder(op.getLayout()))
      order.push_back(index);
    return memref::TransposeOp::create(b, memref,
                                       AffineMapAttr::get(AffineMap::getPermutationMap(order, b.getContext())));
  }

  void readOperands() {
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

  void check(Value condition, const Twine &message) { cf::AssertOp::create(b, condition, b.getStringAttr(message)); }

  void checkEqual(Value a, int64_t dimA, StringRef nameA, Value c, int64_t dimC, StringRef nameC, StringRef what) {
    Value equal = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, dim(a, dimA), dim(c, dimC));
    check(equal, nameA + " and " + nameC + " must have the same " + what);
  }

  /// What the verifier could not see in the types.
  void checkSizes() {
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
    checkRope(b, op.getKeyRope(), "key", problem.batches, problem.keys, constant(0));
  }

  Value kvHeadsOrOne() { return arith::MaxUIOp::create(b, problem.kvHeads, constant(1)); }

  /// Large tasks read, and pack, keys and values less often; small problems are cut finer, into panels, so that many
  /// threads find work. The sizes alone decide: every number of threads computes the same bits.
  Value rowsPerTask() {
    constexpr int64_t wantedTasks = 64, fewRows = 128;
    int64_t panel = schedule.getPanel(), least = std::max<int64_t>(fewRows / panel, 1) * panel;
    if (schedule.getQueryTile() <= least)
      return constant(schedule.getQueryTile());
    Value all = arith::MulIOp::create(b, arith::MulIOp::create(b, problem.batches, problem.heads), problem.rows);
    Value panels = arith::CeilDivUIOp::create(b, all, constant(wantedTasks * panel));
    Value share = arith::MulIOp::create(b, panels, constant(panel));
    return arith::MinUIOp::create(b, arith::MaxUIOp::create(b, share, constant(least)),
                                  constant(schedule.getQueryTile()));
  }

  Value queryOffset(Value batch) {
    Value offset = op.getQOffset();
    if (!offset)
      return constant(0);
    if (offset.getType().isIndex())
      return offset;
    Value element = memref::LoadOp::create(b, offset, batch);
    return element.getType().isIndex() ? element : arith::IndexCastOp::create(b, b.getIndexType(), element);
  }

  /// The mask for attn.tile_bounds; without one, every key is visible.
  void fillMask(Region &region) {
    if (op.hasMask()) {
      IRMapping mapping;
      op.getMask().cloneInto(&region, mapping);
      return;
    }
    OpBuilder::InsertionGuard guard(b);
    Block *block =
        b.createBlock(&region, {}, SmallVector<Type>(4, b.getIndexType()), SmallVector<Location>(4, b.getLoc()));
    b.setInsertionPointToStart(block);
    YieldOp::create(b, Value(arith::ConstantIntOp::create(b, 1, 1)));
  }

  TileBoundsOp tileBounds(Value batch, Value head, Value rowBegin, Value rowEnd, Value keyBegin, Value keyEnd) {
    Type index = b.getIndexType();
    auto bounds = TileBoundsOp::create(b, index, index, index, b.getI1Type(), batch, head, rowBegin, rowEnd, keyBegin,
                                       keyEnd, schedule.getKeyBlock());
    fillMask(bounds.getMask());
    return bounds;
  }

  TileType tileType(TileRole role, int64_t rows, int64_t columns) {
    return TileType::get(b.getContext(), role, rows, columns, b.getF32Type());
  }

  Value loadRotated(TileType type, Value source, Value batch, Value head, Value row, Value valid, ValueRange rope,
                    Value position) {
    if (rope.empty())
      return LoadTileOp::create(b, type, source, batch, head, row, valid);
    return LoadTileOp::create(b, type, source, batch, head, row, valid, rope, position, op.getPairing());
  }

  void emitTask(Value batch, Value head, Value tile) {
    Value keyBlock = constant(schedule.getKeyBlock());
    Value row = arith::MulIOp::create(b, tile, problem.taskRows);
    Value validRows = arith::MinUIOp::create(b, problem.taskRows, arith::SubIOp::create(b, problem.rows, row));
    Value position = arith::AddIOp::create(b, row, queryOffset(batch));
    Value positionEnd = arith::AddIOp::create(b, position, validRows);
    Value group = arith::DivUIOp::create(b, problem.heads, kvHeadsOrOne());
    Value kvHead = arith::DivUIOp::create(b, head, arith::MaxUIOp::create(b, group, constant(1)));
    auto bounds = tileBounds(batch, head, position, positionEnd, constant(0), problem.keys);

    Value query = loadRotated(tileType(TileRole::Query, schedule.getQueryTile(), op.getKeyHeadSize()), problem.query,
                              batch, head, row, validRows, op.getQueryRope(), position);
    auto stateType = StateType::get(b.getContext(), schedule.getQueryTile(), op.getValueHeadSize(), b.getF32Type());
    Value state = InitStateOp::create(b, stateType);
    auto body = [&](OpBuilder &, Location, Value key, ValueRange carried) {
      Value validKeys = arith::MinUIOp::create(b, keyBlock, arith::SubIOp::create(b, problem.keys, key));
      auto update = [&](Value full) {
        return emitUpdate(carried[0], query, batch, head, kvHead, position, key, validRows, validKeys, full);
      };
      scf::YieldOp::create(b, op.hasMask()
                                  ? skipIfEmpty(batch, head, position, positionEnd, key, validKeys, carried[0], update)
                                  : update(Value()));
    };
    auto loop = scf::ForOp::create(b, bounds.getBegin(), bounds.getEnd(), keyBlock, state,
                                   [&](OpBuilder &nested, Location loc, Value key, ValueRange carried) {
                                     OpBuilder::InsertionGuard guard(b);
                                     b.restoreInsertionPoint(nested.saveInsertionPoint());
                                     body(nested, loc, key, carried);
                                   });
    FinalizeOp::create(b, loop.getResult(0), problem.output, batch, head, row, validRows, problem.lse,
                       op.getWeights());
  }

  /// Holes of a mask (between sinks and a window, say) lie inside the task's bounds: ask again for the block.
  Value skipIfEmpty(Value batch, Value head, Value position, Value positionEnd, Value key, Value validKeys, Value state,
                    function_ref<Value(Value full)> update) {
    Value keyEnd = arith::AddIOp::create(b, key, validKeys);
    auto bounds = tileBounds(batch, head, position, positionEnd, key, keyEnd);
    Value any = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, bounds.getVisited(), constant(0));
    auto branch = scf::IfOp::create(b, state.getType(), any, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    scf::YieldOp::create(b, update(bounds.getFull()));
    b.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(b, state);
    return branch.getResult(0);
  }

  Value emitUpdate(Value state, Value query, Value batch, Value head, Value kvHead, Value position, Value key,
                   Value validRows, Value validKeys, Value full) {
    Value keyTile = loadRotated(tileType(TileRole::Key, schedule.getKeyBlock(), op.getKeyHeadSize()), problem.key,
                                batch, kvHead, key, validKeys, op.getKeyRope(), key);
    Value valueTile = LoadTileOp::create(b, tileType(TileRole::Value, schedule.getKeyBlock(), op.getValueHeadSize()),
                                         problem.value, batch, kvHead, key, validKeys);
    auto update = UpdateOp::create(b, state.getType(), state, query, keyTile, valueTile, batch, head, position, key,
                                   validRows, validKeys, full, b.getF64FloatAttr(op.getEffectiveScale()),
                                   WeightsAttr::get(b.getContext(), op.getWeights()));
    IRMapping mapping;
    op.getScore().cloneInto(&update.getScore(), mapping);
    op.getMask().cloneInto(&update.getMask(), mapping);
    return update;
  }

  AttentionOp op;
  ImplicitLocOpBuilder b;
  ScheduleAttr schedule;
  Problem problem;
};

struct TilePass : fovea::attn::impl::TileBase<TilePass> {
  void runOnOperation() override {
    SmallVector<AttentionOp> ops;
    getOperation().walk([&](AttentionOp op) { ops.push_back(op); });
    for (AttentionOp op : ops) {
      if (op.getOuts().empty() || !isa<MemRefType>(op.getQuery().getType())) {
        op.emitOpError("is on tensors; bufferize before tiling (phase 4)");
        return signalPassFailure();
      }
      bool readsTensors = op->walk([](tensor::ExtractOp) { return WalkResult::interrupt(); }).wasInterrupted();
      if (readsTensors) {
        op.emitOpError("reads a tensor in its regions; bufferize before tiling (phase 4)");
        return signalPassFailure();
      }
      if (!op.getSchedule()) {
        op.emitOpError("has no schedule; run --attn-schedule first (phase 5) or give it one");
        return signalPassFailure();
      }
      Tiler(op).run();
    }
  }
};

} // namespace
