// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "RowSum.h"

#include <algorithm>
#include <cstring>

using namespace fovea::test;

std::function<int32_t(const fovea_task &)> fovea::test::gTaskHook;

//===- The kernel ---------------------------------------------------------===//

static constexpr int64_t kArenaBytes = 4000; // not a multiple of a cache line, on purpose

static float &floatAt(const fovea_value &value, int64_t i, int64_t j = 0) {
  return static_cast<float *>(value.as.data)[i * value.strides[0] + (j ? j * value.strides[1] : 0)];
}

static bool keeps(const fovea_value &keep, int64_t row) {
  return static_cast<const uint8_t *>(keep.as.data)[row * keep.strides[0]];
}

static int32_t rowSumPlan(const fovea_value *v, fovea_task *tasks, int64_t capacity, int64_t *count) {
  const int64_t rows = v[X].sizes[0], cols = v[X].sizes[1], first = v[First].as.i;
  if (first < 0)
    return 1;
  if (first > cols)
    return 2;
  *count = rows;
  for (int64_t r = 0; r < std::min(rows, capacity); ++r) {
    const int64_t cost = cols - first + r % 3;
    tasks[r] = {{r, 0, 0, 0}, first, cols, keeps(v[Keep], r) ? cost : 0, cost};
  }
  return 0;
}

static int32_t rowSumTask(const fovea_value *v, const fovea_task *task, char *arena) {
  if (gTaskHook)
    if (int32_t result = gTaskHook(*task))
      return result;
  if (reinterpret_cast<uintptr_t>(arena) % 64 != 0)
    return -64;
  const int64_t r = task->index[0], columns = task->end - task->begin;
  if (columns * int64_t(sizeof(float)) > kArenaBytes)
    return -1;
  // Through the arena, so that slots which shared one would spoil each other's sums.
  std::memset(arena, 0xFF, kArenaBytes);
  auto *row = reinterpret_cast<float *>(arena);
  for (int64_t c = 0; c < columns; ++c)
    row[c] = floatAt(v[X], r, task->begin + c);
  float sum = 0;
  for (int64_t c = 0; c < columns; ++c)
    sum += row[c];
  const bool kept = keeps(v[Keep], r);
  const float result = float(v[Scale].as.f) * (sum + float(v[Bias].as.i));
  floatAt(v[Out], r) = kept ? (v[Negate].as.i ? -result : result) : 0.0f;
  auto *counts = static_cast<int32_t *>(v[Count].as.data) + r * v[Count].strides[0];
  counts[0] = int32_t(columns);
  counts[v[Count].strides[1]] = kept;
  return 0;
}

/// Rows are sequences; the mask sees columns from `first` on, and no row that is not kept.
static int32_t rowSumClassify(const fovea_value *v, int64_t b, int64_t h, int64_t, int64_t, int64_t begin,
                              int64_t end) {
  if (b < 0 || b >= v[X].sizes[0] || h != 0)
    return -1;
  end = std::min(end, v[X].sizes[1]);
  if (!keeps(v[Keep], b) || begin >= end || end <= v[First].as.i)
    return FOVEA_TILE_EMPTY;
  return begin >= v[First].as.i ? FOVEA_TILE_FULL : FOVEA_TILE_PARTIAL;
}

#define SIZES(A, B) {A, B, 0, 0, 0, 0}
#define DIMS(A, B) {A, B, nullptr, nullptr, nullptr, nullptr}
static const fovea_param kParams[NumParams] = {
    {"x", FOVEA_PARAM_TENSOR, 0, kDLFloat, 32, 2, 0, SIZES(-1, -1), DIMS("R", "C")},
    {"keep", FOVEA_PARAM_TENSOR, FOVEA_PARAM_FROZEN, kDLUInt, 1, 1, 0, SIZES(-1, 0), DIMS("R", nullptr)},
    {"first", FOVEA_PARAM_INT, 0, kDLInt, 64, 0, 0, SIZES(0, 0), DIMS(nullptr, nullptr)},
    {"bias", FOVEA_PARAM_INT, 0, kDLInt, 8, 0, 0, SIZES(0, 0), DIMS(nullptr, nullptr)},
    {"negate", FOVEA_PARAM_INT, 0, kDLUInt, 1, 0, 0, SIZES(0, 0), DIMS(nullptr, nullptr)},
    {"scale", FOVEA_PARAM_FLOAT, 0, kDLFloat, 32, 0, 0, SIZES(0, 0), DIMS(nullptr, nullptr)},
    {"out", FOVEA_PARAM_TENSOR, FOVEA_PARAM_OUTPUT, kDLFloat, 32, 1, 0, SIZES(-1, 0), DIMS("R", nullptr)},
    {"count", FOVEA_PARAM_TENSOR, FOVEA_PARAM_OUTPUT, kDLInt, 32, 2, 0, SIZES(-1, 2), DIMS("R", nullptr)},
};
static const char *const kMessages[] = {"'first' must not be negative", "'first' must be at most C"};
static const fovea_kernel_table kKernels[] = {
    {"row_sum", kParams, nullptr, kMessages, rowSumPlan, rowSumTask, rowSumClassify, nullptr, kArenaBytes, NumParams, 0,
     2, 0},
};
const fovea_module_table fovea::test::kRowSumTable = {FOVEA_ABI_MAGIC, FOVEA_ABI_VERSION, "by hand", kKernels, 1, 0};

//===- Its caller ---------------------------------------------------------===//

Tensor::Tensor(void *data, uint8_t code, uint8_t bits, std::vector<int64_t> shape, std::vector<int64_t> strides)
    : shape(std::move(shape)), strides(std::move(strides)) {
  dl.data = data;
  dl.device = {kDLCPU, 0};
  dl.dtype = {code, bits, 1};
}

const DLTensor *Tensor::get() {
  dl.ndim = int(shape.size());
  dl.shape = shape.data();
  dl.strides = strides.empty() ? nullptr : strides.data();
  return &dl;
}

ModulePtr fovea::test::makeModule(const fovea_module_table &table) {
  fovea_module *module = nullptr;
  EXPECT_EQ(fovea_module_create(&table, nullptr, nullptr, &module, nullptr), FOVEA_OK);
  return ModulePtr(module);
}

fovea_exec fovea::test::makeExec(uint32_t slots) {
  fovea_exec exec{};
  exec.struct_size = sizeof(fovea_exec);
  exec.slots = slots;
  return exec;
}

WorkspaceMemory::WorkspaceMemory(const fovea_plan *plan) {
  size_t bytes = fovea_plan_workspace(plan), room = bytes + 64;
  owner.reset(new char[room]);
  memory = owner.get();
  std::align(64, bytes, memory, room);
  EXPECT_EQ(fovea_workspace_init(plan, memory), FOVEA_OK);
}

RowSum::RowSum(int64_t rows, int64_t cols)
    : rows(rows), cols(cols), xData(rows * cols), outData(rows), keepData(rows), countData(rows * 2),
      x(xData.data(), kDLFloat, 32, {rows, cols}), keep(keepData.data(), kDLUInt, 1, {rows}),
      out(outData.data(), kDLFloat, 32, {rows}), count(countData.data(), kDLInt, 32, {rows, 2}), module(makeModule()),
      kernel(fovea_module_kernel_at(module.get(), 0)) {
  for (size_t i = 0; i < xData.size(); ++i)
    xData[i] = 0.37f * float(i % 101) - 11.3f; // sums depend on the order of additions
  for (int64_t r = 0; r < rows; ++r)
    keepData[r] = r % 4 != 1;
  first.as.i = cols > 3 ? 3 : 0;
  bias.as.i = -5;
  negate.as.i = 1;
  scale.as.f = 0.75;
  clearOutputs();
}

std::vector<fovea_arg> RowSum::args() {
  auto tensor = [](Tensor &t) {
    fovea_arg arg{FOVEA_ARG_TENSOR, {}};
    arg.as.tensor = t.get();
    return arg;
  };
  return {tensor(x), tensor(keep), first, bias, negate, scale, tensor(out), tensor(count)};
}

Answer RowSum::plan(PlanPtr *plan, const fovea_exec *exec) {
  return answerOf([&](fovea_error **error) {
    const std::vector<fovea_arg> list = args();
    fovea_plan *made = nullptr;
    const fovea_status status = fovea_plan_create(kernel, list.data(), list.size(), exec, &made, error);
    EXPECT_EQ(made != nullptr, status == FOVEA_OK);
    PlanPtr owner(made);
    if (plan)
      *plan = std::move(owner);
    return status;
  });
}

PlanPtr RowSum::mustPlan(uint32_t slots) {
  const fovea_exec exec = makeExec(slots);
  PlanPtr made;
  const Answer answer = plan(&made, &exec);
  EXPECT_EQ(answer.status, FOVEA_OK) << answer.message;
  return made;
}

Answer RowSum::run(const fovea_plan *plan, void *workspace, const fovea_exec *exec) {
  return answerOf([&](fovea_error **error) {
    const std::vector<fovea_arg> list = args();
    return fovea_run(plan, list.data(), list.size(), workspace, exec, error);
  });
}

Answer RowSum::runSlot(const fovea_plan *plan, void *workspace, uint32_t slot, const volatile int32_t *cancel) {
  return answerOf([&](fovea_error **error) {
    const std::vector<fovea_arg> list = args();
    return fovea_run_slot(plan, list.data(), list.size(), workspace, slot, cancel, error);
  });
}

void RowSum::clearOutputs() {
  std::fill(outData.begin(), outData.end(), -12345.0f);
  std::fill(countData.begin(), countData.end(), -1);
}

::testing::AssertionResult RowSum::isRight() const {
  for (int64_t r = 0; r < rows; ++r) {
    float sum = 0;
    for (int64_t c = first.as.i; c < cols; ++c)
      sum += xData[r * cols + c];
    const float result = float(scale.as.f) * (sum + float(bias.as.i));
    const float expected = keepData[r] ? (negate.as.i ? -result : result) : 0.0f;
    if (std::memcmp(&outData[r], &expected, sizeof expected))
      return ::testing::AssertionFailure() << "out[" << r << "] is " << outData[r] << ", not " << expected;
    if (countData[2 * r] != cols - first.as.i || countData[2 * r + 1] != int32_t(keepData[r]))
      return ::testing::AssertionFailure() << "count[" << r << "] is wrong";
  }
  return ::testing::AssertionSuccess();
}
