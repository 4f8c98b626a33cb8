// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_TARGET_NVPTX_LAUNCHER_H
#define FOVEA_TARGET_NVPTX_LAUNCHER_H

#include "fovea/Target/NVPTX/GpuImage.h"

namespace fovea {

/// A C source that holds the image and launches its kernels through the driver, without a runtime: NAME_load, and
/// NAME_KERNEL_launch for each of `kernels` (`fovea.kernels`). It includes fovea_abi.h alone.
std::string launcherSource(const GpuImage &image, mlir::ArrayAttr kernels, mlir::StringRef name,
                           mlir::StringRef target);

/// What declares them.
std::string launcherHeader(mlir::ArrayAttr kernels, mlir::StringRef name, mlir::StringRef target);

} // namespace fovea

#endif
