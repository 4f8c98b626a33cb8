// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One attention becomes tasks, and a task the code of one thread of a thread block: FlashAttention-2's kernel (Dao
// 2023) on mma.sync. The loop over key blocks runs `stages` deep: while one block is computed on, the next ones are on
// their way to shared memory.
#include "Problem.h"
#include "Softmax.h"
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
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace fovea {
#define GEN_PASS_DEF_CONVERTATTNTOGPU
#include "fovea/Conversion/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;
using namespace fovea::attn;

namespace {

constexpr StringLiteral kShared = "fovea_shared";
constexpr int64_t kQueryInRegisters = 128; // up to this head size; beyond, accumulators need the registers

class KernelEmitter {
public:
  KernelEmitter(AttentionOp op, const Geometry &geometry, OpBuilder &builder)
      : op(op), geometry(geometry), b(op.getLoc(), builder), softmax(op), problem(b, op) {}

  void run() {
    problem.check(b);
    Value tiles = arith::CeilDivUIOp::create(b, problem.query.rows, b.index(geometry.rows));
    auto task = TaskOp::create(b, problem.query.batches, problem.query.heads, tiles, *op.getSchedule());
    b.setInsertionPointToStart(&task.getBody().front());
    emitTask(task.getBody().getArgument(0), task.getBody().getArgument(1), task.getBody().getArgument(2));
    op.erase();
  }

private:
  Value least(Value x, Value y) { return b.createOrFold<arith::MinSIOp>(x, y); }

  TileBoundsOp tileBounds(Value rowBegin, Value rowEnd, Value keyBegin, Value keyEnd);
  Value isHidden(Value key);
  Value nextVisible(Value key);
  void copyBlock(Value key, Value stage);
  Value stageOffset(Value stage) { return b.add(b.mul(stage, geometry.stageBytes), geometry.stageBase); }
  Value isMasked(Value key);
  void emitTask(Value batch, Value head, Value tile);
  State emitLoop(ValueRange query, Values ahead);
  State computeBlock(ValueRange query, Value key, Value stage, State state);
  void finalize(const State &state);
  void storeRow(const GlobalRows &output, const State &state, int64_t half, Value row, Value sum);

  AttentionOp op;
  const Geometry &geometry;
  WarpEmitter b;
  Softmax softmax;
  Problem problem;
  // Of the task that is emitted:
  Value batch, head, row, validRows; // row: its first, counted from 0
  Value position, positionEnd;       // of its rows
  Value keyBegin, keyEnd;            // that its rows can see
  GlobalRows keys, values;
  Thread thread;
};

/// The mask for attn.tile_bounds; without one, every key is visible.
TileBoundsOp KernelEmitter::tileBounds(Value rowBegin, Value rowEnd, Value first, Value end) {
  Type index = b.getIndexType();
  auto bounds = TileBoundsOp::create(b, index, index, index, b.getI1Type(), batch, head, rowBegin, rowEnd, first, end,
                                     geometry.keys);
  if (op.hasMask()) {
    IRMapping mapping;
    op.getMask().cloneInto(&bounds.getMask(), mapping);
    return bounds;
  }
  OpBuilder::InsertionGuard guard(b);
  b.createBlock(&bounds.getMask(), {}, SmallVector<Type>(4, index), SmallVector<Location>(4, b.getLoc()));
  YieldOp::create(b, Value(arith::ConstantIntOp::create(b, 1, 1)));
  return bounds;
}

/// The block at `key`, from all of the task's rows.
Value KernelEmitter::isHidden(Value key) {
  Value end = least(b.add(key, geometry.keys), problem.key.rows);
  auto bounds = tileBounds(position, positionEnd, key, end);
  return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, bounds.getVisited(), b.index(0));
}

/// The first block from `key` on with a visible key, or one past the end. Holes of a mask (between sinks and a window,
/// say) lie inside the task's bounds.
Value KernelEmitter::nextVisible(Value key) {
  if (!op.hasMask())
    return key;
  auto isHole = [&](ValueRange carried) {
    Value inside = b.less(carried[0], keyEnd);
    auto ask = [&]() -> Values { return {isHidden(carried[0])}; };
    return b.choose(inside, b.getI1Type(), ask, [&]() -> Values { return {arith::ConstantIntOp::create(b, 0, 1)}; })[0];
  };
  return b.loop(key, isHole, [&](ValueRange carried) -> Values { return {b.add(carried[0], geometry.keys)}; })[0];
}

/// Keys and values of the block at `key`, if there is one; then a group of copies ends, empty or not.
void KernelEmitter::copyBlock(Value key, Value stage) {
  b.when(b.less(key, keyEnd), [&] {
    Value valid = b.toI32(least(b.sub(problem.key.rows, key), b.index(geometry.keys)));
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

void KernelEmitter::emitTask(Value sequence, Value queryHead, Value tile) {
  batch = sequence;
  head = queryHead;
  row = b.mul(tile, geometry.rows);
  validRows = least(b.index(geometry.rows), b.sub(problem.query.rows, row));
  position = b.add(row, problem.queryOffset(b, batch));
  positionEnd = b.add(position, validRows);
  auto bounds = tileBounds(position, positionEnd, b.index(0), problem.key.rows);
  keyBegin = bounds.getBegin();
  keyEnd = bounds.getEnd();
  Value kvHead = problem.kvHead(b, head);
  keys = problem.key.head(b, batch, kvHead);
  values = problem.value.head(b, batch, kvHead);

  auto sharedType = LLVM::LLVMPointerType::get(b.getContext(), unsigned(NVVM::NVVMMemorySpace::Shared));
  thread.id = NVVM::ThreadIdXOp::create(b, b.getI32Type());
  thread.lane = b.rem(thread.id, kWarpLanes);
  thread.warp = b.div(thread.id, kWarpLanes);
  thread.shared = LLVM::AddressOfOp::create(b, sharedType, kShared);

  {
    Purpose purpose(b, "copy of queries");
    copyTile(b, thread, geometry.threads(), problem.query.head(b, batch, head), row, b.toI32(validRows), geometry.query,
             b.i32(0));
  }
  Values ahead; // blocks that are on their way
  for (int64_t stage = 0; stage + 1 < geometry.stages; ++stage) {
    ahead.push_back(nextVisible(ahead.empty() ? keyBegin : b.add(ahead.back(), geometry.keys)));
    copyBlock(ahead.back(), b.i32(stage)); // the first group has the queries too
  }
  Values query;
  {
    Purpose purpose(b, "wait for queries");
    awaitCopies(b, geometry.stages - 2);
  }
  if (geometry.query.columns <= kQueryInRegisters)
    query = loadQuery(b, thread, geometry);
  finalize(emitLoop(query, ahead));
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
    Value incoming = nextVisible(b.add(now[depth - 1], geometry.keys));
    copyBlock(incoming, following(depth));
    State state = computeBlock(query, now[0], stageOffset(stage), State(now.drop_front(depth + 1)));
    Values next(now.slice(1, depth - 1));
    next.append({incoming, following(1)});
    llvm::append_range(next, state.values());
    return next;
  };
  Values result = b.loop(carried, [&](ValueRange now) { return b.less(now[0], keyEnd); }, body);
  return State(ValueRange(result).drop_front(depth + 1));
}

/// Whether some of this warp's rows may not see some of the block's keys, or the block is cut short.
Value KernelEmitter::isMasked(Value key) {
  Value end = b.add(key, geometry.keys);
  Value isShort = b.less(problem.key.rows, end);
  if (!op.hasMask())
    return isShort;
  Value first = b.add(position, b.toIndex(b.mul(thread.warp, kWarpRows)));
  auto bounds = tileBounds(first, least(b.add(first, kWarpRows), positionEnd), key, least(end, problem.key.rows));
  return b.select(bounds.getFull(), isShort, arith::ConstantIntOp::create(b, 1, 1));
}

State KernelEmitter::computeBlock(ValueRange query, Value key, Value stage, State state) {
  Values products = multiplyKeys(b, thread, geometry, query, stage);
  Value threadRow = b.add(b.mul(thread.warp, kWarpRows), b.div(thread.lane, 4));
  Place place{batch, head, b.add(position, b.toIndex(threadRow)), key, problem.key.rows, isMasked(key)};
  Values scores = softmax.scores(b, thread, place, products);
  Values weights = softmax.update(b, scores, state);
  state.acc = multiplyValues(b, thread, geometry, weights, stage, state.acc);
  return state;
}

void KernelEmitter::finalize(const State &state) {
  Purpose purpose(b, "output");
  GlobalRows output = problem.output.head(b, batch, head);
  for (int64_t half = 0; half < 2; ++half) {
    Softmax::Row totals = softmax.finalize(b, state, half);
    Value inTile = b.add(b.add(b.mul(thread.warp, kWarpRows), b.div(thread.lane, 4)), 8 * half);
    Value exists = b.less(inTile, b.toI32(validRows));
    b.when(exists, [&] { storeRow(output, state, half, b.add(row, b.toIndex(inTile)), totals.sum); });
    if (!problem.lse)
      continue;
    Value isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, b.rem(thread.lane, 4), b.i32(0));
    b.when(b.both(exists, isFirst), [&] {
      memref::StoreOp::create(b, totals.lse, problem.lse, ValueRange{batch, head, b.add(row, b.toIndex(inTile))});
    });
  }
}

/// acc / l; a row without weight gives 0, whatever its accumulator holds.
void KernelEmitter::storeRow(const GlobalRows &output, const State &state, int64_t half, Value at, Value sum) {
  Type element = cast<MemRefType>(op.getOuts()[0].getType()).getElementType();
  int64_t elementBytes = element.getIntOrFloatBitWidth() / 8;
  Value inverse = arith::DivFOp::create(b, b.real(1), sum), empty = b.equals(sum, 0);
  Value column = b.toIndex(b.mul(b.rem(thread.lane, 4), 2 * elementBytes));
  Value address = b.add(b.add(output.address, b.mul(at, output.rowBytes)), column);
  for (int64_t n = 0; n < geometry.value.columns / kFragmentColumns; ++n) {
    Value pair[2];
    for (int64_t k = 0; k < 2; ++k)
      pair[k] = b.select(empty, b.real(0), b.mulf(state.acc[n * kFragmentValues + 2 * half + k], inverse));
    Value stored = element.isF32()
                       ? Value(vector::FromElementsOp::create(b, VectorType::get({2}, element), ValueRange(pair)))
                       : b.pack(pair[0], pair[1], element);
    Value to = b.globalPointer(b.add(address, n * kFragmentColumns * elementBytes));
    LLVM::StoreOp::create(b, stored, to, unsigned(2 * elementBytes));
  }
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
    NamedAttrList launches;
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
    if (launches.empty())
      return;
    getOperation()->setAttr("fovea.launches", launches.getDictionary(&getContext()));
    declareShared();
  }

private:
  LogicalResult convert(func::FuncOp function, AttentionOp op, NamedAttrList &launches) {
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
    NamedAttrList launch;
    launch.set("aligned", alignedParams(op));
    KernelEmitter(op, geometry, builder).run();
    launch.set("threads", builder.getI64IntegerAttr(geometry.threads()));
    launch.set("shared_bytes", builder.getI64IntegerAttr(geometry.sharedBytes()));
    launches.set(function.getName(), launch.getDictionary(&getContext()));
    return success();
  }

  /// Parameters that are copied 16 bytes at a time: a plan checks their strides, but addresses are those of a run.
  static DenseI64ArrayAttr alignedParams(AttentionOp op) {
    SmallVector<int64_t> params;
    for (Value value : {op.getQuery(), op.getKey(), op.getValue(), op.getOuts()[0]}) {
      while (auto cast = value.getDefiningOp<memref::CastOp>())
        value = cast.getSource();
      if (auto argument = dyn_cast<BlockArgument>(value))
        params.push_back(argument.getArgNumber());
    }
    return DenseI64ArrayAttr::get(op.getContext(), params);
  }

  /// As large as the launch says.
  void declareShared() {
    OpBuilder builder = OpBuilder::atBlockBegin(getOperation().getBody());
    auto type = LLVM::LLVMArrayType::get(builder.getI8Type(), 0);
    constexpr uint64_t kAlignment = 128; // a line of all banks
    LLVM::GlobalOp::create(builder, getOperation().getLoc(), type, /*isConstant=*/false, LLVM::Linkage::External,
                           kShared, Attribute(), kAlignment, unsigned(NVVM::NVVMMemorySpace::Shared));
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
