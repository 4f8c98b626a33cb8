// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "fovea/Dialect/Attn/Transforms/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/Support/MathExtras.h"

namespace fovea::attn {
#define GEN_PASS_DEF_PLANARENA
#include "fovea/Dialect/Attn/Transforms/Passes.h.inc"
} // namespace fovea::attn

using namespace mlir;
using namespace fovea::attn;

namespace {

constexpr int64_t kArenaAlignment = 64; // a cache line, and the widest vector load

/// Bytes of a static buffer, or nothing when the size is dynamic or overflows.
std::optional<int64_t> byteSize(MemRefType type) {
  if (!type.hasStaticShape() || !type.getLayout().isIdentity() || !type.getElementType().isIntOrFloat())
    return std::nullopt;
  int64_t bytes = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  for (int64_t size : type.getShape())
    if (llvm::MulOverflow(bytes, size, bytes))
      return std::nullopt;
  return llvm::alignTo(bytes, kArenaAlignment);
}

LogicalResult planArena(TaskOp task) {
  SmallVector<memref::AllocOp> buffers;
  task.walk([&](memref::AllocOp op) { buffers.push_back(op); });
  // Buffers live for the whole task: a state spans the key loop, and a tile is reused by each of its blocks.
  int64_t total = 0;
  SmallVector<int64_t> offsets;
  for (memref::AllocOp buffer : buffers) {
    std::optional<int64_t> bytes = byteSize(buffer.getType());
    if (!bytes)
      return buffer.emitOpError("inside a task must have a static shape: scratch is planned before anything runs");
    offsets.push_back(total);
    if (llvm::AddOverflow(total, *bytes, total))
      return buffer.emitOpError("makes the scratch of its task larger than the address space");
  }
  OpBuilder builder(task.getContext());
  builder.setInsertionPointToStart(&task.getBody().front());
  auto arenaType = MemRefType::get({total}, builder.getI8Type());
  Value arena = memref::AllocOp::create(builder, task.getLoc(), arenaType, builder.getI64IntegerAttr(kArenaAlignment));
  for (auto [buffer, offset] : llvm::zip_equal(buffers, offsets)) {
    Value shift = arith::ConstantIndexOp::create(builder, buffer.getLoc(), offset);
    Value view = memref::ViewOp::create(builder, buffer.getLoc(), buffer.getType(), arena, shift, ValueRange{});
    buffer.replaceAllUsesWith(view);
  }
  for (memref::AllocOp buffer : buffers) // not earlier: one of them may stand at the insertion point
    buffer.erase();
  return success();
}

struct PlanArenaPass : fovea::attn::impl::PlanArenaBase<PlanArenaPass> {
  void runOnOperation() override {
    WalkResult result = getOperation().walk(
        [](TaskOp task) { return failed(planArena(task)) ? WalkResult::interrupt() : WalkResult::advance(); });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace
