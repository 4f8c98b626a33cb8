// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "TensorMap.h"

#include <algorithm>

using namespace fovea::simulator;

std::string TensorMap::checkBox() const {
  for (int64_t side : box)
    if (side < 1 || side > 256)
      return "its box has a side of " + std::to_string(side) + ", and 1 to 256 are possible";
  int64_t rowBytes = box[3] * kElementBytes;
  if (rowBytes % kChunkBytes != 0 || (swizzleBytes && rowBytes > swizzleBytes))
    return "its box has rows of " + std::to_string(rowBytes) + " bytes, and a swizzle of " +
           std::to_string(swizzleBytes);
  return {};
}

std::string TensorMap::encode(const fovea_value &tensor) {
  data = static_cast<const char *>(tensor.as.data);
  for (size_t dim = 0; dim < 4; ++dim) {
    sizes[dim] = tensor.sizes[dim];
    strides[dim] = tensor.strides[dim];
  }
  if (std::find(sizes.begin(), sizes.end(), 0) != sizes.end())
    return {}; // nothing is copied from it
  if (reinterpret_cast<uintptr_t>(data) % kChunkBytes != 0)
    return "its data does not start at a multiple of 16 bytes";
  for (size_t dim = 0; dim < 4; ++dim) {
    bool isInner = dim == 3;
    if (sizes[dim] > 1 && (isInner ? strides[dim] != 1 : strides[dim] <= 0 || strides[dim] * kElementBytes % 16 != 0))
      return "it has a stride of " + std::to_string(strides[dim]) + " elements in dimension " + std::to_string(dim);
  }
  return {};
}

void TensorMap::forEachChunk(int64_t target, const std::array<int64_t, 4> &at,
                             const std::function<void(int64_t, const char *)> &chunk) const {
  constexpr int64_t kChunkElements = kChunkBytes / kElementBytes;
  std::array<int64_t, 4> k;
  for (k[0] = 0; k[0] < box[0]; ++k[0])
    for (k[1] = 0; k[1] < box[1]; ++k[1])
      for (k[2] = 0; k[2] < box[2]; ++k[2])
        for (k[3] = 0; k[3] < box[3]; k[3] += kChunkElements) {
          bool isInside = true;
          int64_t element = 0;
          for (size_t dim = 0; dim < 4; ++dim) {
            int64_t position = at[dim] + k[dim];
            isInside &= position >= 0 && position < sizes[dim];
            element += position * (dim == 3 ? 1 : strides[dim]);
          }
          chunk(swizzled(target, swizzleBytes), isInside ? data + element * kElementBytes : nullptr);
          target += kChunkBytes;
        }
}
