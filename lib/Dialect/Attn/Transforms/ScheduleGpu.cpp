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

constexpr int64_t kRows = 64; // of a block of warps

/// Four warps of 16 rows. Of 255 registers a thread, accumulators take half a head size, scores half a key block,
/// queries a quarter of a head size; two blocks of keys and values and the queries fit into the 99 KiB of shared memory
/// that every architecture since sm_80 has.
ScheduleAttr chooseGpuSchedule(AttentionOp op) {
  constexpr int64_t kWarpRows = 16, kMmaKeys = 8, kLarge = 128;
  int64_t headSize = std::max(op.getKeyHeadSize(), op.getValueHeadSize());
  return ScheduleAttr::get(op.getContext(), kRows, headSize <= kLarge ? 64 : 32, /*lanes=*/1, kWarpRows, kMmaKeys);
}

constexpr int64_t kWarpgroupRows = 64;

/// Two warpgroups of 64 rows. Of their 232 registers a thread, scores take 64, weights 32 and accumulators half a head
/// size; two blocks of keys and values of a head of 128 and the queries are 160 KiB.
ScheduleAttr chooseWarpgroupSchedule(AttentionOp op) {
  constexpr int64_t kGroupRows = 128, kKeys = 128, kWarpLanes = 32, kMmaKeys = 8;
  return ScheduleAttr::get(op.getContext(), kGroupRows, kKeys, kWarpLanes, kWarpgroupRows, kMmaKeys);
}

/// Why warpgroups cannot compute it, or "".
std::string faultForWarpgroups(AttentionOp op) {
  int64_t keySize = op.getKeyHeadSize(), valueSize = op.getValueHeadSize();
  if (keySize != valueSize || (keySize != 64 && keySize != 128))
    return "warpgroups take equal head sizes of 64 or 128, not " + std::to_string(keySize) + " and " +
           std::to_string(valueSize);
  for (Value tensor : {op.getQuery(), op.getKey(), op.getValue()})
    if (!isa<BlockArgument>(tensor))
      return "warpgroups take query, key and value that are whole arguments of the kernel";
  // What is known to be decoding. Where the number of rows is known at run time only, warpgroups compute few as well,
  // one head at a time and without splits.
  int64_t rows = op.getQueryType().getDimSize(AttentionOp::dimensionOrder(op.getLayout())[2]);
  if (!ShapedType::isDynamic(rows) && rows <= kRows)
    return "with " + std::to_string(rows) + " query rows, tiles of " + std::to_string(kRows) +
           " that take several heads, and keys in splits, fill a GPU better";
  return "";
}

struct ScheduleGpuPass : fovea::attn::impl::ScheduleGpuBase<ScheduleGpuPass> {
  using ScheduleGpuBase::ScheduleGpuBase;

  void runOnOperation() override {
    getOperation().walk([&](AttentionOp op) {
      if (op.getSchedule())
        return;
      std::string fault = warpgroups ? faultForWarpgroups(op) : "";
      if (!fault.empty())
        remark::missed(op.getLoc(), remark::RemarkOpts::name("Warpgroups").category("attn"))
            << remark::reason("computed by warps with mma.sync: {0}", fault);
      op.setScheduleAttr(warpgroups && fault.empty() ? chooseWarpgroupSchedule(op) : chooseGpuSchedule(op));
      ScheduleAttr schedule = *op.getSchedule();
      bool isWarpgroup = schedule.getPanel() == kWarpgroupRows;
      remark::passed(op.getLoc(), remark::RemarkOpts::name("Schedule").category("attn"))
          << remark::reason("{0} {1} of {2} rows", schedule.getQueryTile() / schedule.getPanel(),
                            isWarpgroup ? "warpgroups" : "warps", schedule.getPanel())
          << remark::metric("query_tile", schedule.getQueryTile())
          << remark::metric("key_block", schedule.getKeyBlock());
    });
  }
};

} // namespace
