// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The GPU that a kernel for one runs on, and memory there. What fails ends the program with its message.
#ifndef FOVEA_TOOLS_FOVEARUN_DEVICE_H
#define FOVEA_TOOLS_FOVEARUN_DEVICE_H

#include "fovea/fovea.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <string>
#include <vector>

namespace fovea::run {

class Device {
public:
  /// The first one.
  Device();
  Device(const Device &) = delete;
  ~Device();

  /// "NVIDIA H100 80GB HBM3"
  std::string name() const { return info.name; }
  /// "NVIDIA H100 80GB HBM3, sm_90, 132 multiprocessors"
  std::string describe() const;
  /// Memory with these contents, for as long as the device is open.
  void *upload(llvm::ArrayRef<char> contents);
  void download(llvm::MutableArrayRef<char> to, const void *from);
  /// Waits for what was launched.
  void synchronize();
  /// Milliseconds on the device of what `body` launches.
  double time(llvm::function_ref<void()> body);

private:
  fovea_device *device = nullptr;
  fovea_device_info info = {};
  std::vector<void *> memory;
};

} // namespace fovea::run

#endif
