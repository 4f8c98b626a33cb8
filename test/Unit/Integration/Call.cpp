// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Harness.h"

#include <cstring>
#include <thread>

using namespace fovea::test;
using namespace fovea::reference;

namespace {

constexpr int64_t kGuardBytes = 256;
/// As fp32 a NaN with its own bits, as an integer far out of any bounds.
constexpr uint32_t kCanary = 0x7FE5A5A5;

void fillCanaries(char *begin, int64_t bytes) {
  for (int64_t at = 0; at + 4 <= bytes; at += 4)
    std::memcpy(begin + at, &kCanary, 4);
}

bool isCanary(const char *begin, int64_t bytes) {
  for (int64_t at = 0; at + 4 <= bytes; at += 4)
    if (std::memcmp(begin + at, &kCanary, 4))
      return false;
  return true;
}

} // namespace

void Call::addArray(const HostTensor &tensor) {
  Array &array = arrays.emplace_back();
  array.shape = tensor.shape;
  array.dtype = tensor.dtype;
  int64_t bytes = int64_t(tensor.bytes.size()), padded = (bytes + 63) / 64 * 64;
  array.bytes.resize(padded + 2 * kGuardBytes);
  fillCanaries(array.bytes.data(), int64_t(array.bytes.size()));
  if (bytes)
    std::memcpy(array.bytes.data() + kGuardBytes, tensor.bytes.data(), bytes);
}

void Call::addOutput(const Shape &shape) {
  addArray(HostTensor::zeros(DType::F32, shape));
  fillCanaries(arrays.back().bytes.data(), int64_t(arrays.back().bytes.size())); // elements that nobody writes stay NaN
}

Call::Call(const Kernel &kernel, llvm::ArrayRef<TensorRef> inputs, llvm::ArrayRef<Shape> outputs)
    : kernel(kernel), inputCount(inputs.size()) {
  for (const TensorRef &input : inputs)
    addArray(*input);
  for (const Shape &shape : outputs)
    addOutput(shape);
  for (size_t k = 0; k < arrays.size(); ++k) {
    Array &array = arrays[k];
    const fovea_param *param = fovea_kernel_param(kernel.get(), k);
    array.view.data = array.bytes.data() + kGuardBytes;
    array.view.device = {kDLCPU, 0};
    array.view.ndim = int32_t(array.shape.size());
    array.view.shape = array.shape.data();
    array.view.dtype = {param ? param->dtype_code : uint8_t(kDLFloat), param ? param->dtype_bits : uint8_t(32), 1};
    fovea_arg arg = {};
    arg.kind = param ? param->kind : FOVEA_ARG_TENSOR;
    if (arg.kind == FOVEA_ARG_INT)
      arg.as.i = inputs[k]->intAt(0);
    else if (arg.kind == FOVEA_ARG_FLOAT)
      arg.as.f = inputs[k]->floatAt(0);
    else
      arg.as.tensor = &array.view;
    args.push_back(arg);
  }
}

/// Keeps the message of a failure and frees the error.
static fovea_status take(fovea_status status, fovea_error *error, std::string &message) {
  if (status != FOVEA_OK)
    message = std::string(fovea_status_name(status)) + ": " + (error ? fovea_error_message(error) : "");
  fovea_error_destroy(error);
  return status;
}

fovea_status Call::plan(uint32_t slots) {
  fovea_plan_destroy(thePlan);
  thePlan = nullptr;
  fovea_exec exec = {};
  exec.struct_size = sizeof(exec);
  exec.slots = slots;
  fovea_error *error = nullptr;
  fovea_status status = fovea_plan_create(kernel.get(), args.data(), args.size(), &exec, &thePlan, &error);
  if (take(status, error, message) != FOVEA_OK)
    return status;
  workspace.resize(fovea_plan_workspace(thePlan));
  return fovea_workspace_init(thePlan, workspace.data());
}

fovea_status Call::run() {
  fovea_error *error = nullptr;
  fovea_status status = fovea_run(thePlan, args.data(), args.size(), workspace.data(), nullptr, &error);
  return take(status, error, message);
}

fovea_status Call::runSlots() {
  std::vector<std::thread> threads;
  std::vector<fovea_status> statuses(stats().slots, FOVEA_INTERNAL);
  for (uint32_t slot = 0; slot < statuses.size(); ++slot)
    threads.emplace_back([&, slot] {
      statuses[slot] = fovea_run_slot(thePlan, args.data(), args.size(), workspace.data(), slot, nullptr, nullptr);
    });
  for (std::thread &thread : threads)
    thread.join();
  for (fovea_status status : statuses)
    if (status != FOVEA_OK)
      return status;
  return FOVEA_OK;
}

fovea_plan_stats Call::stats() const {
  fovea_plan_stats stats = {};
  stats.struct_size = sizeof(stats);
  EXPECT_EQ(fovea_plan_get_stats(thePlan, &stats), FOVEA_OK);
  return stats;
}

std::vector<fovea_task> Call::tasks() const {
  size_t count = 0;
  const fovea_task *first = fovea_plan_tasks(thePlan, &count);
  return {first, first + count};
}

HostTensor Call::output(size_t index) const {
  const Array &array = arrays[inputCount + index];
  HostTensor result = HostTensor::zeros(array.dtype, array.shape);
  int64_t bytes = int64_t(result.bytes.size());
  if (bytes)
    std::memcpy(result.bytes.data(), array.bytes.data() + kGuardBytes, bytes);
  const char *after = array.bytes.data() + kGuardBytes + bytes;
  EXPECT_TRUE(isCanary(array.bytes.data(), kGuardBytes) &&
              isCanary(after, array.bytes.data() + array.bytes.size() - after))
      << "output " << index << ": written out of bounds";
  return result;
}

std::vector<HostTensor> Call::outputs() const {
  std::vector<HostTensor> all;
  for (size_t k = inputCount; k < arrays.size(); ++k)
    all.push_back(output(k - inputCount));
  return all;
}
