// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "fovea/Dialect/Attn/Transforms/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace fovea::attn {
#define GEN_PASS_DEF_TILELINEARATTENTION
#include "fovea/Dialect/Attn/Transforms/Passes.h.inc"
} // namespace fovea::attn

using namespace mlir;
using namespace fovea::attn;

namespace {

/// Rewrites one linear attention. The pieces are emitted in the order in which they execute.
class Tiler {
public:
  explicit Tiler(LinearAttentionOp op) : op(op), b(op.getLoc(), op), schedule(*op.getSchedule()) {}

  void run() {
    readOperands();
    checkSizes();
    auto task = TaskOp::create(b, dim(key, 0), kvHeads, constant(1), schedule);
    b.setInsertionPointToStart(&task.getBody().front());
    emitTask(task.getBody().getArgument(0), task.getBody().getArgument(1));
    op.erase();
  }

private:
  Value constant(int64_t value) { return arith::ConstantIndexOp::create(b, value); }
  Value dim(Value memref, int64_t index) { return memref::DimOp::create(b, memref, index); }

  /// B, H, N (, D): a transpose costs nothing on memrefs. A decay per head has neither.
  Value inOrder(Value memref) {
    int64_t rank = memref ? cast<MemRefType>(memref.getType()).getRank() : 0;
    if (op.getLayout() == Layout::BHND || rank < 3)
      return memref;
    SmallVector<unsigned> order;
    for (int64_t index : ArrayRef(AttentionOp::dimensionOrder(op.getLayout())).take_front(rank))
      order.push_back(index);
    return memref::TransposeOp::create(b, memref,
                                       AffineMapAttr::get(AffineMap::getPermutationMap(order, b.getContext())));
  }

  void readOperands() {
    query = inOrder(op.getQuery());
    key = inOrder(op.getKey());
    value = inOrder(op.getValue());
    decay = inOrder(op.getDecay());
    beta = inOrder(op.getBeta());
    output = inOrder(op.getOuts()[0]);
    finalState = op.hasFinalState() ? op.getOuts()[1] : Value();
    heads = dim(query, 1);
    kvHeads = dim(key, 1);
    keys = dim(key, 2);
    queries = dim(query, 2);
  }

  void check(Value condition, const Twine &message) { cf::AssertOp::create(b, condition, b.getStringAttr(message)); }

  void checkEqual(Value a, int64_t dimA, StringRef nameA, Value c, int64_t dimC, StringRef nameC, StringRef what) {
    Value equal = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, dim(a, dimA), dim(c, dimC));
    check(equal, nameA + " and " + nameC + " must have the same " + what);
  }

  /// What the verifier could not see in the types.
  void checkSizes() {
    checkEqual(query, 0, "query", key, 0, "key", "batch size");
    checkEqual(query, 0, "query", value, 0, "value", "batch size");
    checkEqual(key, 1, "key", value, 1, "value", "number of heads");
    checkEqual(key, 2, "key", value, 2, "value", "number of positions");
    if (op.isCausal())
      checkEqual(query, 2, "query", key, 2, "key", "number of positions");
    checkEqual(query, 0, "query", output, 0, "output", "batch size");
    checkEqual(query, 1, "query", output, 1, "output", "number of heads");
    checkEqual(query, 2, "query", output, 2, "output", "number of positions");
    checkDecay();
    checkBeta();
    if (op.getLengths())
      checkEqual(key, 0, "key", op.getLengths(), 0, "lengths", "batch size");
    for (auto [state, name] : {std::pair(op.getInitialState(), "initial_state"), std::pair(finalState, "final state")})
      if (state) {
        checkEqual(key, 0, "key", state, 0, name, "batch size");
        checkEqual(key, 1, "key", state, 1, name, "number of heads");
      }
    Value limit = constant(int64_t(1) << 31); // what mask analysis counts on; MaskRange.h
    check(arith::CmpIOp::create(b, arith::CmpIPredicate::ule, keys, limit), "more than 2^31 keys are not supported");
    Value whole = arith::MulIOp::create(b, group(), kvHeads);
    check(arith::CmpIOp::create(b, arith::CmpIPredicate::eq, whole, heads),
          "the number of query heads must be a multiple of the number of kv heads");
  }

  void checkDecay() {
    if (!decay)
      return;
    bool perHead = cast<MemRefType>(decay.getType()).getRank() == 1;
    checkEqual(key, 1, "key", decay, perHead ? 0 : 1, "decay", "number of heads");
    if (perHead)
      return;
    checkEqual(key, 0, "key", decay, 0, "decay", "batch size");
    checkEqual(key, 2, "key", decay, 2, "decay", "number of positions");
  }

  void checkBeta() {
    if (!beta)
      return;
    checkEqual(key, 0, "key", beta, 0, "beta", "batch size");
    checkEqual(key, 1, "key", beta, 1, "beta", "number of heads");
    checkEqual(key, 2, "key", beta, 2, "beta", "number of positions");
  }

  /// Query heads of a kv head.
  Value group() { return arith::DivUIOp::create(b, heads, arith::MaxUIOp::create(b, kvHeads, constant(1))); }

  /// The chunks of a task, for the plan. As a mask, tokens see what came before them or, in direction full, everything.
  TileBoundsOp tileBounds(Value batch, Value head) {
    Type index = b.getIndexType();
    Value zero = constant(0);
    auto bounds = TileBoundsOp::create(b, index, index, index, b.getI1Type(), batch, head, zero, keys, zero, keys,
                                       schedule.getKeyBlock());
    OpBuilder::InsertionGuard guard(b);
    Block *block =
        b.createBlock(&bounds.getMask(), {}, SmallVector<Type>(4, index), SmallVector<Location>(4, b.getLoc()));
    b.setInsertionPointToStart(block);
    Value seen =
        op.isCausal()
            ? Value(arith::CmpIOp::create(b, arith::CmpIPredicate::sge, block->getArgument(2), block->getArgument(3)))
            : Value(arith::ConstantIntOp::create(b, 1, 1));
    YieldOp::create(b, seen);
    return bounds;
  }

  /// Tokens of a sequence that are no padding.
  Value tokensOf(Value batch) {
    if (!op.getLengths())
      return keys;
    Value length = memref::LoadOp::create(b, op.getLengths(), batch);
    if (!length.getType().isIndex())
      length = arith::IndexCastOp::create(b, b.getIndexType(), length);
    return arith::MinSIOp::create(b, arith::MaxSIOp::create(b, length, constant(0)), keys);
  }

  void loop(Value begin, Value end, function_ref<void(Value)> body) {
    auto op = scf::ForOp::create(b, begin, end, constant(1));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(op.getBody());
    body(op.getInductionVar());
  }

  void clearPadding(Value batch, Value head, Value tokens) {
    Value zero = arith::ConstantOp::create(b, b.getF32FloatAttr(0));
    Value first = arith::MulIOp::create(b, head, group());
    loop(first, arith::AddIOp::create(b, first, group()), [&](Value queryHead) {
      loop(tokens, queries, [&](Value row) {
        loop(constant(0), constant(op.getValueHeadSize()), [&](Value column) {
          memref::StoreOp::create(b, zero, output, ValueRange{batch, queryHead, row, column});
        });
      });
    });
  }

  void emitTask(Value batch, Value head) {
    TileBoundsOp bounds = tileBounds(batch, head);
    Value tokens = tokensOf(batch), end = bounds.getEnd();
    if (op.getLengths())
      end = arith::MinSIOp::create(b, end, tokens);
    auto type = LinearStateType::get(b.getContext(), op.getKeyHeadSize(), op.getValueHeadSize(), b.getF32Type());
    Value state = InitLinearStateOp::create(b, type, batch, head, op.getInitialState());
    state = emitLoop(batch, head, state, bounds.getBegin(), end, tokens, /*letsKeysIn=*/true,
                     /*computesQueries=*/op.isCausal());
    if (!op.isCausal())
      state = emitLoop(batch, head, state, constant(0), queries, queries, /*letsKeysIn=*/false,
                       /*computesQueries=*/true);
    if (op.getLengths() && op.isCausal())
      clearPadding(batch, head, tokens);
    if (finalState)
      StoreLinearStateOp::create(b, state, finalState, batch, head);
  }

  Value emitLoop(Value batch, Value head, Value state, Value begin, Value end, Value tokens, bool letsKeysIn,
                 bool computesQueries) {
    Value chunk = constant(schedule.getKeyBlock()), perHead = computesQueries ? group() : Value();
    auto form = LinearFormAttr::get(b.getContext(), op.getForm().value_or(LinearForm::Chunked));
    auto body = [&](OpBuilder &nested, Location loc, Value position, ValueRange carried) {
      OpBuilder::InsertionGuard guard(b);
      b.restoreInsertionPoint(nested.saveInsertionPoint());
      Value valid = arith::MinUIOp::create(b, chunk, arith::SubIOp::create(b, tokens, position));
      auto inKeys = [&](Value part) { return letsKeysIn ? part : Value(); };
      auto inQueries = [&](Value part) { return computesQueries ? part : Value(); };
      auto next =
          LinearChunkOp::create(b, state.getType(), carried[0], batch, head, position, valid, inKeys(key),
                                inKeys(value), inKeys(decay), inQueries(query), perHead, inQueries(output),
                                inKeys(beta), form, op.getNormalizerAttr(), op.getEpsilonAttr(), op.getScaleAttr());
      IRMapping mapping;
      op.getFeature().cloneInto(&next.getFeature(), mapping);
      scf::YieldOp::create(b, next.getResult());
    };
    return scf::ForOp::create(b, begin, end, chunk, state, body).getResult(0);
  }

  LinearAttentionOp op;
  ImplicitLocOpBuilder b;
  ScheduleAttr schedule;
  Value query, key, value, decay, beta, output, finalState; // in the order B, H, N, D
  Value heads, kvHeads, keys, queries;
};

struct TileLinearAttentionPass : fovea::attn::impl::TileLinearAttentionBase<TileLinearAttentionPass> {
  void runOnOperation() override {
    SmallVector<LinearAttentionOp> ops;
    getOperation().walk([&](LinearAttentionOp op) { ops.push_back(op); });
    for (LinearAttentionOp op : ops) {
      bool readsTensors = op->walk([](tensor::ExtractOp) { return WalkResult::interrupt(); }).wasInterrupted();
      if (!isa<MemRefType>(op.getQuery().getType()) || readsTensors) {
        op.emitOpError("is on tensors; bufferize before tiling (phase 4)");
        return signalPassFailure();
      }
      if (!op.getSchedule()) {
        op.emitOpError("has no schedule; run --attn-schedule-linear-attention first (phase 5) or give it one");
        return signalPassFailure();
      }
      if (op.getSchedule()->getQueryTile() < op.getSchedule()->getKeyBlock()) {
        op.emitOpError("has a schedule with query_tile (")
            << op.getSchedule()->getQueryTile() << ") below key_block (" << op.getSchedule()->getKeyBlock()
            << "); key_block is the chunk, query_tile the same in whole panels";
        return signalPassFailure();
      }
      int64_t tokens = op.getKeyType().getDimSize(AttentionOp::dimensionOrder(op.getLayout())[2]);
      if (op.getForm() == LinearForm::Parallel && op.getSchedule()->getKeyBlock() < tokens) {
        op.emitOpError("in form <parallel> has a schedule with key_block (")
            << op.getSchedule()->getKeyBlock() << ") below its " << tokens << " tokens; all of them are one chunk";
        return signalPassFailure();
      }
      Tiler(op).run();
    }
  }
};

} // namespace
