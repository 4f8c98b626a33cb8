// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "fovea/Dialect/Attn/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/MathExtras.h"

namespace fovea::attn {
#define GEN_PASS_DEF_SCHEDULELINEARATTENTION
#include "fovea/Dialect/Attn/Transforms/Passes.h.inc"
} // namespace fovea::attn

using namespace mlir;
using namespace fovea::attn;

namespace {

bool decaysPerChannel(LinearAttentionOp op) {
  return op.getDecay() && cast<ShapedType>(op.getDecay().getType()).getRank() == 4;
}

int64_t tokensOfChunk(LinearAttentionOp op) {
  if (op.getForm() == LinearForm::Parallel)
    return std::max<int64_t>(op.getKeyType().getDimSize(AttentionOp::dimensionOrder(op.getLayout())[2]), 1);
  return decaysPerChannel(op) ? 16 : 32;
}

ScheduleAttr chooseSchedule(LinearAttentionOp op, int64_t lanes, int64_t registers) {
  // Rows times two vectors of value columns: as many independent sums as the latency of the FMA asks for. Of 16
  // registers 6 x 2 sums, 2 columns and a broadcast are 15; without an FMA, products need registers too. A head that is
  // no wider than one vector would only compute zeros in a second one.
  int64_t vectors = op.getValueHeadSize() <= lanes ? 1 : 2;
  int64_t rows = registers >= 32 ? 8 : lanes >= 8 ? 6 : 4;
  // The work on a token grows with the chunk and the traffic of the state shrinks with it; up to 32 is where they meet.
  // With a decay per channel exponentials are shared by a block of 16 tokens, and every further block has its own.
  int64_t chunk = op.getForm() == LinearForm::Parallel || decaysPerChannel(op)
                      ? llvm::alignTo(tokensOfChunk(op), rows)
                      : llvm::alignDown(tokensOfChunk(op), rows);
  int64_t panel = lanes * vectors;
  return ScheduleAttr::get(op.getContext(), llvm::alignTo(chunk, panel), chunk, lanes, panel, rows);
}

struct ScheduleLinearAttentionPass : fovea::attn::impl::ScheduleLinearAttentionBase<ScheduleLinearAttentionPass> {
  using ScheduleLinearAttentionBase::ScheduleLinearAttentionBase;
  void runOnOperation() override {
    getOperation().walk([&](LinearAttentionOp op) {
      if (op.getSchedule())
        return;
      ScheduleAttr schedule = chooseSchedule(op, lanes, registers);
      op.setScheduleAttr(schedule);
      int64_t vectors = schedule.getPanel() / schedule.getLanes(), rows = schedule.getMicroKeys();
      remark::passed(op.getLoc(), remark::RemarkOpts::name("ScheduleLinearAttention").category("attn"))
          << remark::reason("chunks of {0} tokens{1}; {2} rows x {3} vectors of {4} value columns are {5} accumulators "
                            "in {6} registers",
                            schedule.getKeyBlock(),
                            op.getForm() == LinearForm::Parallel ? ", all there are"
                            : decaysPerChannel(op)               ? ", because each channel decays by itself"
                                                                 : "",
                            rows, vectors, lanes.getValue(), rows * vectors, registers.getValue())
          << remark::metric("query_tile", schedule.getQueryTile())
          << remark::metric("key_block", schedule.getKeyBlock()) << remark::metric("lanes", schedule.getLanes())
          << remark::metric("panel", schedule.getPanel()) << remark::metric("micro_keys", schedule.getMicroKeys());
    });
  }
};

} // namespace
