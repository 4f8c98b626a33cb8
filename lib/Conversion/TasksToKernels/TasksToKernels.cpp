// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "../Common/KernelValues.h"
#include "../GpuCommon/Launches.h"
#include "fovea/Conversion/Passes.h"
#include "fovea/fovea_abi.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace fovea {
#define GEN_PASS_DEF_CONVERTTASKSTOKERNELS
#include "fovea/Conversion/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;

namespace {

constexpr int64_t kMaxParameterBytes = 4096;                       // of a kernel: sm_80 has no more
constexpr int64_t kTensorMapBytes = 128, kTensorMapAlignment = 64; // CUtensorMap

struct ConvertTasksToKernelsPass : fovea::impl::ConvertTasksToKernelsBase<ConvertTasksToKernelsPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto launches = module->getAttrOfType<DictionaryAttr>("fovea.launches");
    if (!launches || !module->getAttrOfType<ArrayAttr>("fovea.kernels")) {
      module.emitError("has no kernels for a GPU: fovea.launches and fovea.kernels are missing after phase target");
      return signalPassFailure();
    }
    for (NamedAttribute launch : launches) {
      StringRef kernel = launch.getName();
      auto fields = cast<DictionaryAttr>(launch.getValue());
      if (failed(convert(kernel, kernel, fields)))
        return signalPassFailure();
      if (auto fallback = fields.getAs<DictionaryAttr>("fallback"))
        if (failed(convert(kernel, fallbackName(kernel), fallback)))
          return signalPassFailure();
    }
    for (auto function : llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
      function.erase(); // the host's
    for (auto global : llvm::make_early_inc_range(module.getOps<LLVM::GlobalOp>()))
      if (global.getSymName().starts_with(kTensorMapPrefix))
        global.erase(); // arguments now
  }

private:
  /// An entry point of `kernel`, whose values it takes.
  LogicalResult convert(StringRef kernelName, StringRef name, DictionaryAttr launch) {
    MLIRContext *context = &getContext();
    auto task = getOperation().lookupSymbol<func::FuncOp>((name + "_task").str());
    if (!task)
      return getOperation().emitError("has no '") << name << "_task', which fovea.launches speaks of";
    int64_t bytes = int64_t(kernelValues(getOperation(), kernelName).size() * sizeof(fovea_value));
    Type pointer = LLVM::LLVMPointerType::get(context);
    auto maps = launch.getAs<ArrayAttr>("tensor_maps");
    int64_t mapBytes = maps ? int64_t(maps.size()) * kTensorMapBytes + kTensorMapAlignment : 0;
    if (bytes + int64_t(sizeof(void *)) + mapBytes > kMaxParameterBytes)
      return task.emitError("kernel '") << kernelName << "' has more arguments than fit into the " << kMaxParameterBytes
                                        << " bytes that a launch passes; at most "
                                        << (kMaxParameterBytes - mapBytes) / int64_t(sizeof(fovea_value))
                                        << " are possible";
    ImplicitLocOpBuilder b(task.getLoc(), OpBuilder::atBlockBegin(&task.front()));

    // The task of this block.
    BlockArgument tasks = task.getArgument(1);
    Value block = NVVM::BlockIdXOp::create(b, b.getI32Type());
    auto record = LLVM::LLVMArrayType::get(b.getI8Type(), sizeof(fovea_task));
    auto own = LLVM::GEPOp::create(b, pointer, record, tasks,
                                   ArrayRef<LLVM::GEPArg>{LLVM::ZExtOp::create(b, b.getI64Type(), block).getResult()});
    tasks.replaceAllUsesExcept(own, own);

    // values by value, tasks, tensor maps by value; no arena, no status
    Operation *terminator = task.front().getTerminator();
    b.setInsertionPoint(terminator);
    LLVM::ReturnOp::create(b, ValueRange());
    terminator->erase();
    task.front().eraseArgument(2);
    b.setInsertionPoint(task);
    passTensorMaps(task, maps ? maps.size() : 0);
    SmallVector<Type> types(task.front().getNumArguments(), pointer);
    auto kernel =
        LLVM::LLVMFuncOp::create(b, name, LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), types));
    kernel.getBody().takeBody(task.getBody());
    auto byValue = [&](int64_t size, int64_t alignment) {
      NamedAttrList attributes;
      attributes.set("llvm.byval", TypeAttr::get(LLVM::LLVMArrayType::get(b.getI8Type(), size)));
      attributes.set("llvm.align", b.getI64IntegerAttr(alignment));
      attributes.set(NVVM::NVVMDialect::getGridConstantAttrName(), b.getUnitAttr());
      return attributes.getDictionary(context);
    };
    SmallVector<DictionaryAttr> attributes(types.size(), byValue(kTensorMapBytes, kTensorMapAlignment));
    attributes[0] = byValue(bytes, alignof(fovea_value));
    attributes[1] = DictionaryAttr::get(context);
    kernel.setAllArgAttrs(attributes);
    kernel->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(), b.getUnitAttr());
    int32_t threads = int32_t(launch.getAs<IntegerAttr>("threads").getInt());
    kernel->setAttr(NVVM::NVVMDialect::getReqntidAttrName(), b.getDenseI32ArrayAttr({threads, 1, 1}));
    int64_t blocks = 0;
    if (auto wanted = launch.getAs<IntegerAttr>("blocks_per_multiprocessor"))
      blocks = wanted.getInt();
    // ptxas lets warpgroups trade registers where it knows how many a thread begins with.
    else if (kernel.walk([](NVVM::SetMaxRegisterOp) { return WalkResult::interrupt(); }).wasInterrupted())
      blocks = 1;
    if (blocks)
      kernel->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(), b.getI32IntegerAttr(int32_t(blocks)));
    kernel.walk([](Operation *op) { useInstruction(op); });
    return success();
  }

  /// The globals that stand for tensor maps become arguments, behind the others.
  static void passTensorMaps(func::FuncOp task, size_t count) {
    Block &body = task.front();
    unsigned first = body.getNumArguments();
    for (size_t k = 0; k < count; ++k)
      body.addArgument(body.getArgument(0).getType(), task.getLoc());
    task.walk([&](LLVM::AddressOfOp op) {
      unsigned which;
      StringRef name = op.getGlobalName();
      if (!name.consume_front(kTensorMapPrefix) || name.getAsInteger(10, which) || which >= count)
        return;
      op.replaceAllUsesWith(body.getArgument(first + which));
      op.erase();
    });
  }

  /// 2^x and log2 x of f32: two units in the last place, and numbers below 2^-126 are zero.
  static void useInstruction(Operation *op) {
    StringRef name = isa<math::Exp2Op>(op)   ? "llvm.nvvm.ex2.approx.ftz.f"
                     : isa<math::Log2Op>(op) ? "llvm.nvvm.lg2.approx.ftz.f"
                                             : "";
    if (name.empty() || !op->getResult(0).getType().isF32())
      return;
    OpBuilder builder(op);
    auto call = LLVM::CallIntrinsicOp::create(builder, op->getLoc(), op->getResult(0).getType(),
                                              builder.getStringAttr(name), op->getOperands());
    op->replaceAllUsesWith(call->getResults());
    op->erase();
  }
};

} // namespace
