// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How the elements of a tensor are read as integers, whatever they are.
#ifndef FOVEA_RUNTIME_ELEMENTS_H
#define FOVEA_RUNTIME_ELEMENTS_H

#include "fovea/fovea.h"

#include <cmath>
#include <cstring>

namespace fovea {

inline int64_t elementBytes(const fovea_param &param) { return param.dtype_bits == 1 ? 1 : param.dtype_bits / 8; }

/// Reading an element gives an integer's value or, with `onlySet`, whether the element is set: an integer not 0, a
/// float greater than -inf.
template <typename T, bool onlySet> struct ReadInteger {
  int64_t operator()(const char *element) const {
    T value;
    std::memcpy(&value, element, sizeof value);
    return onlySet ? value != 0 : int64_t(value);
  }
};
struct ReadBoolean {
  int64_t operator()(const char *element) const { return *element & 1; }
};
template <typename T> struct ReadFloat {
  int64_t operator()(const char *element) const {
    T value;
    std::memcpy(&value, element, sizeof value);
    return value > -HUGE_VAL;
  }
};
/// Of 16 bits, the smallest infinity being `infinity` without its sign: -inf and all that is no number are not set.
template <uint16_t infinity> struct ReadHalf {
  int64_t operator()(const char *element) const {
    uint16_t bits;
    std::memcpy(&bits, element, sizeof bits);
    const bool isNumber = (bits & 0x7FFF) <= infinity;
    return isNumber && bits != (infinity | 0x8000);
  }
};

/// body(read) with the reader for the parameter's elements; false, and nothing called, if there is none.
template <bool onlySet, typename Body> bool withReader(const fovea_param &param, Body &&body) {
  const auto is = [&](int code, int bits) { return param.dtype_code == code && param.dtype_bits == bits; };
  if (is(kDLUInt, 1))
    return body(ReadBoolean()), true;
  if (is(kDLInt, 8))
    return body(ReadInteger<int8_t, onlySet>()), true;
  if (is(kDLInt, 16))
    return body(ReadInteger<int16_t, onlySet>()), true;
  if (is(kDLInt, 32))
    return body(ReadInteger<int32_t, onlySet>()), true;
  if (is(kDLInt, 64))
    return body(ReadInteger<int64_t, onlySet>()), true;
  if (is(kDLFloat, 16))
    return body(ReadHalf<0x7C00>()), true;
  if (is(kDLBfloat, 16))
    return body(ReadHalf<0x7F80>()), true;
  if (is(kDLFloat, 32))
    return body(ReadFloat<float>()), true;
  if (is(kDLFloat, 64))
    return body(ReadFloat<double>()), true;
  return false;
}

inline bool isInteger(const fovea_param &param) {
  return param.dtype_code == kDLInt || (param.dtype_code == kDLUInt && param.dtype_bits == 1);
}

} // namespace fovea

#endif
