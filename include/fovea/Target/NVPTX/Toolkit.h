// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Programs of NVIDIA's toolkit. None of them is needed to build, and none comes with us.
#ifndef FOVEA_TARGET_NVPTX_TOOLKIT_H
#define FOVEA_TARGET_NVPTX_TOOLKIT_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>

namespace fovea {

/// The path of a program, "ptxas" or "fatbinary": of PATH; of the toolkit in CUDA_HOME, CUDA_PATH or /usr/local/cuda;
/// of the Python package nvidia-cuda-nvcc, in VIRTUAL_ENV or beside this library's own package. "" when there is none.
std::string findCudaTool(llvm::StringRef name);

/// Where findCudaTool looks, for messages.
extern const char *const kCudaToolPlaces;

/// PTX to the machine code of `arch`, by the program `ptxas`. The assembler in a driver or in nvJitLink is another one,
/// with other results. An error keeps the PTX and names the command that repeats it.
llvm::Expected<std::string> assemblePtx(llvm::StringRef ptx, llvm::StringRef arch, llvm::StringRef ptxas);

/// Machine code and PTX of `arch` in one file, by the program `fatbinary`: later chips assemble the PTX.
llvm::Expected<std::string> makeFatbin(llvm::StringRef cubin, llvm::StringRef ptx, llvm::StringRef arch,
                                       llvm::StringRef fatbinary);

} // namespace fovea

#endif
