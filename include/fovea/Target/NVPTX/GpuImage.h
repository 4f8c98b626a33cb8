// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_TARGET_NVPTX_GPU_IMAGE_H
#define FOVEA_TARGET_NVPTX_GPU_IMAGE_H

#include "fovea/fovea_abi.h"
#include "mlir/IR/BuiltinAttributes.h"
#include <string>

namespace fovea {

/// The kernels of a module as a driver loads them.
struct GpuImage {
  std::string bytes; // of PTX, with the zero at its end
  std::string arch;  // "sm_90a"
  bool isPtx = false;
  mlir::DictionaryAttr launches; // `fovea.launches`, as phase 7 left it
};

/// What `fovea.launches` says of one entry point: {threads, shared_bytes, tensor_maps = [{param, box, swizzle}, ...]},
/// the maps optional.
struct GpuLaunch {
  struct Map {
    int64_t param, swizzle;
    mlir::ArrayRef<int64_t> box;
  };
  int64_t threads = 0, sharedBytes = 0;
  mlir::SmallVector<Map> maps;

  explicit GpuLaunch(mlir::DictionaryAttr launch);
};

/// Parameters of which copies want whole 16 bytes: `aligned` of a kernel's launch.
mlir::ArrayRef<int64_t> alignedParams(mlir::DictionaryAttr launch);

/// The launch of `fallback`, or null.
mlir::DictionaryAttr fallbackLaunch(mlir::DictionaryAttr launch);

/// NAME, or NAME_fallback.
std::string entryName(mlir::StringRef kernel, bool isFallback);

} // namespace fovea

#endif
