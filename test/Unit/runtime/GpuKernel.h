// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A GPU's kernel as the compiler would emit it, by hand, launched through the fake driver:
//
//   out[r, c] = x[r, c] xor doc[r], as 16-bit integers, for each row r with doc[r] >= 0
//
// One task per such row; the plan reads doc on the host.
#ifndef FOVEA_TEST_GPU_KERNEL_H
#define FOVEA_TEST_GPU_KERNEL_H

#include "FakeDriver.h"
#include "RowSum.h"

namespace fovea::test {

/// A module table of one kernel, to change before it is loaded.
struct GpuTable {
  GpuTable();
  GpuTable(const GpuTable &) = delete;
  /// As for TMA: a map of x, sm_90a, and a fallback that is called xor_rows_fallback.
  void useTma();

  enum { X, Doc, Scale, Out, NumParams };
  fovea_param params[NumParams];
  fovea_summary summary;
  fovea_tensor_map map;
  uint32_t aligned[2];
  fovea_gpu_code code;
  fovea_kernel_table kernel;
  fovea_module_table module;
};

/// Device memory for as long as it lives, the contents those of the host's.
class DeviceMemory {
public:
  DeviceMemory(const void *contents, size_t bytes);
  DeviceMemory(const DeviceMemory &) = delete;
  ~DeviceMemory();
  void *get() const { return memory; }
  template <typename T> std::vector<T> read() const {
    std::vector<T> result(bytes / sizeof(T));
    download(result.data());
    return result;
  }

private:
  void download(void *to) const;
  void *memory = nullptr;
  size_t bytes;
};

/// Arguments for one call, a module, and a fake driver in its first state. Every test has one.
struct GpuCall : ::testing::Test {
  enum { kRows = 6, kColumns = 64 };

  GpuCall();
  ~GpuCall() override;
  void SetUp() override;
  /// Loads `table`, as changed until then.
  void load();
  std::vector<fovea_arg> args();
  Answer plan(PlanPtr *plan = nullptr, const fovea_exec *exec = nullptr);
  PlanPtr mustPlan();
  Answer run(const fovea_plan *plan, const fovea_exec *exec = nullptr);
  /// Has the fake driver execute the kernel.
  static void executeLaunches();
  std::vector<uint16_t> expected() const;
  static fovea_exec execOn(void *stream);

  GpuTable table;
  std::vector<uint16_t> xData;
  std::vector<int32_t> docData;
  DeviceMemory xMemory, docMemory, outMemory;
  Tensor x, doc, out;
  ModulePtr module;
  const fovea_kernel *kernel = nullptr;
};

} // namespace fovea::test

#endif
