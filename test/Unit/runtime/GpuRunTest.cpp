// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One launch: what the driver gets, byte for byte, and what is refused before it gets anything.
#include "GpuKernel.h"

#include <cstring>

using namespace fovea::test;
namespace fake = fovea::fake;

using Calls = std::vector<std::string>;

namespace {
constexpr size_t kMapBytes = 128;

struct GpuRuns : GpuCall {
  /// The message of a run that must fail, and launch nothing.
  std::string refusal(const fovea_plan *plan, fovea_status status) {
    const size_t before = fake::launches().size();
    const Answer answer = run(plan);
    EXPECT_EQ(answer.status, status) << answer.message;
    EXPECT_EQ(fake::launches().size(), before);
    return answer.message;
  }
  static int64_t fallbackRuns(const fovea_plan *plan) {
    fovea_plan_stats stats{};
    stats.struct_size = sizeof stats;
    EXPECT_EQ(fovea_plan_get_stats(plan, &stats), FOVEA_OK);
    return stats.fallback_runs;
  }
};

template <typename T> T read(const std::vector<char> &bytes, size_t index = 0) {
  T result;
  EXPECT_LE((index + 1) * sizeof(T), bytes.size());
  std::memcpy(&result, bytes.data() + index * sizeof(T), sizeof result);
  return result;
}
} // namespace

TEST_F(GpuRuns, LaunchesAndNothingElse) {
  PlanPtr plan = mustPlan();
  fake::clearCalls();
  EXPECT_EQ(run(plan.get()).message, "");
  EXPECT_EQ(fake::calls(), Calls({"cuCtxPushCurrent_v2", "cuLaunchKernel", "cuCtxPopCurrent_v2"}));
}

TEST_F(GpuRuns, ComputesWhatTheKernelComputes) {
  executeLaunches();
  PlanPtr plan = mustPlan();
  EXPECT_EQ(run(plan.get()).message, "");
  EXPECT_EQ(outMemory.read<uint16_t>(), expected());
}

TEST_F(GpuRuns, Parameters) {
  PlanPtr plan = mustPlan();
  x.strides = {kColumns, 1};
  fake::setParameters("xor_rows", {5 * sizeof(fovea_value), sizeof(void *)});
  const fovea_exec exec = execOn(reinterpret_cast<void *>(0x1234));
  EXPECT_EQ(run(plan.get(), &exec).message, "");
  ASSERT_EQ(fake::launches().size(), 1u);
  const fake::Launch launch = fake::launches()[0];
  EXPECT_EQ(launch.kernel, "xor_rows");
  EXPECT_EQ(launch.blocks, 4u);
  EXPECT_EQ(launch.threads, 128u);
  EXPECT_EQ(launch.sharedBytes, 65536u);
  EXPECT_EQ(launch.stream, reinterpret_cast<void *>(0x1234));

  ASSERT_EQ(launch.parameters.size(), 2u);
  const auto value = [&](size_t index) { return read<fovea_value>(launch.parameters[0], index); };
  EXPECT_EQ(value(GpuTable::X).as.data, xMemory.get());
  EXPECT_EQ(value(GpuTable::X).sizes[0], kRows);
  EXPECT_EQ(value(GpuTable::X).sizes[1], kColumns);
  EXPECT_EQ(value(GpuTable::X).strides[0], kColumns);
  EXPECT_EQ(value(GpuTable::X).strides[1], 1);
  EXPECT_EQ(value(GpuTable::Doc).as.data, docMemory.get()); // the device's, not the plan's copy
  EXPECT_EQ(value(GpuTable::Scale).as.f, 0.5);
  EXPECT_EQ(value(GpuTable::Out).as.data, outMemory.get());

  // Six numbers are one block: the least and the greatest.
  const fovea_value summary = value(GpuTable::NumParams);
  EXPECT_EQ(summary.sizes[0], 2);
  int64_t range[2];
  fovea_device *device = nullptr;
  ASSERT_EQ(fovea_device_open(0, &device, nullptr), FOVEA_OK);
  EXPECT_EQ(fovea_device_download(device, range, summary.as.data, sizeof range, nullptr, nullptr), FOVEA_OK);
  EXPECT_EQ(range[0], -1);
  EXPECT_EQ(range[1], 500);

  size_t count = 0;
  const fovea_task *tasks = fovea_plan_tasks(plan.get(), &count);
  std::vector<fovea_task> there(count);
  EXPECT_EQ(fovea_device_download(device, there.data(), read<void *>(launch.parameters[1]), count * sizeof *tasks,
                                  nullptr, nullptr),
            FOVEA_OK);
  EXPECT_EQ(std::memcmp(there.data(), tasks, count * sizeof *tasks), 0);
  fovea_device_close(device);
}

TEST_F(GpuRuns, CanBeCaptured) {
  PlanPtr plan = mustPlan();
  fake::setCapturing(true);
  EXPECT_EQ(run(plan.get()).message, "");
  EXPECT_EQ(fake::launches().size(), 1u);
  // A plan cannot, and says so.
  EXPECT_EQ(GpuCall::plan().message,
            "argument 1 'doc': cannot copy it to the host, where the plan reads it: "
            "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED (900), operation not permitted when stream is capturing");
  fake::setCapturing(false);
}

/// Callers that were compiled before there was a stream.
TEST_F(GpuRuns, AnExecWithoutAStream) {
  PlanPtr plan = mustPlan();
  fovea_exec exec = execOn(reinterpret_cast<void *>(0x1234));
  exec.struct_size = offsetof(fovea_exec, stream);
  EXPECT_EQ(run(plan.get(), &exec).message, "");
  EXPECT_EQ(fake::launches().at(0).stream, nullptr);
  exec.struct_size = offsetof(fovea_exec, cancel);
  EXPECT_EQ(run(plan.get(), &exec).status, FOVEA_INVALID);
}

TEST_F(GpuRuns, NothingToDo) {
  docData.assign(kRows, -1);
  DeviceMemory none(docData.data(), docData.size() * sizeof(int32_t));
  doc.dl.data = none.get();
  PlanPtr plan = mustPlan();
  EXPECT_EQ(run(plan.get()).message, "");
  EXPECT_TRUE(fake::launches().empty()); // a grid of no blocks would be an error
}

TEST_F(GpuRuns, CancelledBefore) {
  PlanPtr plan = mustPlan();
  const volatile int32_t cancel = 1;
  fovea_exec exec = execOn(nullptr);
  exec.cancel = &cancel;
  EXPECT_EQ(run(plan.get(), &exec).status, FOVEA_CANCELLED);
  EXPECT_TRUE(fake::launches().empty());
}

TEST_F(GpuRuns, HasNoSlots) {
  PlanPtr plan = mustPlan();
  const Answer answer = answerOf([&](fovea_error **error) {
    const std::vector<fovea_arg> list = args();
    return fovea_run_slot(plan.get(), list.data(), list.size(), nullptr, 0, nullptr, error);
  });
  EXPECT_EQ(answer.status, FOVEA_UNSUPPORTED);
  EXPECT_EQ(answer.message, "a GPU's kernel is one launch and has no slots: call fovea_run");
}

TEST_F(GpuRuns, MisalignedAddress) {
  PlanPtr plan = mustPlan();
  x.dl.byte_offset = 8;
  EXPECT_EQ(
      refusal(plan.get(), FOVEA_INVALID),
      "argument 0 'x': its first element is at an address that is no multiple of 16, and GPU code copies 16 bytes at "
      "a time: copy it to aligned memory");
}

TEST_F(GpuRuns, MisalignedStrides) {
  PlanPtr plan = mustPlan();
  x.strides = {kColumns + 4, 1};
  EXPECT_EQ(
      refusal(plan.get(), FOVEA_INVALID),
      "argument 0 'x': dimension 0 'R' has a stride of 68 elements, which are no whole 16 bytes: GPU code copies 16 "
      "bytes at a time");
  x.strides = {8 * kColumns, 8};
  EXPECT_EQ(refusal(plan.get(), FOVEA_INVALID),
            "argument 0 'x': dimension 1 'C' has a stride of 8 elements, but must have "
            "1: GPU code copies 16 bytes at a time");
}

TEST_F(GpuRuns, ArgumentsOfAnotherPlace) {
  fake::setDevices(2);
  PlanPtr plan = mustPlan();
  for (Tensor *tensor : {&x, &doc, &out})
    tensor->dl.device = {kDLCUDA, 1};
  EXPECT_EQ(refusal(plan.get(), FOVEA_INVALID),
            "the arguments are on cuda:1, but the plan was made for cuda:0: make a plan for it");
  for (Tensor *tensor : {&x, &doc, &out})
    tensor->dl.device = {kDLCPU, 0};
  EXPECT_EQ(refusal(plan.get(), FOVEA_INVALID),
            "argument 0 'x': its memory is on device cpu:0, but the kernel runs on an "
            "NVIDIA GPU (cuda): copy it there first");
}

TEST_F(GpuRuns, AnotherShape) {
  PlanPtr plan = mustPlan();
  x.shape = {kRows, kColumns / 2};
  out.shape = {kRows, kColumns / 2};
  EXPECT_EQ(refusal(plan.get(), FOVEA_INVALID),
            "argument 0 'x': dimension 1 'C' has size 32, but the plan was made for 64: make a plan for it");
}

TEST_F(GpuRuns, LaunchErrors) {
  PlanPtr plan = mustPlan();
  fake::fail("cuLaunchKernel", 701);
  EXPECT_EQ(
      refusal(plan.get(), FOVEA_INTERNAL),
      "cannot launch kernel 'xor_rows': CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES (701), too many resources requested for "
      "launch");
  const fovea_exec exec = execOn(reinterpret_cast<void *>(0xBAD));
  const Answer answer = run(plan.get(), &exec);
  EXPECT_EQ(answer.status, FOVEA_INVALID);
  EXPECT_EQ(answer.message,
            "cannot launch kernel 'xor_rows': CUDA_ERROR_INVALID_HANDLE (400), invalid resource handle");
  EXPECT_EQ(run(plan.get()).message, "") << "a refused launch leaves the plan as it was";
}

//===- TMA ----------------------------------------------------------------===//

namespace {
struct Tma : GpuRuns {
  void SetUp() override {
    GpuRuns::SetUp();
    fake::setCapability(9, 0);
    fake::setParameters("xor_rows", {5 * sizeof(fovea_value), sizeof(void *), kMapBytes});
    fake::setParameters("xor_rows_fallback", {5 * sizeof(fovea_value), sizeof(void *)});
    table.useTma();
  }
};
} // namespace

TEST_F(Tma, EncodesMapsForEachRun) {
  PlanPtr plan = mustPlan();
  fake::clearCalls();
  fake::setCapturing(true);
  x.strides = {2 * kColumns, 1};
  x.shape = out.shape = {kRows, kColumns};
  EXPECT_EQ(run(plan.get()).message, "");
  EXPECT_EQ(fake::calls(),
            Calls({"cuTensorMapEncodeTiled", "cuCtxPushCurrent_v2", "cuLaunchKernel", "cuCtxPopCurrent_v2"}));
  const fake::Launch launch = fake::launches().at(0);
  EXPECT_EQ(launch.kernel, "xor_rows");
  EXPECT_EQ(launch.places.at(2) % 64, 0u);
  const std::vector<char> &map = launch.parameters.at(2);
  const auto word = [&](size_t index) { return read<uint64_t>(map, index); };
  EXPECT_EQ(word(0), reinterpret_cast<uintptr_t>(xMemory.get()));
  EXPECT_EQ(word(1), 6u); // float16
  EXPECT_EQ(word(2), 2u); // dimensions
  EXPECT_EQ(word(3), 3u); // swizzle of 128 bytes
  EXPECT_EQ(word(4), uint64_t(kColumns));
  EXPECT_EQ(word(5), uint64_t(kRows));
  EXPECT_EQ(word(9), uint64_t(2 * kColumns * 2)); // bytes
  EXPECT_EQ(read<uint32_t>(map, 26), 64u);        // the box, innermost first
  EXPECT_EQ(read<uint32_t>(map, 27), 8u);
  EXPECT_EQ(fallbackRuns(plan.get()), 0);
}

/// A dimension that is never stepped has any stride.
TEST_F(Tma, OneRow) {
  x.shape = out.shape = {1, kColumns};
  doc.shape = {1};
  x.strides = {3, 1};
  PlanPtr plan = mustPlan();
  EXPECT_EQ(run(plan.get()).message, "");
  EXPECT_EQ(read<uint64_t>(fake::launches().at(0).parameters.at(2), 9), 16u);
}

TEST_F(Tma, FallsBackWhereStridesAreRefused) {
  executeLaunches();
  PlanPtr plan = mustPlan();
  x.dl.byte_offset = (kRows - 1) * kColumns * sizeof(uint16_t);
  x.strides = {-kColumns, 1};
  EXPECT_EQ(run(plan.get()).message, "");
  const fake::Launch launch = fake::launches().at(0);
  EXPECT_EQ(launch.kernel, "xor_rows_fallback");
  EXPECT_EQ(launch.threads, 64u);
  EXPECT_EQ(launch.sharedBytes, 2048u);
  EXPECT_EQ(launch.blocks, 4u);
  EXPECT_EQ(fallbackRuns(plan.get()), 1);
  x.dl.byte_offset = 0;
  x.strides = {0, 1};
  EXPECT_EQ(run(plan.get()).message, "");
  EXPECT_EQ(fallbackRuns(plan.get()), 2);
  x.strides = {};
  EXPECT_EQ(run(plan.get()).message, "");
  EXPECT_EQ(fake::launches().at(2).kernel, "xor_rows");
  EXPECT_EQ(fallbackRuns(plan.get()), 2);
}

TEST_F(Tma, NoFallback) {
  table.code.fallback.name = nullptr;
  PlanPtr plan = mustPlan();
  x.strides = {0, 1};
  EXPECT_EQ(refusal(plan.get(), FOVEA_INVALID),
            "argument 0 'x': TMA cannot describe a tensor that has a stride of 0 or "
            "below: copy it to memory of its own, densely");
}

TEST_F(Tma, RefusedByTheDriver) {
  PlanPtr plan = mustPlan();
  fake::fail("cuTensorMapEncodeTiled", 1);
  EXPECT_EQ(refusal(plan.get(), FOVEA_INTERNAL),
            "argument 0 'x': TMA cannot describe it: CUDA_ERROR_INVALID_VALUE (1), invalid argument");
}
