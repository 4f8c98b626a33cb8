// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "fovea/Dialect/Attn/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Remarks.h"

#include <algorithm>

namespace fovea::attn {
#define GEN_PASS_DEF_SCHEDULEGPU
#include "fovea/Dialect/Attn/Transforms/Passes.h.inc"
} // namespace fovea::attn

using namespace mlir;
using namespace fovea::attn;

namespace {

/// Four warps of 16 rows. Of 255 registers a thread, accumulators take half a head size, scores half a key block,
/// queries a quarter of a head size; two blocks of keys and values and the queries fit into the 99 KiB of shared memory
/// that every architecture since sm_80 has.
ScheduleAttr chooseGpuSchedule(AttentionOp op) {
  constexpr int64_t kRows = 64, kWarpRows = 16, kMmaKeys = 8, kLarge = 128;
  int64_t headSize = std::max(op.getKeyHeadSize(), op.getValueHeadSize());
  return ScheduleAttr::get(op.getContext(), kRows, headSize <= kLarge ? 64 : 32, /*lanes=*/1, kWarpRows, kMmaKeys);
}

struct ScheduleGpuPass : fovea::attn::impl::ScheduleGpuBase<ScheduleGpuPass> {
  void runOnOperation() override {
    getOperation().walk([&](AttentionOp op) {
      if (op.getSchedule())
        return;
      op.setScheduleAttr(chooseGpuSchedule(op));
      ScheduleAttr schedule = *op.getSchedule();
      remark::passed(op.getLoc(), remark::RemarkOpts::name("Schedule").category("attn"))
          << remark::reason("{0} warps of 16 rows", schedule.getQueryTile() / schedule.getPanel())
          << remark::metric("query_tile", schedule.getQueryTile())
          << remark::metric("key_block", schedule.getKeyBlock());
    });
  }
};

} // namespace
