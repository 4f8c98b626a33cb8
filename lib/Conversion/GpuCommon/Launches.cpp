// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Launches.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace fovea;

static constexpr StringLiteral kAttribute = "fovea.launches";

DenseI64ArrayAttr fovea::alignedParams(attn::AttentionOp op) {
  SmallVector<int64_t> params;
  for (Value value : {op.getQuery(), op.getKey(), op.getValue(), op.getOuts()[0]}) {
    while (auto cast = value.getDefiningOp<memref::CastOp>())
      value = cast.getSource();
    if (auto argument = dyn_cast<BlockArgument>(value))
      params.push_back(argument.getArgNumber());
  }
  return DenseI64ArrayAttr::get(op.getContext(), params);
}

Launches::Launches(ModuleOp module) : module(module) {
  if (auto before = module->getAttrOfType<DictionaryAttr>(kAttribute))
    launches = before;
}

/// Of an entry point.
static NamedAttrList describe(Builder b, const Launch &launch) {
  NamedAttrList fields;
  fields.set("threads", b.getI64IntegerAttr(launch.threads));
  fields.set("shared_bytes", b.getI64IntegerAttr(launch.sharedBytes));
  if (launch.blocksPerMultiprocessor)
    fields.set("blocks_per_multiprocessor", b.getI64IntegerAttr(launch.blocksPerMultiprocessor));
  if (launch.tensorMaps)
    fields.set("tensor_maps", launch.tensorMaps);
  return fields;
}

void Launches::add(StringRef kernel, const Launch &launch) {
  NamedAttrList fields = describe(Builder(module.getContext()), launch);
  fields.set("aligned", launch.aligned);
  launches.set(kernel, fields.getDictionary(module.getContext()));
  isChanged = true;
}

LogicalResult Launches::addFallback(StringRef kernel, const Launch &launch) {
  auto before = dyn_cast_or_null<DictionaryAttr>(launches.get(kernel));
  if (!before)
    return failure();
  NamedAttrList fields(before);
  fields.set("fallback", describe(Builder(module.getContext()), launch).getDictionary(module.getContext()));
  launches.set(kernel, fields.getDictionary(module.getContext()));
  isChanged = true;
  return success();
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
