// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "GlobalMemory.h"

#include <algorithm>
#include <cstring>

using namespace fovea::simulator;

void GlobalMemory::reset(const fovea_value *values, const TensorTable *table, const char *names) {
  tensors.clear();
  isKnown = table && table->count > 0;
  for (int32_t k = 0; isKnown && k < table->count; ++k, names += std::strlen(names) + 1) {
    const TensorTable::Entry &entry = table->entries[k];
    bool isEmpty = entry.rank < 0;
    int64_t first = 0, last = 0; // elements, from the one at `data`
    for (int32_t d = 0; d < entry.rank; ++d) {
      int64_t reach = (values[k].sizes[d] - 1) * values[k].strides[d];
      isEmpty |= values[k].sizes[d] <= 0;
      (reach < 0 ? first : last) += reach;
    }
    auto data = reinterpret_cast<uintptr_t>(values[k].as.data);
    if (!isEmpty)
      tensors.push_back({names, data + uintptr_t(first * entry.elementBytes),
                         data + uintptr_t((last + 1) * entry.elementBytes), entry.use});
  }
}

static uintptr_t distance(uintptr_t address, uintptr_t begin, uintptr_t end) {
  return address < begin ? begin - address : address >= end ? address - end + 1 : 0;
}

std::string GlobalMemory::access(const void *address, int64_t bytes, bool isWrite, const char *where) const {
  auto begin = reinterpret_cast<uintptr_t>(address), end = begin + uintptr_t(bytes);
  std::string what = std::string(where) + ": " + (isWrite ? "writes " : "reads ") + std::to_string(bytes) + " bytes ";
  if (!isKnown)
    return {};
  for (const Tensor &tensor : tensors)
    if (begin >= tensor.begin && end <= tensor.end)
      return isWrite && tensor.use == TensorTable::kRead ? what + "of '" + tensor.name + "', which is an input" : "";
  if (tensors.empty())
    return what + "of global memory, and no tensor of the kernel has any";
  auto isNearer = [&](const Tensor &a, const Tensor &b) {
    return distance(begin, a.begin, a.end) < distance(begin, b.begin, b.end);
  };
  const Tensor &nearest = *std::min_element(tensors.begin(), tensors.end(), isNearer);
  return what + "at byte " + std::to_string(int64_t(begin - nearest.begin)) + " of '" + nearest.name + "', which has " +
         std::to_string(nearest.end - nearest.begin);
}

bool GlobalMemory::isExchanged(const void *address) const {
  auto at = reinterpret_cast<uintptr_t>(address);
  return std::any_of(tensors.begin(), tensors.end(), [&](const Tensor &tensor) {
    return tensor.use == TensorTable::kExchanged && at >= tensor.begin && at < tensor.end;
  });
}
