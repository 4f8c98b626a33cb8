// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A module's code on the devices that it is used on.
#ifndef FOVEA_RUNTIME_GPU_IMAGE_H
#define FOVEA_RUNTIME_GPU_IMAGE_H

#include "Device.h"

#include <mutex>
#include <vector>

namespace fovea::cuda {

/// Loads every image once per context, and unloads it with the module that it belongs to. Thread-safe.
class ImageCache {
public:
  ImageCache() = default;
  ImageCache(const ImageCache &) = delete;
  ~ImageCache();

  /// The GPU's context is current. UNSUPPORTED: code for another architecture, or that the driver cannot read.
  Status find(const Gpu &gpu, const fovea_gpu_code &code, Module &module);

private:
  struct Loaded {
    Gpu gpu;
    const void *image;
    Module module;
  };
  std::mutex mutex;
  std::vector<Loaded> images;
};

/// An entry point that is ready for launches: its limits are those of the device, its shared memory is allowed.
Status prepareEntry(const Gpu &gpu, Module module, const fovea_gpu_entry &entry, Function &function);

/// "sm_90a" is 90 with suffix 'a', sm_120 is 120. False for what is none.
bool parseArch(const char *arch, int &number, char &suffix);

} // namespace fovea::cuda

#endif
