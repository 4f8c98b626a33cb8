// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_TARGET_NVPTX_ASSEMBLE_H
#define FOVEA_TARGET_NVPTX_ASSEMBLE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>

namespace fovea {

/// PTX to the machine code of `arch`, by the program `ptxas`. The assembler in a driver or in nvJitLink is another one,
/// with other results. An error keeps the PTX and names the command that repeats it.
llvm::Expected<std::string> assemblePtx(llvm::StringRef ptx, llvm::StringRef arch, llvm::StringRef ptxas);

} // namespace fovea

#endif
