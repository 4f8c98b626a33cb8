// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "KernelValues.h"

using namespace mlir;
using namespace fovea;

static KernelValue describe(DictionaryAttr param) {
  KernelValue value;
  if (auto name = param.getAs<StringAttr>("name"))
    value.name = name.getValue();
  auto typeAttr = param.getAs<TypeAttr>("type");
  auto type = typeAttr ? dyn_cast<MemRefType>(typeAttr.getValue()) : MemRefType();
  if (!type)
    return value;
  value.rank = type.getRank();
  Type element = type.getElementType();
  value.elementBytes = element.isIndex() ? 8 : (element.getIntOrFloatBitWidth() + 7) / 8;
  value.isWritten = param.contains("output");
  return value;
}

SmallVector<KernelValue> fovea::kernelValues(ModuleOp module, StringRef name) {
  SmallVector<KernelValue> values;
  auto kernels = module->getAttrOfType<ArrayAttr>("fovea.kernels");
  if (!kernels)
    return values;
  for (auto kernel : kernels.getAsRange<DictionaryAttr>()) {
    if (kernel.getAs<StringAttr>("name").getValue() != name)
      continue;
    for (auto param : kernel.getAs<ArrayAttr>("params").getAsRange<DictionaryAttr>())
      values.push_back(describe(param));
    if (auto summaries = kernel.getAs<ArrayAttr>("summaries"))
      for (auto summary : summaries.getAsRange<DictionaryAttr>()) {
        KernelValue value = values[size_t(summary.getAs<IntegerAttr>("param").getInt())];
        value.elementBytes = sizeof(int64_t);
        values.push_back(value);
      }
    if (kernel.contains("partials"))
      values.push_back({"partial results", /*rank=*/2, sizeof(int32_t), /*isWritten=*/true, /*isExchanged=*/true});
  }
  return values;
}
