// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One attention becomes tasks, and a task the code of one thread of a thread block: FlashAttention-2's kernel (Dao
// 2023) on mma.sync. The loop over key blocks runs `stages` deep: while one block is computed on, the next ones are on
// their way to shared memory.
#include "../GpuCommon/Launches.h"
#include "../GpuCommon/Task.h"
#include "TileCopy.h"
#include "WarpMatmul.h"
#include "fovea/Conversion/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace fovea {
#define GEN_PASS_DEF_CONVERTATTNTOGPU
#include "fovea/Conversion/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;
using namespace fovea::attn;

namespace {

constexpr int64_t kQueryInRegisters = 128; // up to this head size; beyond, accumulators need the registers

class KernelEmitter {
public:
  KernelEmitter(AttentionOp op, const Geometry &geometry, OpBuilder &builder)
      : op(op), geometry(geometry), b(op.getLoc(), builder), softmax(op), problem(b, op) {}

  void run() {
    problem.check(b);
    Value tiles = arith::CeilDivUIOp::create(b, problem.query.rows, b.index(geometry.rows));
    auto taskOp = TaskOp::create(b, problem.query.batches, problem.query.heads, tiles, *op.getSchedule());
    b.setInsertionPointToStart(&taskOp.getBody().front());
    task.emplace(b, problem, *op.getSchedule(), ValueRange(taskOp.getBody().getArguments()));
    emitTask();
    op.erase();
  }

private:
  void copyBlock(Value key, Value stage);
  Value stageOffset(Value stage) { return b.add(b.mul(stage, geometry.stageBytes), geometry.stageBase); }
  void emitTask();
  State emitLoop(ValueRange query, Values ahead);
  State computeBlock(ValueRange query, Value key, Value stage, State state);

  AttentionOp op;
  const Geometry &geometry;
  WarpEmitter b;
  Softmax softmax;
  Problem problem;
  std::optional<Task> task; // that is emitted
  GlobalRows keys, values;
  Thread thread;
};

/// Keys and values of the block at `key`, if there is one; then a group of copies ends, empty or not.
void KernelEmitter::copyBlock(Value key, Value stage) {
  b.when(b.less(key, task->keyEnd), [&] {
    Value left = b.sub(problem.key.rows, key);
    Value valid = b.toI32(b.createOrFold<arith::MinSIOp>(left, b.index(geometry.keys)));
    Value offset = stageOffset(stage);
    {
      Purpose purpose(b, "copy of keys");
      copyTile(b, thread, geometry.threads(), keys, key, valid, geometry.key, offset);
    }
    Purpose purpose(b, "copy of values");
    copyTile(b, thread, geometry.threads(), values, key, valid, geometry.value, offset);
  });
  Purpose purpose(b, "end of a group of copies");
  commitCopies(b);
}

void KernelEmitter::emitTask() {
  Value kvHead = problem.kvHead(b, task->head);
  keys = problem.key.head(b, task->batch, kvHead);
  values = problem.value.head(b, task->batch, kvHead);

  auto sharedType = LLVM::LLVMPointerType::get(b.getContext(), unsigned(NVVM::NVVMMemorySpace::Shared));
  thread.id = NVVM::ThreadIdXOp::create(b, b.getI32Type());
  thread.lane = b.rem(thread.id, kWarpLanes);
  thread.warp = b.div(thread.id, kWarpLanes);
  thread.shared = LLVM::AddressOfOp::create(b, sharedType, kSharedName);

  {
    Purpose purpose(b, "copy of queries");
    copyTile(b, thread, geometry.threads(), problem.query.head(b, task->batch, task->head), task->row,
             b.toI32(task->validRows), geometry.query, b.i32(0));
  }
  Values ahead; // blocks that are on their way
  for (int64_t stage = 0; stage + 1 < geometry.stages; ++stage) {
    ahead.push_back(task->nextVisible(ahead.empty() ? task->keyBegin : b.add(ahead.back(), geometry.keys)));
    copyBlock(ahead.back(), b.i32(stage)); // the first group has the queries too
  }
  Values query;
  {
    Purpose purpose(b, "wait for queries");
    awaitCopies(b, geometry.stages - 2);
  }
  if (geometry.query.columns <= kQueryInRegisters)
    query = loadQuery(b, thread, geometry);
  task->storeRows(thread, softmax, emitLoop(query, ahead));
}

State KernelEmitter::emitLoop(ValueRange query, Values ahead) {
  size_t depth = ahead.size();
  Values carried = ahead; // the blocks ahead, the stage of the first, the state
  carried.push_back(b.i32(0));
  llvm::append_range(carried, State::empty(b, geometry.value.columns).values());
  auto body = [&](ValueRange now) {
    {
      Purpose purpose(b, "wait for keys and values");
      awaitCopies(b, geometry.stages - 2);
    }
    // Every warp is past the block before this one: its stage takes the block that is `depth` ahead.
    Value stage = now[depth];
    auto following = [&](int64_t steps) { return b.rem(b.add(stage, steps), geometry.stages); };
    Value incoming = task->nextVisible(b.add(now[depth - 1], geometry.keys));
    copyBlock(incoming, following(depth));
    State state = computeBlock(query, now[0], stageOffset(stage), State(now.drop_front(depth + 1)));
    Values next(now.slice(1, depth - 1));
    next.append({incoming, following(1)});
    llvm::append_range(next, state.values());
    return next;
  };
  Values result = b.loop(carried, [&](ValueRange now) { return b.less(now[0], task->keyEnd); }, body);
  return State(ValueRange(result).drop_front(depth + 1));
}

State KernelEmitter::computeBlock(ValueRange query, Value key, Value stage, State state) {
  Values products = multiplyKeys(b, thread, geometry, query, stage);
  Value threadRow = b.add(b.mul(thread.warp, kWarpRows), b.div(thread.lane, 4));
  Value warpRow = b.add(task->position, b.toIndex(b.mul(thread.warp, kWarpRows)));
  Place place{task->batch, task->head,       b.add(task->position, b.toIndex(threadRow)),
              key,         problem.key.rows, task->isMasked(key, warpRow, kWarpRows)};
  Values scores = softmax.scores(b, thread, place, products);
  Values weights = softmax.update(b, scores, state).weights;
  state.acc = multiplyValues(b, thread, geometry, weights, stage, state.acc);
  return state;
}

/// What this kernel does not do yet, or no kernel can.
LogicalResult refuse(AttentionOp op) {
  Type element = op.getQueryType().getElementType();
  if (!isa<MemRefType>(op.getQuery().getType()))
    return op.emitOpError("is on tensors; bufferize before this pass (phase 4)");
  if (!op.getSchedule())
    return op.emitOpError("has no schedule; run --attn-schedule-gpu first (phase 5) or give it one");
  if (op.isPointwise())
    return op.emitOpError("has pointwise weights, for which there is no GPU code yet; compile it for a CPU");
  if (op.hasRope())
    return op.emitOpError("rotates its query or key, which no GPU code does yet; rotate them before the kernel, or "
                          "compile it for a CPU");
  if (!element.isF16() && !element.isBF16())
    return op.emitOpError() << "is on " << element
                            << ", and GPU code multiplies f16 or bf16; convert query, key and value";
  for (int64_t size : {op.getKeyHeadSize(), op.getValueHeadSize()})
    if (size % kMmaDepth != 0 || size > 256)
      return op.emitOpError() << "has a head size of " << size << "; GPU code takes multiples of 16 up to 256";
  ScheduleAttr schedule = *op.getSchedule();
  if (schedule.getQueryTile() % kWarpRows != 0 || schedule.getQueryTile() > 256)
    return op.emitOpError() << "has a query_tile of " << schedule.getQueryTile()
                            << "; on a GPU it is 16 rows for each of at most 16 warps";
  if (schedule.getKeyBlock() % kMmaDepth != 0)
    return op.emitOpError() << "has a key_block of " << schedule.getKeyBlock() << "; on a GPU it is a multiple of 16";
  return success();
}

struct ConvertAttnToGpuPass : fovea::impl::ConvertAttnToGpuBase<ConvertAttnToGpuPass> {
  using ConvertAttnToGpuBase::ConvertAttnToGpuBase;

  void runOnOperation() override {
    Launches launches(getOperation());
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      for (LinearAttentionOp op : function.getOps<LinearAttentionOp>()) {
        op.emitOpError("has no GPU code yet; compile it for a CPU");
        return signalPassFailure();
      }
      for (AttentionOp op : llvm::to_vector(function.getOps<AttentionOp>()))
        if (failed(convert(function, op, launches)))
          return signalPassFailure();
      if (failed(approximateMath(function)))
        return signalPassFailure();
    }
    constexpr uint64_t kAlignment = 128; // a line of all banks
    launches.record(kAlignment);
  }

private:
  LogicalResult convert(func::FuncOp function, AttentionOp op, Launches &launches) {
    if (failed(refuse(op)))
      return failure();
    if (stages < 2)
      return op.emitOpError() << "cannot be computed in " << stages.getValue() << " stages; two are the least";
    Geometry geometry(*op.getSchedule(), stages, op.getKeyHeadSize(), op.getValueHeadSize(),
                      op.getQueryType().getElementType());
    if (geometry.sharedBytes() > sharedBytes)
      return op.emitOpError() << "needs " << geometry.sharedBytes() << " bytes of shared memory for its tiles, and the "
                              << "target has " << sharedBytes.getValue() << "; use a smaller key_block or query_tile";
    OpBuilder builder(op);
    KernelEmitter(op, geometry, builder).run();
    launches.add(function.getName(), geometry.threads(), geometry.sharedBytes());
    return success();
  }

  /// exp, tanh and their like of regions: upstream's polynomials. exp2 and log2 have instructions.
  static LogicalResult approximateMath(func::FuncOp function) {
    SmallVector<Operation *> found;
    function.walk([&](Operation *op) {
      if (isa_and_nonnull<math::MathDialect>(op->getDialect()) && !isa<math::Log2Op>(op))
        found.push_back(op);
    });
    RewritePatternSet patterns(function.getContext());
    populateMathPolynomialApproximationPatterns(patterns);
    GreedyRewriteConfig config;
    config.setStrictness(GreedyRewriteStrictness::ExistingAndNewOps);
    if (failed(applyOpPatternsGreedily(found, std::move(patterns), config)))
      return failure();
    WalkResult result = function.walk([](Operation *op) {
      bool isMath = isa_and_nonnull<math::MathDialect>(op->getDialect());
      if (!isMath || isa<math::AbsFOp, math::AbsIOp, math::CeilOp, math::CopySignOp, math::Exp2Op, math::FloorOp,
                         math::FmaOp, math::Log2Op, math::RoundEvenOp, math::SqrtOp, math::TruncOp>(op))
        return WalkResult::advance();
      op->emitOpError("has no code for GPUs yet");
      return WalkResult::interrupt();
    });
    return failure(result.wasInterrupted());
  }
};

} // namespace
