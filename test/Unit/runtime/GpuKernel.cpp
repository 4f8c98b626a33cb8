// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "GpuKernel.h"

#include <cstring>

using namespace fovea::test;

static int32_t xorPlan(const fovea_value *v, fovea_task *tasks, int64_t capacity, int64_t *count) {
  const auto *doc = static_cast<const int32_t *>(v[GpuTable::Doc].as.data);
  *count = 0;
  for (int64_t r = 0; r < v[GpuTable::X].sizes[0]; ++r) {
    if (doc[r * v[GpuTable::Doc].strides[0]] < 0)
      continue;
    if (*count < capacity)
      tasks[*count] = {{r, 0, 0, 0}, 0, 64, 1, 1, {r, r + 1}, 64, 64};
    ++*count;
  }
  return 0;
}

static int32_t xorClassify(const fovea_value *v, int64_t b, int64_t, int64_t, int64_t, int64_t, int64_t) {
  if (b < 0 || b >= v[GpuTable::X].sizes[0])
    return -1;
  return static_cast<const int32_t *>(v[GpuTable::Doc].as.data)[b] < 0 ? FOVEA_TILE_EMPTY : FOVEA_TILE_FULL;
}

static constexpr char kImage[] = "an image that only the fake driver takes";

GpuTable::GpuTable()
    : params{{"x", FOVEA_PARAM_TENSOR, 0, kDLFloat, 16, 2, 0, {-1, -1}, {"R", "C"}},
             {"doc", FOVEA_PARAM_TENSOR, FOVEA_PARAM_FROZEN, kDLInt, 32, 1, 0, {-1}, {"R"}},
             {"scale", FOVEA_PARAM_FLOAT, 0, kDLFloat, 32, 0, 0, {}, {}},
             {"out", FOVEA_PARAM_TENSOR, FOVEA_PARAM_OUTPUT, kDLFloat, 16, 2, 0, {-1, -1}, {"R", "C"}}},
      summary{Doc, FOVEA_SUMMARY_RANGE, {0, -1}, {8, 1}}, map{X, 128, {8, 64}}, aligned{X, Out}, code{}, kernel{},
      module{FOVEA_ABI_MAGIC, FOVEA_ABI_VERSION, "by hand", &kernel, 1, 0} {
  code.image = kImage;
  code.image_bytes = sizeof kImage;
  code.arch = "sm_80";
  code.aligned = aligned;
  code.kind = FOVEA_GPU_CUBIN;
  code.num_aligned = 2;
  code.entry = {"xor_rows", nullptr, 65536, 128, 0};
  kernel.name = "xor_rows";
  kernel.params = params;
  kernel.summaries = &summary;
  kernel.plan = xorPlan;
  kernel.classify = xorClassify;
  kernel.gpu = &code;
  kernel.num_params = NumParams;
  kernel.num_summaries = 1;
}

void GpuTable::useTma() {
  code.arch = "sm_90a";
  code.entry.maps = &map;
  code.entry.num_maps = 1;
  code.fallback = {"xor_rows_fallback", nullptr, 2048, 64, 0};
}

//===- Device memory ------------------------------------------------------===//

static fovea_device *device() {
  static fovea_device *const opened = [] {
    fovea_device *result = nullptr;
    EXPECT_EQ(fovea_device_open(0, &result, nullptr), FOVEA_OK);
    return result;
  }();
  return opened;
}

DeviceMemory::DeviceMemory(const void *contents, size_t bytes) : bytes(bytes) {
  EXPECT_EQ(fovea_device_alloc(device(), bytes, &memory, nullptr), FOVEA_OK);
  EXPECT_EQ(fovea_device_upload(device(), memory, contents, bytes, nullptr, nullptr), FOVEA_OK);
}

DeviceMemory::~DeviceMemory() { fovea_device_free(device(), memory); }

void DeviceMemory::download(void *to) const {
  EXPECT_EQ(fovea_device_download(device(), to, memory, bytes, nullptr, nullptr), FOVEA_OK);
}

//===- The call -----------------------------------------------------------===//

static std::vector<uint16_t> pattern(size_t size) {
  std::vector<uint16_t> result(size);
  for (size_t k = 0; k < size; ++k)
    result[k] = uint16_t(k * 2654435761u >> 7);
  return result;
}

GpuCall::GpuCall()
    : xData((fake::reset(), pattern(kRows * kColumns))), docData{3, -1, 500, 7, -1, 11},
      xMemory(xData.data(), xData.size() * sizeof(uint16_t)),
      docMemory(docData.data(), docData.size() * sizeof(int32_t)),
      outMemory(std::vector<uint16_t>(xData.size()).data(), xData.size() * sizeof(uint16_t)),
      x(xMemory.get(), kDLFloat, 16, {kRows, kColumns}), doc(docMemory.get(), kDLInt, 32, {kRows}),
      out(outMemory.get(), kDLFloat, 16, {kRows, kColumns}) {
  for (Tensor *tensor : {&x, &doc, &out})
    tensor->dl.device = {kDLCUDA, 0};
}

/// Every context that was entered has been left.
GpuCall::~GpuCall() {
  EXPECT_EQ(fake::depth(), 0u);
  fake::reset();
}

void GpuCall::SetUp() { fake::clearCalls(); }

void GpuCall::load() {
  module = makeModule(table.module);
  kernel = fovea_module_kernel_at(module.get(), 0);
}

std::vector<fovea_arg> GpuCall::args() {
  std::vector<fovea_arg> list(GpuTable::NumParams);
  const std::pair<int, Tensor *> tensors[] = {{GpuTable::X, &x}, {GpuTable::Doc, &doc}, {GpuTable::Out, &out}};
  for (auto [index, tensor] : tensors) {
    list[size_t(index)].kind = FOVEA_ARG_TENSOR;
    list[size_t(index)].as.tensor = tensor->get();
  }
  list[GpuTable::Scale].kind = FOVEA_ARG_FLOAT;
  list[GpuTable::Scale].as.f = 0.5;
  return list;
}

Answer GpuCall::plan(PlanPtr *plan, const fovea_exec *exec) {
  if (!module)
    load();
  return answerOf([&](fovea_error **error) {
    const std::vector<fovea_arg> list = args();
    fovea_plan *made = nullptr;
    const fovea_status status = fovea_plan_create(kernel, list.data(), list.size(), exec, &made, error);
    PlanPtr owner(made);
    if (plan)
      *plan = std::move(owner);
    return status;
  });
}

PlanPtr GpuCall::mustPlan() {
  PlanPtr made;
  const Answer answer = plan(&made);
  EXPECT_EQ(answer.status, FOVEA_OK) << answer.message;
  return made;
}

Answer GpuCall::run(const fovea_plan *plan, const fovea_exec *exec) {
  return answerOf([&](fovea_error **error) {
    const std::vector<fovea_arg> list = args();
    return fovea_run(plan, list.data(), list.size(), nullptr, exec, error);
  });
}

void GpuCall::executeLaunches() {
  fake::onLaunch([](const fake::Launch &launch) {
    const auto *v = static_cast<const fovea_value *>(launch.addresses[0]);
    const auto *tasks = *static_cast<const fovea_task *const *>(launch.addresses[1]);
    for (unsigned block = 0; block < launch.blocks; ++block) {
      const int64_t r = tasks[block].index[0];
      const auto *from = static_cast<const uint16_t *>(v[GpuTable::X].as.data) + r * v[GpuTable::X].strides[0];
      auto *to = static_cast<uint16_t *>(v[GpuTable::Out].as.data) + r * v[GpuTable::Out].strides[0];
      const int32_t with = static_cast<const int32_t *>(v[GpuTable::Doc].as.data)[r * v[GpuTable::Doc].strides[0]];
      for (int64_t c = 0; c < v[GpuTable::X].sizes[1]; ++c)
        to[c] = uint16_t(from[c] ^ with);
    }
    return 0;
  });
}

std::vector<uint16_t> GpuCall::expected() const {
  std::vector<uint16_t> result(xData.size());
  for (size_t k = 0; k < result.size(); ++k)
    if (const int32_t with = docData[k / kColumns]; with >= 0)
      result[k] = uint16_t(xData[k] ^ with);
  return result;
}

fovea_exec GpuCall::execOn(void *stream) {
  fovea_exec exec = makeExec(0);
  exec.stream = stream;
  return exec;
}
