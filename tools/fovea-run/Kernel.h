// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The C doors, held by objects. A status other than OK ends the program with its message.
#ifndef FOVEA_TOOLS_FOVEARUN_KERNEL_H
#define FOVEA_TOOLS_FOVEARUN_KERNEL_H

#include "Device.h"
#include "Options.h"
#include "fovea/Reference/HostTensor.h"
#include "fovea/fovea_compile.h"

#include <optional>

namespace fovea::run {

/// Ends the program on any status but OK, with the error's message; takes the error.
void check(fovea_status status, fovea_error *error);

/// A copy of a fovea_remark.
struct Remark {
  std::string kind, name, text, location;
};

class Kernel {
public:
  Kernel(const Options &options, llvm::StringRef text, llvm::StringRef name);
  Kernel(const Kernel &) = delete;
  ~Kernel() { fovea_module_release(module); }

  std::string name() const { return fovea_kernel_name(kernel); }
  size_t numParams() const { return fovea_kernel_param_count(kernel); }
  const fovea_param &param(size_t index) const { return *fovea_kernel_param(kernel, index); }
  const fovea_kernel *get() const { return kernel; }
  fovea_compile_times times = {};
  std::vector<Remark> remarks; // with --explain

private:
  fovea_module *module = nullptr;
  const fovea_kernel *kernel = nullptr;
};

/// A plan with its arguments and workspace, ready to run many times. With a device, on copies of the arguments there.
class Execution {
public:
  Execution(const Kernel &kernel, llvm::ArrayRef<reference::TensorRef> arguments, unsigned threads, Device *device);
  Execution(const Execution &) = delete;
  ~Execution() { fovea_plan_destroy(plan); }

  /// Computes the outputs. On a device: launches, and does not wait.
  void run();
  /// The outputs are where the arguments are.
  void finish();
  Device *on() const { return device; }
  fovea_plan_stats stats() const;
  llvm::ArrayRef<fovea_task> tasks() const;
  /// A FOVEA_TILE; see fovea_plan_classify.
  int32_t classify(int64_t batch, int64_t head, int64_t rowBegin, int64_t rowEnd, int64_t keyBegin,
                   int64_t keyEnd) const;
  size_t workspaceBytes() const { return bytes; }

private:
  const Kernel &kernel;
  std::vector<reference::TensorRef> arguments;
  Device *device; // null: the CPU
  std::vector<DLTensor> tensors;
  std::vector<fovea_arg> args;
  fovea_plan *plan = nullptr;
  size_t bytes = 0; // of the workspace
  std::vector<char, reference::CacheLineAllocator<char>> hostWorkspace;
  void *workspace = nullptr; // where the arguments are
};

/// The type of a parameter's elements; nothing for those that fovea-run cannot hold (bf16, f16).
std::optional<reference::DType> dtypeOf(const fovea_param &param);
bool isOutput(const fovea_param &param);

} // namespace fovea::run

#endif
