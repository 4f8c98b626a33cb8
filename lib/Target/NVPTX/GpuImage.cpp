// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Target/NVPTX/GpuImage.h"

#include "fovea/Dialect/Attn/Utils/Fallback.h"

using namespace mlir;
using namespace fovea;

static int64_t number(DictionaryAttr from, StringRef name) { return from.getAs<IntegerAttr>(name).getInt(); }

static ArrayRef<int64_t> numbers(DictionaryAttr from, StringRef name) {
  auto list = from.getAs<DenseI64ArrayAttr>(name);
  return list ? list.asArrayRef() : ArrayRef<int64_t>();
}

GpuLaunch::GpuLaunch(DictionaryAttr launch)
    : threads(number(launch, "threads")), sharedBytes(number(launch, "shared_bytes")) {
  if (auto list = launch.getAs<ArrayAttr>("tensor_maps"))
    for (auto map : list.getAsRange<DictionaryAttr>())
      maps.push_back({number(map, "param"), number(map, "swizzle"), numbers(map, "box")});
}

ArrayRef<int64_t> fovea::alignedParams(DictionaryAttr launch) { return numbers(launch, "aligned"); }

DictionaryAttr fovea::fallbackLaunch(DictionaryAttr launch) { return launch.getAs<DictionaryAttr>("fallback"); }

std::string fovea::entryName(StringRef kernel, bool isFallback) {
  return isFallback ? fallbackName(kernel) : kernel.str();
}
