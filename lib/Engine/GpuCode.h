// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_ENGINE_GPU_CODE_H
#define FOVEA_LIB_ENGINE_GPU_CODE_H

#include "Compilation.h"

#include <optional>

namespace fovea {

/// The PTX of a compilation for a GPU. Errors are the compilation's.
std::optional<std::string> emitPtx(Compilation &compilation);

/// Machine code by ptxas where it is found; else PTX, with a remark, for the driver to assemble.
std::optional<GpuImage> emitImage(Compilation &compilation);

} // namespace fovea

#endif
