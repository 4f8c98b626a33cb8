// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Tiler.h"
#include "fovea/Dialect/Attn/Transforms/Passes.h"
#include "fovea/Dialect/Attn/Transforms/Schedules.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"

namespace fovea::attn {
#define GEN_PASS_DEF_TILE
#include "fovea/Dialect/Attn/Transforms/Passes.h.inc"
} // namespace fovea::attn

using namespace mlir;
using namespace fovea::attn;

namespace {

/// Rewrites one attention. The pieces are emitted in the order in which they execute.
class AttentionTiler : Tiler {
public:
  using Tiler::Tiler;

  void run() {
    if (op.hasFar())
      remark::analysis(op.getLoc(), remark::RemarkOpts::name("Rope").category("attn"))
          << "pairs have one of two rotations; a block of keys whose pairs have the same takes one product, another "
             "two";
    std::optional<FewRows> few = fewRows(op);
    few && few->isPacked() && few->rows <= schedule.getQueryTile() ? runPacked(*few) : runByHead();
    op.erase();
  }

private:
  void runByHead() {
    Value taskRows = rowsPerTask(/*wantedTasks=*/64, /*fewRows=*/128);
    Value tiles = arith::CeilDivUIOp::create(b, problem.rows, taskRows);
    auto task = TaskOp::create(b, problem.batches, problem.heads, tiles, schedule);
    b.setInsertionPointToStart(&task.getBody().front());
    Value batch = task.getBody().getArgument(0), head = task.getBody().getArgument(1);
    Value row = arith::MulIOp::create(b, task.getBody().getArgument(2), taskRows);
    Value valid = arith::MinUIOp::create(b, taskRows, arith::SubIOp::create(b, problem.rows, row));
    Value position = arith::AddIOp::create(b, row, queryOffset(batch));
    Value positionEnd = arith::AddIOp::create(b, position, valid);
    emitTask({batch, head, row, valid, Value(), position, positionEnd, position}, kvHeadOf(head));
  }

  /// Few rows: a tile has those of all heads that read the same keys, so that a token reads each key once.
  void runPacked(const FewRows &few) {
    int64_t heads = few.rows / few.ofHead;
    remark::passed(op.getLoc(), remark::RemarkOpts::name("PackHeads").category("attn"))
        << remark::reason("{0} query heads that share keys are one tile of {1} rows", heads, few.rows);
    auto task = TaskOp::create(b, problem.batches, problem.kvHeads, constant(1), schedule);
    b.setInsertionPointToStart(&task.getBody().front());
    Value batch = task.getBody().getArgument(0), kvHead = task.getBody().getArgument(1);
    Value head = arith::MulIOp::create(b, kvHead, constant(heads)), position = queryOffset(batch);
    Value positionEnd = arith::AddIOp::create(b, position, problem.rows);
    emitTask({batch, head, constant(0), constant(few.rows), constant(few.ofHead), position, positionEnd, position},
             kvHead);
  }

  Value loadQueries(const TaskRows &rows, ValueRange rope) {
    TileType type = tileType(TileRole::Query, schedule.getQueryTile(), op.getKeyHeadSize());
    LoadTileOp tile = load(type, problem.query, rows.batch, rows.head, rows.row, rows.valid);
    if (rows.ofHead)
      tile.getHeadsOfMutable().assign(rows.ofHead);
    return rotated(normalized(tile, op.getQueryNorm()), rope, rows.position);
  }

  void emitTask(const TaskRows &rows, Value kvHead) {
    auto bounds = tileBounds(rows, constant(0), problem.keys);
    TileType keyType = tileType(TileRole::Key, schedule.getKeyBlock(), op.getKeyHeadSize());
    TileType valueType = tileType(TileRole::Value, schedule.getKeyBlock(), op.getValueHeadSize());
    Value query = loadQueries(rows, op.getQueryRope());
    Value farQuery = op.hasFar() ? loadQueries(rows, op.getFarQueryRope()) : Value();
    auto enter = [&](Value state, const KeyBlock &block) {
      bool isFar = block.pairs == Pairs::Far;
      LoadTileOp tile = load(keyType, problem.key, rows.batch, kvHead, block.first, block.valid);
      Value keys =
          rotated(normalized(tile, op.getKeyNorm()), isFar ? op.getFarKeyRope() : op.getKeyRope(), block.first);
      Value values = load(valueType, problem.value, rows.batch, kvHead, block.first, block.valid);
      return update(rows, state, isFar ? farQuery : query, keys, values, block);
    };
    Value state =
        overKeys(rows, schedule.getQueryTile(), op.getValueHeadSize(), bounds.getBegin(), bounds.getEnd(), enter);
    FinalizeOp::create(b, state, problem.output, rows.batch, rows.head, rows.row, rows.valid, rows.ofHead,
                       /*expand=*/Value(), problem.lse, op.getWeights());
  }
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
      if (op.isLatent())
        tileLatent(op);
      else
        AttentionTiler(op).run();
    }
  }
};

} // namespace
