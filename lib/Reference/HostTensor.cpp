// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Reference/HostTensor.h"

#include "fovea/Reference/Float16.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ErrorHandling.h"

#include <cassert>

using namespace llvm;

namespace fovea::reference {

namespace {

/// Calls f with a null pointer of the element's C++ type.
template <typename F> auto dispatch(DType dtype, F f) {
  switch (dtype) {
  case DType::F16:
    return f(static_cast<const Float16 *>(nullptr));
  case DType::BF16:
    return f(static_cast<const BFloat16 *>(nullptr));
  case DType::F32:
    return f(static_cast<const float *>(nullptr));
  case DType::F64:
    return f(static_cast<const double *>(nullptr));
  case DType::I8:
    return f(static_cast<const int8_t *>(nullptr));
  case DType::I16:
    return f(static_cast<const int16_t *>(nullptr));
  case DType::I32:
    return f(static_cast<const int32_t *>(nullptr));
  case DType::I64:
    return f(static_cast<const int64_t *>(nullptr));
  case DType::U8:
  case DType::Bool:
    return f(static_cast<const uint8_t *>(nullptr));
  }
  llvm_unreachable("unknown dtype");
}

} // namespace

unsigned byteWidth(DType dtype) {
  return dispatch(dtype, [](auto *type) { return unsigned(sizeof(*type)); });
}

bool isFloat(DType dtype) { return dtype <= DType::F64; }

StringRef name(DType dtype) {
  static constexpr StringRef kNames[] = {"float16", "bfloat16", "float32", "float64", "int8",
                                         "int16",   "int32",    "int64",   "uint8",   "bool"};
  return kNames[static_cast<int>(dtype)];
}

Expected<HostTensor> HostTensor::allocate(DType dtype, ArrayRef<int64_t> shape) {
  size_t bytes = byteWidth(dtype);
  bool isEmpty = is_contained(shape, 0);
  for (int64_t size : shape) {
    if (size < 0)
      return createStringError("negative size in the shape %s", formatShape(shape).c_str());
    if (!isEmpty && (__builtin_mul_overflow(bytes, size_t(size), &bytes) || bytes > size_t(PTRDIFF_MAX)))
      return createStringError("the shape %s is larger than the address space", formatShape(shape).c_str());
  }
  HostTensor tensor;
  tensor.dtype = dtype;
  tensor.shape = shape.vec();
  try {
    tensor.bytes.resize(isEmpty ? 0 : bytes);
  } catch (const std::bad_alloc &) {
    return createStringError("no memory for the shape %s of %s", formatShape(shape).c_str(), name(dtype).data());
  }
  return tensor;
}

HostTensor HostTensor::zeros(DType dtype, ArrayRef<int64_t> shape) {
  Expected<HostTensor> tensor = allocate(dtype, shape);
  if (tensor)
    return std::move(*tensor);
  consumeError(tensor.takeError());
  throw std::bad_alloc();
}

HostTensor HostTensor::scalar(int64_t value) { return of<int64_t>(DType::I64, {}, {value}); }

HostTensor HostTensor::scalar(double value) { return of<double>(DType::F64, {}, {value}); }

int64_t HostTensor::size() const { return int64_t(bytes.size() / byteWidth(dtype)); }

double HostTensor::floatAt(int64_t position) const {
  assert(position >= 0 && position < size());
  return dispatch(dtype, [&](auto *type) { return double(data<std::decay_t<decltype(*type)>>()[position]); });
}

int64_t HostTensor::intAt(int64_t position) const {
  assert(position >= 0 && position < size() && !isFloat(dtype));
  return dispatch(dtype, [&](auto *type) { return int64_t(data<std::decay_t<decltype(*type)>>()[position]); });
}

std::string formatShape(ArrayRef<int64_t> shape) {
  std::string text = "[";
  for (auto [i, size] : enumerate(shape))
    text += (i ? ", " : "") + itostr(size);
  return text + "]";
}

std::vector<int64_t> unravel(int64_t position, ArrayRef<int64_t> shape) {
  std::vector<int64_t> indices(shape.size());
  for (size_t dim = shape.size(); dim-- > 0;) {
    indices[dim] = position % shape[dim];
    position /= shape[dim];
  }
  return indices;
}

} // namespace fovea::reference
