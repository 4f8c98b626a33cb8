// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_ENGINE_JIT_H
#define FOVEA_LIB_ENGINE_JIT_H

#include "fovea/fovea_abi.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>

namespace llvm::orc {
class LLJIT;
}

namespace fovea {

/// Machine code in this process, alive as long as this object.
class JitCode {
public:
  /// Links `object` and finds its module table.
  static llvm::Expected<std::unique_ptr<JitCode>> link(std::unique_ptr<llvm::MemoryBuffer> object,
                                                       llvm::StringRef tableSymbol);
  ~JitCode();

  const fovea_module_table *table() const { return moduleTable; }

private:
  JitCode(std::unique_ptr<llvm::orc::LLJIT> jit, const fovea_module_table *table);
  std::unique_ptr<llvm::orc::LLJIT> jit;
  const fovea_module_table *moduleTable;
};

} // namespace fovea

#endif
