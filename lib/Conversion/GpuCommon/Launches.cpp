// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Launches.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace fovea;

static constexpr StringLiteral kAttribute = "fovea.launches";

Launches::Launches(ModuleOp module) : module(module) {
  if (auto before = module->getAttrOfType<DictionaryAttr>(kAttribute))
    launches = before;
}

void Launches::add(StringRef kernel, int64_t threads, int64_t sharedBytes, ArrayAttr tensorMaps) {
  Builder b(module.getContext());
  NamedAttrList launch;
  launch.set("threads", b.getI64IntegerAttr(threads));
  launch.set("shared_bytes", b.getI64IntegerAttr(sharedBytes));
  if (tensorMaps)
    launch.set("tensor_maps", tensorMaps);
  launches.set(kernel, launch.getDictionary(b.getContext()));
  isChanged = true;
}

void Launches::record(uint64_t alignment) {
  if (!isChanged)
    return;
  module->setAttr(kAttribute, launches.getDictionary(module.getContext()));
  if (auto declared = module.lookupSymbol<LLVM::GlobalOp>(kSharedName)) {
    declared.setAlignment(std::max(declared.getAlignment().value_or(1), alignment));
    return;
  }
  OpBuilder b = OpBuilder::atBlockBegin(module.getBody());
  auto type = LLVM::LLVMArrayType::get(b.getI8Type(), 0);
  LLVM::GlobalOp::create(b, module.getLoc(), type, /*isConstant=*/false, LLVM::Linkage::External, kSharedName,
                         Attribute(), alignment, unsigned(NVVM::NVVMMemorySpace::Shared));
}
