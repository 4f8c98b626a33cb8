// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Pipeline.h"

#include "../GpuCommon/Launches.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace fovea;

std::string fovea::tensorMapName(int64_t which) { return kTensorMapPrefix.str() + std::to_string(which); }

static StringRef nameOf(Source source) {
  return source == Source::Query ? "queries" : source == Source::Key ? "keys" : "values";
}

static std::string purposeOf(StringRef what, Source source) { return (what + nameOf(source)).str(); }

Slot Pipeline::slot(Value number) { return {b.rem(number, geometry.stages), b.rem(b.div(number, geometry.stages), 2)}; }

/// Queries; keys full, keys empty, values full, values empty, `stages` of each.
Value Pipeline::barrier(Source source, bool isFull, Value stage) {
  int64_t first = geometry.barrierBase();
  if (source == Source::Query)
    return b.shared(thread.shared, b.i32(first));
  int64_t ring = (source == Source::Value ? 2 : 0) + (isFull ? 0 : 1);
  first += (1 + ring * geometry.stages) * kBarrierBytes;
  return b.shared(thread.shared, b.add(b.mul(stage, kBarrierBytes), first));
}

Value Pipeline::offset(Source source, Value stage) {
  if (source == Source::Query)
    return b.i32(0);
  int64_t base = source == Source::Key ? geometry.keyBase() : geometry.valueBase();
  return b.add(b.mul(stage, geometry.blockBytes()), base);
}

void Pipeline::initialize() {
  Purpose purpose(b, "start of the pipeline");
  Value isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, thread.id, b.i32(0));
  b.when(isFirst, [&] {
    Value one = b.i32(1), consumers = b.i32(geometry.consumers());
    NVVM::MBarrierInitOp::create(b, barrier(Source::Query, true, Value()), one, Value());
    for (int64_t stage = 0; stage < geometry.stages; ++stage)
      for (Source source : {Source::Key, Source::Value}) {
        NVVM::MBarrierInitOp::create(b, barrier(source, true, b.i32(stage)), one, Value());
        NVVM::MBarrierInitOp::create(b, barrier(source, false, b.i32(stage)), consumers, Value());
      }
    NVVM::FenceMbarrierInitOp::create(b);
  });
  NVVM::Barrier0Op::create(b);
}

void Pipeline::wait(Value barrier, Value parity) {
  constexpr int64_t kTicks = 10000000; // of one attempt, in nanoseconds at most; it is repeated
  NVVM::MBarrierTryWaitParityOp::create(b, barrier, parity, b.i32(kTicks));
}

void Pipeline::produce(Source source, Slot slot, Value row, Value head, Value batch) {
  if (source != Source::Query) {
    // Of the first round, which nothing was read before: the phase before phase 0 counts as over.
    Purpose purpose(b, purposeOf("wait for room for ", source));
    wait(barrier(source, false, slot.stage), b.bitXor(slot.parity, 1));
  }
  Purpose purpose(b, purposeOf("copy of ", source));
  int64_t rows = rowsOf(source);
  Value full = barrier(source, true, slot.stage);
  NVVM::MBarrierArriveExpectTxOp::create(b, Type(), full, b.i32(rows * geometry.panels() * kSwizzleBytes),
                                         NVVM::MemScopeKind::CTA, /*relaxed=*/false, Value());
  auto generic = LLVM::LLVMPointerType::get(b.getContext());
  auto cluster = LLVM::LLVMPointerType::get(b.getContext(), unsigned(NVVM::NVVMMemorySpace::SharedCluster));
  Value map = LLVM::AddressOfOp::create(b, generic, tensorMapName(int64_t(source)));
  for (int64_t panel = 0; panel < geometry.panels(); ++panel) {
    Value place = b.add(offset(source, slot.stage), panel * rows * kSwizzleBytes);
    Value target = LLVM::AddrSpaceCastOp::create(b, cluster, b.shared(thread.shared, place));
    Values at = {b.i32(panel * kPanelColumns), row, head, batch}; // the innermost dimension first
    if (layout == attn::Layout::BNHD)
      std::swap(at[1], at[2]);
    NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp::create(b, target, map, at, full, ValueRange(), Value(), Value(),
                                                           NVVM::TMALoadMode::TILE, /*isCTAOnly=*/false,
                                                           NVVM::CTAGroupKindAttr(), Value());
  }
}

void Pipeline::awaitFull(Source source, Slot slot) {
  Purpose purpose(b, purposeOf("wait for ", source));
  wait(barrier(source, true, slot.stage), slot.parity);
}

void Pipeline::release(Source source, Slot slot) {
  Purpose purpose(b, purposeOf("release of ", source));
  Value isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, b.rem(thread.id, kWarpgroupThreads), b.i32(0));
  b.when(isFirst, [&] {
    NVVM::MBarrierArriveOp::create(b, Type(), barrier(source, false, slot.stage), Value(), NVVM::MemScopeKind::CTA,
                                   /*relaxed=*/false);
  });
}
