// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_SIMULATOR_TENSOR_MAP_H
#define FOVEA_LIB_SIMULATOR_TENSOR_MAP_H

#include "fovea/fovea_abi.h"

#include <array>
#include <functional>
#include <string>

namespace fovea::simulator {

/// Chunks of 16 bytes swap places within 128-byte rows, by address bits from 7 on: as many as `swizzleBytes` has.
inline int64_t swizzled(int64_t offset, int64_t swizzleBytes) {
  int64_t mask = swizzleBytes ? swizzleBytes / 16 - 1 : 0;
  return offset ^ ((offset >> 7 & mask) << 4);
}

/// What cuTensorMapEncodeTiled makes of a tensor of rank 4 and 16-bit elements.
struct TensorMap {
  static constexpr int64_t kElementBytes = 2, kChunkBytes = 16;
  std::array<int64_t, 4> box; // the tensor's order of dimensions, the innermost last
  int64_t swizzleBytes;
  const char *data = nullptr;
  std::array<int64_t, 4> sizes = {}, strides = {}; // in elements

  TensorMap(std::array<int64_t, 4> box, int64_t swizzleBytes) : box(box), swizzleBytes(swizzleBytes) {}

  /// Each says why the driver would refuse, or nothing: the box and its swizzle, which are the code's; the tensor.
  std::string checkBox() const;
  std::string encode(const fovea_value &tensor);
  int64_t bytes() const { return box[0] * box[1] * box[2] * box[3] * kElementBytes; }
  /// Of the box at `at`: where in shared memory from its start each 16 bytes land, if that is at `target`, and what
  /// they are; null where the tensor ends.
  void forEachChunk(int64_t target, const std::array<int64_t, 4> &at,
                    const std::function<void(int64_t, const char *)> &chunk) const;
};

} // namespace fovea::simulator

#endif
