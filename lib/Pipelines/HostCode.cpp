// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "HostCode.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace {

struct KeepHostCode : PassWrapper<KeepHostCode, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(KeepHostCode)
  StringRef getName() const override { return "KeepHostCode"; }

  void runOnOperation() override {
    auto kernels = getOperation()->getAttrOfType<ArrayAttr>("fovea.kernels");
    if (!kernels) {
      getOperation().emitError("has no kernels: fovea.kernels is missing after phase target");
      return signalPassFailure();
    }
    llvm::StringSet<> kept;
    for (auto kernel : kernels.getAsRange<DictionaryAttr>())
      for (StringRef suffix : {"_plan", "_classify"}) {
        std::string name = (kernel.getAs<StringAttr>("name").getValue() + suffix).str();
        if (!getOperation().lookupSymbol<func::FuncOp>(name)) {
          getOperation().emitError("has no '")
              << name << "', which the host would run: start from phase target or an earlier one";
          return signalPassFailure();
        }
        kept.insert(name);
      }
    for (auto function : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>()))
      if (!kept.contains(function.getName()))
        function.erase();
    for (auto global : llvm::make_early_inc_range(getOperation().getOps<LLVM::GlobalOp>()))
      if (global.getAddrSpace() != 0) // shared memory
        global.erase();
  }
};

} // namespace

std::unique_ptr<Pass> fovea::createKeepHostCode() { return std::make_unique<KeepHostCode>(); }
