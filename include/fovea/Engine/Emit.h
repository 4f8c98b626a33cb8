// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Text to a file of machine code, for this machine or another.
#ifndef FOVEA_ENGINE_EMIT_H
#define FOVEA_ENGINE_EMIT_H

#include "fovea/Engine/Engine.h"
#include <optional>

namespace fovea {

enum class FileKind { Object, Assembly, LLVMIR, PTX, Cubin, Fatbin, Launcher };

struct EmittedFiles {
  std::string code;
  std::string header; // C: what the code defines, and the arguments of every kernel; "" of a GPU's kernels alone
};

/// Position-independent code, one data symbol `fovea_module_NAME` (fovea_abi.h), everything else local to the file. It
/// calls libc and libm alone. For a GPU, an object for this machine with the kernels inside, or the kernels by
/// themselves: PTX, the machine code that the program `ptxas` makes of it, both, or a C source that launches them.
/// Nothing on failure, with the reason in `error`.
std::optional<EmittedFiles> emitFiles(llvm::StringRef text, const CompileOptions &options, llvm::StringRef name,
                                      FileKind kind, CompileError &error);

} // namespace fovea

#endif
