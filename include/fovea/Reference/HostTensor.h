// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A dense row-major array in host memory: what the reference computes on and what fovea-run reads and writes.
#ifndef FOVEA_REFERENCE_HOSTTENSOR_H
#define FOVEA_REFERENCE_HOSTTENSOR_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <vector>

namespace fovea::reference {

/// Bool is one byte, 0 or 1. `index` of MLIR is I64.
enum class DType : uint8_t { F16, BF16, F32, F64, I8, I16, I32, I64, U8, Bool };

unsigned byteWidth(DType dtype);
bool isFloat(DType dtype);
/// NumPy's name: "float32", "bool"; "bfloat16", which NumPy lacks.
llvm::StringRef name(DType dtype);

/// Vector loads of the compiled code like whole cache lines.
template <typename T> struct CacheLineAllocator {
  using value_type = T;
  static constexpr size_t kLineBytes = 64;
  CacheLineAllocator() = default;
  template <typename U> CacheLineAllocator(const CacheLineAllocator<U> &) {}
  T *allocate(size_t n) { return static_cast<T *>(::operator new(n * sizeof(T), std::align_val_t(kLineBytes))); }
  void deallocate(T *p, size_t) { ::operator delete(p, std::align_val_t(kLineBytes)); }
  bool operator==(const CacheLineAllocator &) const { return true; }
  bool operator!=(const CacheLineAllocator &) const { return false; }
};

struct HostTensor {
  DType dtype = DType::F32;
  std::vector<int64_t> shape; // empty: a scalar
  std::vector<char, CacheLineAllocator<char>> bytes;

  /// All zeros. Sizes whose product overflows and memory that is not there are errors.
  static llvm::Expected<HostTensor> allocate(DType dtype, llvm::ArrayRef<int64_t> shape);
  /// For sizes that are known to be sane; throws std::bad_alloc otherwise.
  static HostTensor zeros(DType dtype, llvm::ArrayRef<int64_t> shape);
  static HostTensor scalar(int64_t value);
  static HostTensor scalar(double value);
  template <typename T> static HostTensor of(DType dtype, llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<T> values) {
    HostTensor tensor = zeros(dtype, shape);
    std::copy(values.begin(), values.end(), tensor.data<T>());
    return tensor;
  }

  int64_t size() const; // number of elements
  template <typename T> T *data() { return reinterpret_cast<T *>(bytes.data()); }
  template <typename T> const T *data() const { return reinterpret_cast<const T *>(bytes.data()); }
  /// Element at a row-major position, whatever the dtype; integers are sign-extended, Bool true is 1.
  double floatAt(int64_t position) const;
  int64_t intAt(int64_t position) const;
};

/// Casts and views share their array.
using TensorRef = std::shared_ptr<HostTensor>;

/// "[2, 8, 128, 64]"
std::string formatShape(llvm::ArrayRef<int64_t> shape);

/// The indices of a row-major position.
std::vector<int64_t> unravel(int64_t position, llvm::ArrayRef<int64_t> shape);

} // namespace fovea::reference

#endif
