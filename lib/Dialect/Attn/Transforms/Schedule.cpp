// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "fovea/Dialect/Attn/Transforms/Passes.h"
#include "fovea/Dialect/Attn/Transforms/Schedules.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Remarks.h"

#include <algorithm>

namespace fovea::attn {
#define GEN_PASS_DEF_SCHEDULE
#include "fovea/Dialect/Attn/Transforms/Passes.h.inc"
} // namespace fovea::attn

using namespace mlir;
using namespace fovea::attn;

ScheduleAttr fovea::attn::chooseSchedule(MLIRContext *context, int64_t lanes, int64_t keyHeadSize,
                                         int64_t valueHeadSize) {
  // The register tile: microKeys x vectors accumulators, at least 12 independent chains to cover the FMA latency. 32
  // registers (16 lanes) hold 8 x 2 with room for operands; 16 registers hold 4 x 3, which reuses each broadcast three
  // times.
  bool has32Registers = lanes >= 16;
  int64_t vectors = has32Registers ? 2 : 3;
  int64_t microKeys = has32Registers ? 8 : 4;
  int64_t panel = vectors * lanes;
  // About 128 rows per task share each key block from L2; fewer for large heads, whose query and accumulator panels are
  // larger.
  int64_t headSize = std::max(keyHeadSize, valueHeadSize);
  int64_t rows = headSize <= 256 ? 128 : 64;
  int64_t queryTile = std::max<int64_t>(rows / panel, 1) * panel;
  // Keys and values of a block stay in L2 while the panels pass over them.
  int64_t keyBlock = headSize <= 128 ? 256 : headSize <= 256 ? 128 : 64;
  return ScheduleAttr::get(context, queryTile, keyBlock, lanes, panel, microKeys);
}

namespace {

struct SchedulePass : fovea::attn::impl::ScheduleBase<SchedulePass> {
  using ScheduleBase::ScheduleBase;
  void runOnOperation() override {
    getOperation().walk([&](AttentionOp op) {
      if (op.getSchedule())
        return;
      op.setScheduleAttr(chooseSchedule(&getContext(), lanes, op.getKeyHeadSize(), op.getValueHeadSize()));
      ScheduleAttr schedule = *op.getSchedule();
      remark::passed(op.getLoc(), remark::RemarkOpts::name("Schedule").category("attn"))
          << remark::metric("query_tile", schedule.getQueryTile())
          << remark::metric("key_block", schedule.getKeyBlock()) << remark::metric("lanes", schedule.getLanes())
          << remark::metric("panel", schedule.getPanel()) << remark::metric("micro_keys", schedule.getMicroKeys());
    });
  }
};

} // namespace
