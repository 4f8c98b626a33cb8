// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Device.h"

#include "Kernel.h"

using namespace fovea::run;

Device::Device() {
  fovea_error *error = nullptr;
  fovea_status status = fovea_device_open(0, &device, &error);
  check(status, error);
  info.struct_size = sizeof(info);
  check(fovea_device_get_info(device, &info), nullptr);
}

Device::~Device() {
  for (void *block : memory)
    fovea_device_free(device, block);
  fovea_device_close(device);
}

std::string Device::describe() const {
  return name() + ", sm_" + std::to_string(info.major) + std::to_string(info.minor) + ", " +
         std::to_string(info.multiprocessors) + " multiprocessors";
}

void *Device::upload(llvm::ArrayRef<char> contents) {
  fovea_error *error = nullptr;
  void *block = nullptr;
  fovea_status status = fovea_device_alloc(device, contents.size(), &block, &error);
  check(status, error);
  memory.push_back(block);
  status = fovea_device_upload(device, block, contents.data(), contents.size(), nullptr, &error);
  check(status, error);
  return block;
}

void Device::download(llvm::MutableArrayRef<char> to, const void *from) {
  fovea_error *error = nullptr;
  fovea_status status = fovea_device_download(device, to.data(), from, to.size(), nullptr, &error);
  check(status, error);
}

void Device::synchronize() {
  fovea_error *error = nullptr;
  fovea_status status = fovea_device_synchronize(device, nullptr, &error);
  check(status, error);
}

double Device::time(llvm::function_ref<void()> body) {
  fovea_error *error = nullptr;
  float milliseconds = 0;
  fovea_status status = fovea_device_time(
      device, nullptr, [](void *ctx) { (*static_cast<llvm::function_ref<void()> *>(ctx))(); }, &body, &milliseconds,
      &error);
  check(status, error);
  return milliseconds;
}
