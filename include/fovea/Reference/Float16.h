// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The two 16-bit floats of attention: IEEE binary16 (5 bits of exponent, 10 of fraction) and bfloat16, the upper half
// of a float. Rounding is to the nearest, ties to even.
#ifndef FOVEA_REFERENCE_FLOAT16_H
#define FOVEA_REFERENCE_FLOAT16_H

#include <cmath>
#include <cstdint>
#include <cstring>

namespace fovea::reference {

inline uint32_t bitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}
inline float floatOf(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

struct BFloat16 {
  uint16_t bits = 0;

  BFloat16() = default;
  explicit BFloat16(float value) {
    uint32_t wide = bitsOf(value);
    if (std::isnan(value)) // rounding could make an infinity of it
      bits = uint16_t(wide >> 16 | 0x40);
    else
      bits = uint16_t((wide + 0x7FFF + (wide >> 16 & 1)) >> 16);
  }
  operator double() const { return floatOf(uint32_t(bits) << 16); }
};

struct Float16 {
  uint16_t bits = 0;

  Float16() = default;
  explicit Float16(float value) {
    constexpr uint32_t kInfinity = 0x7F800000, kOverflow = 0x477FF000 /* 65520 */, kSmallestNormal = 0x38800000;
    uint32_t sign = bitsOf(value) >> 16 & 0x8000, size = bitsOf(value) & 0x7FFFFFFF;
    if (size > kInfinity)
      size = 0x7E00;
    else if (size >= kOverflow)
      size = 0x7C00;
    else if (size < kSmallestNormal) // 0.5 has the unit of subnormals, 2^-24: the addition rounds
      size = bitsOf(floatOf(size) + 0.5f) - bitsOf(0.5f);
    else
      size = (size - (uint32_t(127 - 15) << 23) + 0xFFF + (size >> 13 & 1)) >> 13;
    bits = uint16_t(sign | size);
  }
  operator double() const {
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double size = exponent == 31  ? (fraction ? NAN : INFINITY)
                  : exponent == 0 ? std::ldexp(fraction, -24)
                                  : std::ldexp(1024 + fraction, exponent - 25);
    return bits & 0x8000 ? -size : size;
  }
};

} // namespace fovea::reference

#endif
