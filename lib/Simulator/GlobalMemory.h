// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_SIMULATOR_GLOBAL_MEMORY_H
#define FOVEA_LIB_SIMULATOR_GLOBAL_MEMORY_H

#include "fovea/fovea_abi.h"

#include <string>
#include <vector>

namespace fovea::simulator {

/// What compiled code says about a kernel's values. --convert-nvvm-to-simulator writes it.
struct TensorTable {
  enum Use { kRead = 0, kWritten = 1, kExchanged = 2 }; // exchanged: blocks read what others have written
  struct Entry {
    int32_t rank; // -1: a scalar
    int32_t elementBytes, use;
  };
  int32_t count; // 0: nothing is known
  Entry entries[1];
};

/// The tensors of a kernel. What it reads or writes lies between the first and the last byte of one of them.
class GlobalMemory {
public:
  /// `names`: of the values, each ended by a zero.
  void reset(const fovea_value *values, const TensorTable *table, const char *names);

  /// What is wrong with an access, or nothing.
  std::string access(const void *address, int64_t bytes, bool isWrite, const char *where) const;
  /// Whether blocks exchange results there.
  bool isExchanged(const void *address) const;

private:
  struct Tensor {
    const char *name;
    uintptr_t begin, end;
    int use;
  };
  std::vector<Tensor> tensors;
  bool isKnown = false;
};

} // namespace fovea::simulator

#endif
