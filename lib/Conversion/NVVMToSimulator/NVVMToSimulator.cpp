// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The simulator's side of these calls is lib/Simulator/Calls.cpp.
#include "../Common/KernelValues.h"
#include "../GpuCommon/Launches.h"
#include "../GpuCommon/WarpEmitter.h"
#include "AsyncOps.h"
#include "fovea/Conversion/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/ADT/TypeSwitch.h"

namespace fovea {
#define GEN_PASS_DEF_CONVERTNVVMTOSIMULATOR
#include "fovea/Conversion/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;

namespace {

class Simulation : CallEmitter {
public:
  explicit Simulation(ModuleOp module) : CallEmitter(module), async(*this) {}

  LogicalResult convert(StringRef name, DictionaryAttr launch, int64_t seed) {
    auto fallback = launch.getAs<DictionaryAttr>("fallback");
    func::FuncOp thread = renameTask(name), other = fallback ? renameTask(fallbackName(name)) : func::FuncOp();
    if (!thread || (fallback && !other))
      return failure();
    emitTask(name, launch, thread, fallback, other, seed);
    return failure(failed(convert(thread, bool(launch.get("tensor_maps")))) ||
                   (other && failed(convert(other, /*hasTensorMaps=*/false))));
  }

private:
  static constexpr int64_t kOperandBytes = 64; // an mma's, the most

  LogicalResult convert(func::FuncOp thread, bool hasTensorMaps) {
    b.setInsertionPointToStart(&thread.front());
    operands = buffer(kOperandBytes);
    results = buffer(kOperandBytes);
    async.begin(hasTensorMaps);
    SmallVector<Operation *> ops;
    thread.walk([&](Operation *op) {
      if (!isa<LLVM::ExtractValueOp>(op)) // goes with the struct that it is of
        ops.push_back(op);
    });
    for (Operation *op : ops)
      if (failed(replace(op)))
        return failure();
    return success();
  }

  /// NAME_task becomes NAME_thread; null, and reported, if it is not there.
  func::FuncOp renameTask(StringRef name) {
    auto task = module.lookupSymbol<func::FuncOp>((name + "_task").str());
    if (!task) {
      module.emitError("has no '") << name << "_task', which fovea.launches speaks of";
      return task;
    }
    task.setName((name + "_thread").str());
    return task;
  }

  /// How a block of some entry point is launched: its code, name, threads, shared memory.
  SmallVector<Value> describeLaunch(StringRef name, func::FuncOp thread, DictionaryAttr launch) {
    Value function =
        func::ConstantOp::create(b, thread.getFunctionType(), FlatSymbolRefAttr::get(thread.getSymNameAttr()));
    // The conversion to LLVM makes a pointer of the function; this cast becomes one between equal types.
    Value body = UnrealizedConversionCastOp::create(b, pointer(), function).getResult(0);
    return {body, text(name), constant(launch.getAs<IntegerAttr>("threads").getInt(), 32),
            constant(launch.getAs<IntegerAttr>("shared_bytes").getInt(), 64)};
  }

  /// A NAME_task that has NAME_thread run by every thread of the block, or its fallback where TMA refuses an argument.
  void emitTask(StringRef name, DictionaryAttr launch, func::FuncOp thread, DictionaryAttr fallback, func::FuncOp other,
                int64_t seed) {
    b.setLoc(thread.getLoc());
    b.setInsertionPoint(thread);
    auto task = func::FuncOp::create(b, (name + "_task").str(), thread.getFunctionType());
    b.setInsertionPointToStart(task.addEntryBlock());
    SmallVector<Value> block = describeLaunch(name, thread, launch);
    if (auto maps = launch.getAs<ArrayAttr>("tensor_maps"))
      async.makeTensorMaps(task.getArgument(0), maps);
    if (fallback) {
      Value areRefused = call("fovea_sim_drop_refused_maps", b.getI32Type(), {});
      Value isOther = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, areRefused, constant(0, 32));
      for (auto [one, two] : llvm::zip(block, describeLaunch(fallbackName(name), other, fallback)))
        one = LLVM::SelectOp::create(b, isOther, two, one);
    }
    Value status = call("fovea_sim_run", b.getI32Type(),
                        {block[0], task.getArgument(0), task.getArgument(1), block[2], block[3], constant(seed, 64),
                         block[1], tensorTable(name), tensorNames(name)});
    func::ReturnOp::create(b, status);
  }

  /// The simulator's TensorTable.
  Value tensorTable(StringRef kernel) {
    SmallVector<int32_t> numbers;
    for (const fovea::KernelValue &value : fovea::kernelValues(module, kernel))
      numbers.append(
          {int32_t(value.rank), int32_t(value.elementBytes), value.isExchanged ? 2 : int32_t(value.isWritten)});
    numbers.insert(numbers.begin(), int32_t(numbers.size() / 3));
    auto type = LLVM::LLVMArrayType::get(b.getI32Type(), numbers.size());
    auto content = DenseElementsAttr::get(RankedTensorType::get({int64_t(numbers.size())}, b.getI32Type()),
                                          ArrayRef<int32_t>(numbers));
    return LLVM::AddressOfOp::create(b, addConstant(type, "fovea_tensors_" + kernel, content));
  }

  Value tensorNames(StringRef kernel) {
    std::string names;
    for (const fovea::KernelValue &value : fovea::kernelValues(module, kernel))
      names += value.name.str() + '\0';
    return text(names);
  }

  LLVM::GlobalOp addConstant(Type type, const Twine &name, Attribute content) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(module.getBody());
    return LLVM::GlobalOp::create(b, type, /*isConstant=*/true, LLVM::Linkage::Private, name.str(), content);
  }

  LogicalResult replace(Operation *op) {
    b.setLoc(op->getLoc());
    b.setInsertionPoint(op);
    FailureOr<bool> isAsync = async.replace(op);
    if (failed(isAsync) || *isAsync)
      return success(succeeded(isAsync));
    return llvm::TypeSwitch<Operation *, LogicalResult>(op)
        .Case([&](NVVM::ThreadIdXOp) { return finish(op, call("fovea_sim_thread_id", b.getI32Type(), {})), success(); })
        .Case([&](LLVM::AddressOfOp o) { return replaceShared(o), success(); })
        .Case([&](NVVM::CpAsyncOp o) { return replaceCopy(o), success(); })
        .Case([&](NVVM::CpAsyncCommitGroupOp) {
          call("fovea_sim_commit_group", {}, {});
          return finish(op), success();
        })
        .Case([&](NVVM::CpAsyncWaitGroupOp o) {
          call("fovea_sim_wait_group", {}, {constant(o.getN(), 32)});
          return finish(op), success();
        })
        .Case([&](NVVM::Barrier0Op) {
          call("fovea_sim_barrier", {}, {place(op)});
          return finish(op), success();
        })
        .Case([&](NVVM::BarrierOp o) { return replaceBarrier(o); })
        .Case([&](LLVM::CallIntrinsicOp o) { return replaceIntrinsic(o); })
        .Case([&](LLVM::AtomicRMWOp o) { return replaceAtomic(o); })
        .Case([&](LLVM::FenceOp o) { return replaceFence(o); })
        .Case([&](NVVM::ShflOp o) { return replaceShuffle(o); })
        .Case([&](NVVM::LdMatrixOp o) { return replaceLdMatrix(o); })
        .Case([&](NVVM::MmaOp o) { return replaceMma(o); })
        .Case([&](arith::TruncFOp o) { return replacePack(o), success(); })
        .Case([&](LLVM::LoadOp o) { return checkAccess(o.getAddr(), o.getType(), "read", o), success(); })
        .Case([&](LLVM::StoreOp o) { return checkAccess(o.getAddr(), o.getValue().getType(), "write", o), success(); })
        .Case([&](memref::LoadOp o) {
          return checkElement(o.getMemRef(), o.getIndices(), "fovea_sim_global_read", o), success();
        })
        .Case([&](memref::StoreOp o) {
          return checkElement(o.getMemRef(), o.getIndices(), "fovea_sim_global_write", o), success();
        })
        .Default([&](Operation *o) -> LogicalResult {
          if (isa_and_nonnull<NVVM::NVVMDialect>(o->getDialect()))
            return unknown(o);
          return success();
        });
  }

  LogicalResult unknown(Operation *op) { return op->emitOpError("is nothing that the simulator knows in this form"); }

  void replaceShared(LLVM::AddressOfOp op) {
    if (op.getGlobalName() != kSharedName)
      return;
    Value start = call("fovea_sim_shared", pointer(), {});
    finish(op, LLVM::AddrSpaceCastOp::create(b, op.getType(), start));
  }

  void replaceCopy(NVVM::CpAsyncOp op) {
    Value bytes = constant(op.getSize(), 32);
    Value valid = op.getCpSize() ? op.getCpSize() : bytes;
    call("fovea_sim_cp_async", {}, {generic(op.getDst()), generic(op.getSrc()), bytes, valid, place(op)});
    finish(op);
  }

  LogicalResult replaceBarrier(NVVM::BarrierOp op) {
    if (op.getBarrierId() && op.getNumberOfThreads() && !op.getReductionOp()) {
      call("fovea_sim_barrier_of_some", b.getI32Type(),
           {op.getBarrierId(), op.getNumberOfThreads(), constant(0, 32), place(op)});
      return finish(op), success();
    }
    if (op.getBarrierId() || op.getNumberOfThreads() || op.getReductionOp() != NVVM::BarrierReduction::OR)
      return unknown(op);
    finish(op, call("fovea_sim_barrier_or", b.getI32Type(), {op.getReductionPredicate(), place(op)}));
    return success();
  }

  LogicalResult replaceIntrinsic(LLVM::CallIntrinsicOp op) {
    if (op.getIntrin() != kBarrierOfSomeOr)
      return unknown(op);
    ValueRange operands = op.getArgs();
    Value predicate = LLVM::ZExtOp::create(b, b.getI32Type(), operands[2]);
    Value any = call("fovea_sim_barrier_of_some", b.getI32Type(), {operands[0], operands[1], predicate, place(op)});
    finish(op, LLVM::TruncOp::create(b, b.getI1Type(), any));
    return success();
  }

  LogicalResult replaceAtomic(LLVM::AtomicRMWOp op) {
    auto type = cast<LLVM::LLVMPointerType>(op.getPtr().getType());
    if (op.getBinOp() != LLVM::AtomicBinOp::add || !op.getType().isInteger(32) ||
        type.getAddressSpace() != unsigned(NVVM::NVVMMemorySpace::Global))
      return unknown(op);
    // PTX's atom is relaxed, whatever the op says; fences around it release and acquire.
    finish(op, call("fovea_sim_global_add", b.getI32Type(), {generic(op.getPtr()), op.getVal(), place(op)}));
    return success();
  }

  /// Those that other blocks are in: release and acquire.
  LogicalResult replaceFence(LLVM::FenceOp op) {
    if (op.getOrdering() != LLVM::AtomicOrdering::acq_rel && op.getOrdering() != LLVM::AtomicOrdering::seq_cst)
      return unknown(op);
    StringRef scope = op.getSyncscope().value_or("");
    if (scope.empty() || scope == "device")
      call("fovea_sim_fence", {}, {});
    return finish(op), success();
  }

  static int64_t bytesOf(Type type) {
    auto vector = dyn_cast<VectorType>(type);
    Type element = vector ? vector.getElementType() : type;
    int64_t bits = element.isIndex() ? 64 : element.getIntOrFloatBitWidth();
    return (vector ? vector.getNumElements() : 1) * ((bits + 7) / 8);
  }

  /// Loads and stores stay as they are, behind a look at where they go.
  void checkAccess(Value address, Type type, StringRef kind, Operation *op) {
    auto space = NVVM::NVVMMemorySpace(cast<LLVM::LLVMPointerType>(address.getType()).getAddressSpace());
    if (space == NVVM::NVVMMemorySpace::Global || space == NVVM::NVVMMemorySpace::Shared)
      call(("fovea_sim_" + Twine(space == NVVM::NVVMMemorySpace::Global ? "global_" : "shared_") + kind).str(), {},
           {generic(address), constant(bytesOf(type), 64), place(op)});
  }

  /// Elements of an argument, by its descriptor; constants and views are not looked at.
  void checkElement(Value memref, ValueRange indices, StringRef callee, Operation *op) {
    auto cast = memref.getDefiningOp<UnrealizedConversionCastOp>();
    auto type = cast ? dyn_cast<LLVM::LLVMStructType>(cast.getOperand(0).getType()) : LLVM::LLVMStructType();
    if (!type)
      return;
    auto field = [&](ArrayRef<int64_t> position) {
      return LLVM::ExtractValueOp::create(b, cast.getOperand(0), position).getResult();
    };
    Value element = field({2}); // the offset
    for (auto [dim, index] : llvm::enumerate(indices)) {
      Value wide = arith::IndexCastOp::create(b, b.getI64Type(), index);
      element = arith::AddIOp::create(b, element, arith::MulIOp::create(b, wide, field({4, int64_t(dim)})));
    }
    int64_t bytes = bytesOf(llvm::cast<MemRefType>(memref.getType()).getElementType());
    Value offset = arith::MulIOp::create(b, element, constant(bytes, 64));
    Value address = LLVM::GEPOp::create(b, pointer(), b.getI8Type(), field({1}), ArrayRef<LLVM::GEPArg>{offset});
    call(callee, {}, {address, constant(bytes, 64), place(op)});
  }

  LogicalResult replaceShuffle(NVVM::ShflOp op) {
    if (op.getKind() != NVVM::ShflKind::bfly || !op.getType().isF32())
      return unknown(op);
    finish(op, call("fovea_sim_shuffle_xor", op.getType(),
                    {op.getVal(), op.getOffset(), op.getThreadMask(), op.getMaskAndClamp(), place(op)}));
    return success();
  }

  LogicalResult replaceLdMatrix(NVVM::LdMatrixOp op) {
    if (op.getNum() != 4 || op.getEltType() != NVVM::LdStMatrixEltType::B16)
      return unknown(op);
    Value isTransposed = constant(op.getLayout() == NVVM::MMALayout::col, 32);
    call("fovea_sim_ldmatrix", {}, {generic(op.getPtr()), isTransposed, results, place(op)});
    finish(op, LLVM::LoadOp::create(b, op.getType(), results, /*alignment=*/4));
    return success();
  }

  LogicalResult replaceMma(NVVM::MmaOp op) {
    NVVM::MMATypes type = op.getMultiplicandAPtxType().value_or(NVVM::MMATypes::f16);
    bool isBFloat = type == NVVM::MMATypes::bf16;
    auto shape = op.getShape();
    if ((!isBFloat && type != NVVM::MMATypes::f16) || shape.getM() != 16 || shape.getN() != 8 || shape.getK() != 16 ||
        op.getOperandC().size() != 4)
      return unknown(op);
    int64_t offset = 0;
    for (Value operand : op->getOperands()) {
      LLVM::StoreOp::create(b, operand, at(operands, offset), /*alignment=*/4);
      offset += 4;
    }
    call("fovea_sim_mma", {}, {operands, results, constant(isBFloat, 32), place(op)});
    finish(op, LLVM::LoadOp::create(b, op.getType(), results, /*alignment=*/4));
    return success();
  }

  /// Processors without instructions for 16-bit floats would call what no library here has.
  void replacePack(arith::TruncFOp op) {
    auto type = dyn_cast<VectorType>(op.getType());
    if (!type || type.getNumElements() != 2 || type.getElementTypeBitWidth() != 16)
      return;
    Value parts[2];
    for (int64_t k = 0; k < 2; ++k)
      parts[k] = LLVM::ExtractElementOp::create(b, op.getIn(), constant(k, 32));
    Value packed = call("fovea_sim_pack", b.getI32Type(),
                        {parts[0], parts[1], constant(type.getElementType().isBF16(), 32), place(op)});
    finish(op, LLVM::BitcastOp::create(b, type, packed));
  }

  AsyncOps async;
  Value operands, results; // of the operation that is called
};

struct ConvertNVVMToSimulatorPass : fovea::impl::ConvertNVVMToSimulatorBase<ConvertNVVMToSimulatorPass> {
  using ConvertNVVMToSimulatorBase::ConvertNVVMToSimulatorBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto launches = module->getAttrOfType<DictionaryAttr>("fovea.launches");
    if (!launches) {
      module.emitError("has no kernels for a GPU: fovea.launches is missing after phase target");
      return signalPassFailure();
    }
    Simulation simulation(module);
    for (NamedAttribute launch : launches)
      if (failed(simulation.convert(launch.getName(), cast<DictionaryAttr>(launch.getValue()), seed)))
        return signalPassFailure();
    for (auto global : llvm::make_early_inc_range(module.getOps<LLVM::GlobalOp>()))
      if (global.getSymName() == kSharedName || global.getSymName().starts_with(kTensorMapPrefix))
        global.erase();
  }
};

} // namespace
