// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A kernel as the compiler would emit it, by hand, with every kind of parameter:
//
//   out[r]   = scale * (sum over c >= first of x[r, c] + bias), negated if asked, for each row r that `keep` keeps,
//   else 0 count[r] = (columns summed, 1 if kept)
//
// One task per row; kept rows cost C - first + r % 3 blocks, the others nothing.
#ifndef FOVEA_TEST_ROWSUM_H
#define FOVEA_TEST_ROWSUM_H

#include "fovea/fovea.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace fovea::test {

enum Param { X, Keep, First, Bias, Negate, Scale, Out, Count, NumParams };

extern const fovea_module_table kRowSumTable;

/// Called at the start of each task, from its thread; its result becomes the task's. Set while nothing runs.
extern std::function<int32_t(const fovea_task &)> gTaskHook;

/// Owns a DLTensor's shape and strides.
struct Tensor {
  Tensor(void *data, uint8_t code, uint8_t bits, std::vector<int64_t> shape, std::vector<int64_t> strides = {});
  Tensor(const Tensor &) = delete;
  /// Also after shape or strides were replaced.
  const DLTensor *get();

  std::vector<int64_t> shape, strides;
  DLTensor dl{};
};

struct ModuleRelease {
  void operator()(fovea_module *module) const { fovea_module_release(module); }
};
struct PlanDestroy {
  void operator()(fovea_plan *plan) const { fovea_plan_destroy(plan); }
};
using ModulePtr = std::unique_ptr<fovea_module, ModuleRelease>;
using PlanPtr = std::unique_ptr<fovea_plan, PlanDestroy>;

ModulePtr makeModule(const fovea_module_table &table = kRowSumTable);
fovea_exec makeExec(uint32_t slots);

/// A status and the message that came with it.
struct Answer {
  fovea_status status;
  std::string message;
};

/// answerOf([&](fovea_error **error) { return fovea_...(..., error); })
template <typename Call> Answer answerOf(Call &&call) {
  fovea_error *error = nullptr;
  const fovea_status status = call(&error);
  Answer answer{status, fovea_error_message(error)};
  EXPECT_EQ(error == nullptr, status == FOVEA_OK) << "an error object goes with a failure, and only with one";
  fovea_error_destroy(error);
  return answer;
}

/// 64-byte aligned memory for one run at a time, initialised for the plan.
class WorkspaceMemory {
public:
  explicit WorkspaceMemory(const fovea_plan *plan);
  void *get() const { return memory; }

private:
  std::unique_ptr<char[]> owner;
  void *memory;
};

/// Arguments for one call: rows x cols, deterministic content.
struct RowSum {
  explicit RowSum(int64_t rows = 12, int64_t cols = 40);
  RowSum(const RowSum &) = delete;

  std::vector<fovea_arg> args();
  Answer plan(PlanPtr *plan = nullptr, const fovea_exec *exec = nullptr);
  /// Fails the test when the plan cannot be made.
  PlanPtr mustPlan(uint32_t slots = 1);
  Answer run(const fovea_plan *plan, void *workspace, const fovea_exec *exec = nullptr);
  Answer runSlot(const fovea_plan *plan, void *workspace, uint32_t slot, const volatile int32_t *cancel = nullptr);
  /// Forgets what earlier runs wrote.
  void clearOutputs();
  /// Whether out and count are what the formula above gives.
  ::testing::AssertionResult isRight() const;

  int64_t rows, cols;
  std::vector<float> xData, outData;
  std::vector<uint8_t> keepData;
  std::vector<int32_t> countData;
  Tensor x, keep, out, count;
  fovea_arg first{FOVEA_ARG_INT, {}}, bias{FOVEA_ARG_INT, {}}, negate{FOVEA_ARG_INT, {}}, scale{FOVEA_ARG_FLOAT, {}};
  ModulePtr module;
  const fovea_kernel *kernel = nullptr;
};

} // namespace fovea::test

#endif
