// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "fovea/Dialect/Attn/Transforms/Passes.h"
#include "fovea/Dialect/Attn/Transforms/Schedules.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <array>

namespace fovea::attn {
#define GEN_PASS_DEF_SCHEDULE
#include "fovea/Dialect/Attn/Transforms/Passes.h.inc"
} // namespace fovea::attn

using namespace mlir;
using namespace fovea::attn;

namespace {

/// microKeys x vectors accumulators; beside them the registers hold a row of vectors and one broadcast key.
struct RegisterTile {
  int64_t vectors, microKeys;
};

/// At least 12 independent chains cover the latency of a FMA: 16 registers hold 4 x 3, which uses each broadcast three
/// times. Of 32, NEON takes 8 x 3: each key costs it a load instruction, which three vectors share. AVX-512 folds that
/// load into its FMA; 8 x 2 is as fast as 8 x 3 there, and a short sequence fills it better.
/// SSE has no FMA: a product needs a register of its own, and only sums are chains, of which 8 are enough.
RegisterTile chooseRegisterTile(int64_t lanes, int64_t registers) {
  if (registers < 32)
    return {lanes < 8 ? 2 : 3, 4};
  return {lanes < 16 ? 3 : 2, 8};
}

} // namespace

ScheduleAttr fovea::attn::chooseSchedule(MLIRContext *context, int64_t lanes, int64_t registers, int64_t keyHeadSize,
                                         int64_t valueHeadSize) {
  auto [vectors, microKeys] = chooseRegisterTile(lanes, registers);
  int64_t panel = vectors * lanes;
  // Query, accumulator, keys and values of a task fit into an L2 of half a MiB, of which the first two take most: each
  // row more shares the reading, and for strided tensors the packing, of every key block. Keys and values of a block
  // stay in L2 while the panels pass over them.
  int64_t headSize = std::max<int64_t>({keyHeadSize, valueHeadSize, 1});
  int64_t rows = std::clamp<int64_t>(65536 / headSize, 64, 512);
  int64_t queryTile = std::max<int64_t>(rows / panel, 1) * panel;
  int64_t keyBlock = std::clamp<int64_t>(16384 / headSize / 64 * 64, 64, 256);
  return ScheduleAttr::get(context, queryTile, keyBlock, lanes, panel, microKeys);
}

/// Positions and heads of query and key.
static std::array<int64_t, 3> staticSizes(AttentionOp op) {
  SmallVector<int64_t, 4> order = AttentionOp::dimensionOrder(op.getLayout());
  ArrayRef<int64_t> query = op.getQueryType().getShape(), key = op.getKeyType().getShape();
  return {query[order[2]], query[order[1]], key[order[1]]};
}

static bool tellsHeadsApart(Region &region) { return !region.empty() && !region.getArgument(1).use_empty(); }

std::optional<FewRows> fovea::attn::fewRows(AttentionOp op) {
  constexpr int64_t kMost = 64;
  auto [queries, heads, kvHeads] = staticSizes(op);
  if (op.isLatent() || ShapedType::isDynamic(queries) || queries < 1 || queries > kMost)
    return std::nullopt;
  bool sharesKeys = !ShapedType::isDynamic(heads) && kvHeads > 0 && heads > kvHeads;
  if (!sharesKeys || op.getAdditive() || tellsHeadsApart(op.getMask()) || tellsHeadsApart(op.getFar()))
    return FewRows{queries, queries};
  int64_t rows = queries * (heads / kvHeads);
  return FewRows{rows <= kMost ? rows : queries, queries};
}

/// No vector without rows, and as many keys as keep the FMA busy: 8 chains at least. Key blocks stay as they are: a row
/// is summed in the same order, whatever stands beside it.
static ScheduleAttr forFewRows(ScheduleAttr schedule, int64_t rows, int64_t registers) {
  int64_t lanes = schedule.getLanes(), vectors = llvm::divideCeil(rows, lanes), panel = schedule.getPanel();
  int64_t microKeys = schedule.getMicroKeys();
  if (vectors * lanes < panel) {
    panel = vectors * lanes;
    microKeys = vectors == 1 || registers >= 32 ? 8 : 4;
  }
  return ScheduleAttr::get(schedule.getContext(), llvm::alignTo(rows, panel), schedule.getKeyBlock(), lanes, panel,
                           microKeys);
}

namespace {

/// Every task of an expanded form makes keys and values of its own, so its rows are many: their states stream through
/// L2 at a byte per cycle. A block of latents, which the absorbed form reads as keys and values, takes a quarter of it.
/// Lanes are heads as well, and columns of projections, numbers that powers of two divide: 6 x 2 vectors of AVX2, not 4
/// x 3.
ScheduleAttr chooseLatentSchedule(MLIRContext *context, int64_t lanes, int64_t registers) {
  constexpr int64_t kRows = 2048;
  auto [vectors, microKeys] = chooseRegisterTile(lanes, registers);
  if (vectors == 3) {
    vectors = 2;
    microKeys = registers < 32 ? 6 : 8;
  }
  int64_t panel = vectors * lanes, kKeyBlock = microKeys == 6 ? 48 : 64;
  return ScheduleAttr::get(context, llvm::divideCeil(kRows, panel) * panel, kKeyBlock, lanes, panel, microKeys);
}

/// What one position costs in memory, and how often a token's queries use each byte of it.
void reportLatent(AttentionOp op) {
  Type element = op.getQueryType().getElementType();
  int64_t bytes = element.getIntOrFloatBitWidth() / 8, row = op.getLatentSize() + op.getSharedSize();
  int64_t expanded = op.getKeyHeadSize() + op.getValueHeadSize(), absorbed = row + op.getLatentSize();
  remark::analysis(op.getLoc(), remark::RemarkOpts::name("Latent").category("attn")) << remark::reason(
      "the cache has {0} bytes for a position, keys and values would have {1} for each head; a pair of "
      "query and key takes {2} multiplications absorbed, {3} expanded, and a head {4} for each query to "
      "absorb it, or for each position to expand it; absorbed, a query head uses each byte for {5} "
      "operations",
      row * bytes, expanded * bytes, absorbed, expanded, op.getLatentSize() * (op.getOwnSize() + op.getValueHeadSize()),
      llvm::formatv("{0:f2}", 2.0 * double(absorbed) / double(row * bytes)).str());
}

struct SchedulePass : fovea::attn::impl::ScheduleBase<SchedulePass> {
  using ScheduleBase::ScheduleBase;
  void runOnOperation() override {
    getOperation().walk([&](AttentionOp op) {
      if (op.isLatent())
        reportLatent(op);
      if (op.getSchedule())
        return;
      ScheduleAttr schedule =
          op.isLatent() ? chooseLatentSchedule(&getContext(), lanes, registers)
                        : chooseSchedule(&getContext(), lanes, registers, op.getKeyHeadSize(), op.getValueHeadSize());
      if (std::optional<FewRows> few = fewRows(op))
        schedule = forFewRows(schedule, few->rows, registers);
      op.setScheduleAttr(schedule);
      int64_t vectors = schedule.getPanel() / schedule.getLanes(), keys = schedule.getMicroKeys();
      remark::passed(op.getLoc(), remark::RemarkOpts::name("Schedule").category("attn"))
          << remark::reason("{0} keys x {1} vectors of {2} queries are {3} accumulators in {4} registers", keys,
                            vectors, lanes.getValue(), keys * vectors, registers.getValue())
          << remark::metric("query_tile", schedule.getQueryTile())
          << remark::metric("key_block", schedule.getKeyBlock()) << remark::metric("lanes", schedule.getLanes())
          << remark::metric("panel", schedule.getPanel()) << remark::metric("micro_keys", schedule.getMicroKeys());
    });
  }
};

} // namespace
