// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "fovea/Dialect/Attn/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Remarks.h"

namespace fovea::attn {
#define GEN_PASS_DEF_FOLDROPE
#include "fovea/Dialect/Attn/Transforms/Passes.h.inc"
} // namespace fovea::attn

using namespace mlir;
using namespace fovea::attn;

namespace {

SmallVector<Value> tablesOf(RopeOp rope) {
  SmallVector<Value> tables = {rope.getCos(), rope.getSin()};
  if (rope.getPositions())
    tables.push_back(rope.getPositions());
  return tables;
}

/// Whether the rows stand where the attention says they do; tables by position or by row say it themselves.
LogicalResult checkOffset(AttentionOp op, RopeOp rope, bool isQuery) {
  if (rope.getPositions() || cast<ShapedType>(rope.getCos().getType()).getRank() == 3)
    return success();
  if (isQuery && rope.getOffset() != op.getQOffset())
    return rope.emitOpError() << "has another offset than the q_offset of the attention that reads it; give both the "
                                 "same, or give positions";
  if (!isQuery && rope.getOffset())
    return rope.emitOpError() << "has an offset on a key, which stands at its row; give positions";
  return success();
}

LogicalResult fold(AttentionOp op, OpOperand &operand, MutableOperandRange tables, bool isQuery) {
  auto rope = operand.get().getDefiningOp<RopeOp>();
  if (!rope)
    return success();
  if (op.isLatent())
    return rope.emitOpError() << "rotates the first columns of a row; those of a latent attention that turn are the "
                                 "last ones: give the tables to its query_rope and key_rope";
  if (isQuery ? op.getQueryNorm() : op.getKeyNorm())
    return rope.emitOpError() << "rotates before " << (isQuery ? "query_norm" : "key_norm")
                              << " of the attention normalises, which rotates after it: give the tables to its "
                              << (isQuery ? "query_rope" : "key_rope");
  if (op.hasFar())
    return rope.emitOpError() << "rotates what an attention with `far` rotates for each pair: give the tables to its "
                              << (isQuery ? "query_rope" : "key_rope");
  if (!tables.empty())
    return rope.emitOpError() << "rotates what " << (isQuery ? "query_rope" : "key_rope")
                              << " of the attention rotates again; rotate once";
  if (rope.getLayout() != op.getLayout())
    return rope.emitOpError() << "has another layout than the attention that reads it";
  if (op.hasRope() && rope.getPairing() != op.getPairing())
    return rope.emitOpError() << "pairs other columns than the rotation of the attention's other operand";
  if (failed(checkOffset(op, rope, isQuery)))
    return failure();
  op.setPairing(rope.getPairing());
  operand.set(rope.getInput());
  tables.assign(tablesOf(rope));
  remark::passed(op.getLoc(), remark::RemarkOpts::name("Rope").category("attn"))
      << (isQuery ? "queries" : "keys") << " are rotated as they are loaded; nothing rotated is stored";
  return success();
}

struct FoldRopePass : fovea::attn::impl::FoldRopeBase<FoldRopePass> {
  void runOnOperation() override {
    SmallVector<RopeOp> ropes;
    getOperation().walk([&](RopeOp rope) { ropes.push_back(rope); });
    WalkResult result = getOperation().walk([](AttentionOp op) {
      bool ok = succeeded(fold(op, op.getQueryMutable(), op.getQueryRopeMutable(), /*isQuery=*/true)) &&
                succeeded(fold(op, op.getKeyMutable(), op.getKeyRopeMutable(), /*isQuery=*/false));
      return ok ? WalkResult::advance() : WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      return signalPassFailure();
    for (RopeOp rope : llvm::reverse(ropes)) {
      if (rope->use_empty()) {
        rope.erase();
        continue;
      }
      InFlightDiagnostic error = rope.emitOpError()
                                 << "is read by something other than the query or key of an attn.attention";
      error.attachNote((*rope->user_begin())->getLoc()) << "here; rotate it before the kernel instead";
      return signalPassFailure();
    }
  }
};

} // namespace
