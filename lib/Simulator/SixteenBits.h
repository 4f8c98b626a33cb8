// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// f16 and bf16 as bits, without help from the processor.
#ifndef FOVEA_LIB_SIMULATOR_SIXTEEN_BITS_H
#define FOVEA_LIB_SIMULATOR_SIXTEEN_BITS_H

#include <cmath>
#include <cstdint>
#include <cstring>

namespace fovea::simulator {

inline float floatOf(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline uint32_t bitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

/// Exact.
inline float widen(uint16_t bits, bool isBFloat) {
  if (isBFloat)
    return floatOf(uint32_t(bits) << 16);
  uint32_t sign = uint32_t(bits & 0x8000) << 16, rest = uint32_t(bits & 0x7FFF) << 13;
  if (rest >= uint32_t(31) << 23) // infinity, NaN
    return floatOf(sign | 0x7F800000 | (rest & 0x7FFFFF));
  return floatOf(sign | bitsOf(floatOf(rest) * 0x1p112f)); // the exponent's bias is 112 smaller
}

/// To the nearest, ties to even, as cvt.rn does.
inline uint16_t narrow(float value, bool isBFloat) {
  uint32_t bits = bitsOf(value), sign = bits >> 16 & 0x8000, size = bits & 0x7FFFFFFF;
  if (std::isnan(value))
    return 0x7FFF;
  if (isBFloat)
    return uint16_t((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
  constexpr uint32_t kSmallestNormal = 0x38800000, kOverflow = 0x477FF000; // 2^-14, 65520
  if (size < kSmallestNormal) // the unit of 0.5f is that of subnormals: the addition rounds
    return uint16_t(sign | (bitsOf(floatOf(size) + 0.5f) - bitsOf(0.5f)));
  if (size >= kOverflow)
    return uint16_t(sign | 0x7C00);
  size -= uint32_t(127 - 15) << 23;
  return uint16_t(sign | (size + 0xFFF + (size >> 13 & 1)) >> 13);
}

} // namespace fovea::simulator

#endif
