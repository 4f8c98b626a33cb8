// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The simulator's side of these calls is lib/Simulator/CallsAsync.cpp.
#include "AsyncOps.h"

#include "../GpuCommon/Launches.h"
#include "fovea/fovea_abi.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace fovea;

static constexpr StringLiteral kProduct = "wgmma.mma_async.sync.aligned.", kWait = "wgmma.wait_group.sync.aligned ",
                               kFence = "wgmma.fence.sync.aligned;";
static constexpr int64_t kMaxAccumulators = 128, kOperandBytes = 64; // at least a ProductOperands of Wgmma.h

static LogicalResult unknown(Operation *op) {
  return op->emitOpError("is nothing that the simulator knows in this form");
}

static bool isShared(Value address) {
  auto type = dyn_cast<LLVM::LLVMPointerType>(address.getType());
  return type && type.getAddressSpace() == unsigned(NVVM::NVVMMemorySpace::Shared);
}

void AsyncOps::makeTensorMaps(Value values, ArrayAttr maps) {
  for (auto map : maps.getAsRange<DictionaryAttr>()) {
    auto box = map.getAs<DenseI64ArrayAttr>("box").asArrayRef();
    Value sides = e.buffer(int64_t(box.size() * sizeof(int64_t)));
    for (auto [dim, side] : llvm::enumerate(box))
      LLVM::StoreOp::create(b, e.constant(side, 64), e.at(sides, int64_t(dim * sizeof(int64_t))));
    int64_t param = map.getAs<IntegerAttr>("param").getInt();
    e.call("fovea_sim_add_tensor_map", {},
           {e.at(values, param * int64_t(sizeof(fovea_value))), sides,
            e.constant(map.getAs<IntegerAttr>("swizzle").getInt(), 64)});
  }
}

void AsyncOps::begin(bool newHasTensorMaps) {
  hasTensorMaps = newHasTensorMaps;
  operands = e.buffer(kOperandBytes);
  accumulators = e.buffer(kMaxAccumulators * int64_t(sizeof(float)));
}

FailureOr<bool> AsyncOps::replace(Operation *op) {
  auto finished = [&](Value replacement = {}) {
    e.finish(op, replacement);
    return true;
  };
  auto if_ = [](LogicalResult result) -> FailureOr<bool> {
    if (failed(result))
      return failure();
    return true;
  };
  return llvm::TypeSwitch<Operation *, FailureOr<bool>>(op)
      .Case([&](LLVM::AddressOfOp o) -> FailureOr<bool> {
        StringRef name = o.getGlobalName();
        int32_t which;
        if (!name.consume_front(kTensorMapPrefix) || name.getAsInteger(10, which))
          return false;
        return finished(e.call("fovea_sim_tensor_map", e.pointer(), {e.constant(which, 32), e.place(op)}));
      })
      .Case([&](NVVM::MBarrierInitOp o) -> FailureOr<bool> {
        e.call("fovea_sim_mbarrier_init", {}, {e.generic(o.getAddr()), o.getCount(), e.place(op)});
        return finished();
      })
      .Case([&](NVVM::FenceMbarrierInitOp) -> FailureOr<bool> {
        e.call("fovea_sim_fence_mbarrier_init", {}, {});
        return finished();
      })
      .Case([&](NVVM::MBarrierArriveOp o) -> FailureOr<bool> {
        if (o.getRes() || o.getCount() || o.getRelaxed())
          return unknown(op);
        e.call("fovea_sim_mbarrier_arrive", {}, {e.generic(o.getAddr()), e.constant(0, 32), e.place(op)});
        return finished();
      })
      .Case([&](NVVM::MBarrierArriveExpectTxOp o) -> FailureOr<bool> {
        if (o.getRes() || o.getRelaxed() || o.getPredicate())
          return unknown(op);
        e.call("fovea_sim_mbarrier_arrive", {}, {e.generic(o.getAddr()), o.getTxcount(), e.place(op)});
        return finished();
      })
      .Case([&](NVVM::MBarrierTryWaitParityOp o) -> FailureOr<bool> {
        e.call("fovea_sim_mbarrier_wait", {}, {e.generic(o.getAddr()), o.getPhase(), e.place(op)});
        return finished();
      })
      .Case([&](NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp) { return if_(replaceCopy(op)); })
      .Case([&](NVVM::WgmmaGroupSyncAlignedOp) -> FailureOr<bool> {
        e.call("fovea_sim_wgmma_commit", {}, {});
        return finished();
      })
      .Case([&](NVVM::WgmmaFenceAlignedOp) -> FailureOr<bool> {
        e.call("fovea_sim_wgmma_fence", {}, {});
        return finished();
      })
      .Case([&](NVVM::FenceProxyOp o) -> FailureOr<bool> {
        if (o.getKind() != NVVM::ProxyKind::async && o.getKind() != NVVM::ProxyKind::async_shared)
          return unknown(op);
        e.call("fovea_sim_fence_proxy", {}, {});
        return finished();
      })
      .Case([&](NVVM::SetMaxRegisterOp o) -> FailureOr<bool> {
        bool isIncrease = o.getAction() == NVVM::SetMaxRegisterAction::increase;
        e.call("fovea_sim_set_registers", {},
               {e.constant(o.getRegCount(), 32), e.constant(isIncrease, 32), e.place(op)});
        return finished();
      })
      .Case([&](LLVM::InlineAsmOp o) { return if_(replaceAssembly(o)); })
      .Case<LLVM::LoadOp, LLVM::StoreOp>([&](auto o) -> FailureOr<bool> {
        if (!hasTensorMaps || !isShared(o.getAddr()))
          return false;
        bool writes = isa<LLVM::StoreOp>(op);
        Type type = writes ? op->getOperand(0).getType() : op->getResult(0).getType();
        auto vector = dyn_cast<VectorType>(type);
        Type element = vector ? vector.getElementType() : type;
        if (!element.isIntOrFloat())
          return unknown(op);
        int64_t bytes = (vector ? vector.getNumElements() : 1) * element.getIntOrFloatBitWidth() / 8;
        e.call("fovea_sim_touch", {},
               {e.generic(o.getAddr()), e.constant(bytes, 64), e.constant(writes, 32), e.place(op)});
        return true; // and the op itself stays
      })
      .Default([](Operation *) -> FailureOr<bool> { return false; });
}

LogicalResult AsyncOps::replaceCopy(Operation *op) {
  auto copy = cast<NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp>(op);
  if (copy.getCoordinates().size() != 4 || copy.getMode() != NVVM::TMALoadMode::TILE || copy.getMulticastMask() ||
      copy.getL2CacheHint() || copy.getPredicate())
    return unknown(op);
  SmallVector<Value> arguments = {e.generic(copy.getDstMem()), copy.getTmaDescriptor()};
  llvm::append_range(arguments, copy.getCoordinates());
  arguments.append({e.generic(copy.getMbar()), e.place(op)});
  e.call("fovea_sim_copy_tensor", {}, arguments);
  e.finish(op);
  return success();
}

LogicalResult AsyncOps::replaceAssembly(LLVM::InlineAsmOp op) {
  StringRef text = op.getAsmString();
  if (text.consume_front(kProduct))
    return replaceProduct(op, text);
  if (text.consume_front(kWait)) {
    int64_t pending;
    if (!text.consume_back(";") || text.trim().getAsInteger(10, pending))
      return unknown(op);
    replaceWait(op, pending);
    return success();
  }
  if (text != kFence)
    return unknown(op);
  e.call("fovea_sim_wgmma_fence", {}, {});
  replaceFields(op, [&](int64_t k) { return op.getOperands()[size_t(k)]; });
  return success();
}

/// The one result is a struct, of which every use takes a field.
void AsyncOps::replaceFields(Operation *op, function_ref<Value(int64_t)> field) {
  for (Operation *user : llvm::make_early_inc_range(op->getResult(0).getUsers())) {
    auto extract = cast<LLVM::ExtractValueOp>(user);
    extract.replaceAllUsesWith(field(extract.getPosition()[0]));
    extract.erase();
  }
  op->erase();
}

std::pair<Value, Value> AsyncOps::pass(ValueRange acc) {
  Value none = LLVM::ZeroOp::create(b, e.pointer());
  if (acc.empty())
    return {none, LLVM::ConstantOp::create(b, b.getF32Type(), b.getF32FloatAttr(0))};
  if (llvm::all_equal(acc))
    return {none, acc[0]};
  for (auto [k, value] : llvm::enumerate(acc))
    LLVM::StoreOp::create(b, value, e.at(accumulators, int64_t(k * sizeof(float))));
  return {accumulators, acc[0]};
}

void AsyncOps::replaceWait(LLVM::InlineAsmOp op, int64_t pending) {
  int64_t count = int64_t(op.getOperands().size());
  auto [acc, first] = pass(op.getOperands());
  e.call("fovea_sim_wgmma_wait", {},
         {e.constant(pending, 32), acc, first, e.constant(count, 32), accumulators, e.place(op)});
  SmallVector<Value> values;
  for (int64_t k = 0; k < count; ++k)
    values.push_back(LLVM::LoadOp::create(b, b.getF32Type(), e.at(accumulators, k * int64_t(sizeof(float)))));
  replaceFields(op, [&](int64_t k) { return values[size_t(k)]; });
}

/// m64nNk16.f32.T.T {accumulators}, A, B, adds, sign of A, sign of B[, A transposed], B transposed;
LogicalResult AsyncOps::replaceProduct(LLVM::InlineAsmOp op, StringRef text) {
  int64_t columns;
  bool hasShape = text.consume_front("m64n") && !text.consumeInteger(10, columns) && text.consume_front("k16.f32.");
  bool isBFloat = hasShape && text.consume_front("bf16.bf16 ");
  if (!hasShape || (!isBFloat && !text.consume_front("f16.f16 ")))
    return unknown(op);
  SmallVector<StringRef> tail; // behind the last list of registers
  text.rsplit('}').second.split(tail, ',');
  for (StringRef &token : tail)
    token = token.trim(" ;");
  bool isFromRegisters = text.count('{') == 2;
  // ", A, B, adds, signs, A transposed, B transposed", or ", B, adds, signs, B transposed"
  size_t first = isFromRegisters ? 2 : 3, inputs = isFromRegisters ? 5 : 2;
  bool adds = tail.size() > first && tail[first] == "1";
  size_t accumulated = adds ? size_t(columns / 2) : 0;
  if (tail.size() != (isFromRegisters ? 6u : 8u) || (!adds && tail[first] != "0") || tail[first + 1] != "1" ||
      tail[first + 2] != "1" || (!isFromRegisters && tail[first + 3] != "0") ||
      op.getOperands().size() != inputs + accumulated)
    return unknown(op);
  // A ProductOperands, field by field.
  int64_t offset = 0;
  auto put = [&](Value value, int64_t bytes) {
    LLVM::StoreOp::create(b, value, e.at(operands, offset));
    offset += bytes;
  };
  Value none64 = e.constant(0, 64), none32 = e.constant(0, 32);
  put(isFromRegisters ? none64 : op.getOperands()[0], 8);
  put(op.getOperands()[inputs - 1], 8);
  for (size_t k = 0; k < 4; ++k)
    put(isFromRegisters ? op.getOperands()[k] : none32, 4);
  put(e.constant(columns, 32), 4);
  for (bool flag : {isBFloat, isFromRegisters, tail.back() == "1", adds})
    put(e.constant(flag, 32), 4);
  auto [acc, value] = pass(op.getOperands().drop_front(inputs));
  // Every accumulator holds the same name until it is waited for.
  Value name = e.call("fovea_sim_wgmma", b.getF32Type(), {operands, acc, value, e.place(op)});
  replaceFields(op, [&](int64_t) { return name; });
  return success();
}
