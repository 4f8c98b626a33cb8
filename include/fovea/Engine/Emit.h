// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Text to a file of machine code, for this machine or another.
#ifndef FOVEA_ENGINE_EMIT_H
#define FOVEA_ENGINE_EMIT_H

#include "fovea/Engine/Engine.h"
#include <optional>

namespace fovea {

enum class FileKind { Object, Assembly, LLVMIR, PTX, Cubin };

struct EmittedFiles {
  std::string code;
  std::string header; // C: the table's declaration, and the arguments of every kernel; "" of a GPU's code
};

/// Position-independent code, one data symbol `fovea_module_NAME` (fovea_abi.h), everything else local to the file. It
/// calls libc and libm alone. For a GPU, the kernels: PTX, or the machine code that the program `ptxas` makes of it.
/// Nothing on failure, with the reason in `error`.
std::optional<EmittedFiles> emitFiles(llvm::StringRef text, const CompileOptions &options, llvm::StringRef name,
                                      FileKind kind, llvm::StringRef ptxas, CompileError &error);

} // namespace fovea

#endif
