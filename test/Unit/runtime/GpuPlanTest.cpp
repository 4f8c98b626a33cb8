// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a plan does with a driver, and each way in which it can be refused.
#include "GpuKernel.h"

using namespace fovea::test;
namespace fake = fovea::fake;

using Calls = std::vector<std::string>;

namespace {
struct GpuPlans : GpuCall {
  /// The message of a plan that must fail.
  std::string refusal(fovea_status status) {
    const Answer answer = plan();
    EXPECT_EQ(answer.status, status) << answer.message;
    return answer.message;
  }
};
} // namespace

TEST_F(GpuPlans, CallsInOrder) {
  PlanPtr made = mustPlan();
  const Calls expected = {"cuCtxPushCurrent_v2",  "cuModuleLoadDataEx",   "cuModuleGetFunction",  "cuFuncSetAttribute",
                          "cuMemcpyDtoHAsync_v2", "cuStreamSynchronize",  "cuCtxPopCurrent_v2",   "cuCtxPushCurrent_v2",
                          "cuMemAlloc_v2",        "cuMemcpyHtoDAsync_v2", "cuMemcpyHtoDAsync_v2", "cuStreamSynchronize",
                          "cuCtxPopCurrent_v2"};
  EXPECT_EQ(fake::calls(), expected);
  fake::clearCalls();
  PlanPtr second = mustPlan(); // the code is there already
  EXPECT_EQ(fake::calls(),
            Calls({"cuCtxPushCurrent_v2", "cuModuleGetFunction", "cuFuncSetAttribute", "cuMemcpyDtoHAsync_v2",
                   "cuStreamSynchronize", "cuCtxPopCurrent_v2", "cuCtxPushCurrent_v2", "cuMemAlloc_v2",
                   "cuMemcpyHtoDAsync_v2", "cuMemcpyHtoDAsync_v2", "cuStreamSynchronize", "cuCtxPopCurrent_v2"}));
}

TEST_F(GpuPlans, GivesEverythingBack) {
  const size_t memory = fake::liveMemory();
  PlanPtr made = mustPlan();
  EXPECT_EQ(fake::liveMemory(), memory + 1);
  EXPECT_EQ(fake::liveModules(), 1u);
  module.reset(); // the plan keeps it
  EXPECT_EQ(fake::liveModules(), 1u);
  made.reset();
  EXPECT_EQ(fake::liveMemory(), memory);
  EXPECT_EQ(fake::liveModules(), 0u);
}

/// The work list and the classifier come from the mask's data, which only the device has.
TEST_F(GpuPlans, ReadsFrozenTensorsFromTheDevice) {
  PlanPtr made = mustPlan();
  size_t count = 0;
  const fovea_task *tasks = fovea_plan_tasks(made.get(), &count);
  ASSERT_EQ(count, 4u);
  EXPECT_EQ(tasks[1].index[0], 2);
  int32_t kind = -1;
  EXPECT_EQ(fovea_plan_classify(made.get(), 1, 0, 0, 1, 0, 1, &kind), FOVEA_OK);
  EXPECT_EQ(kind, FOVEA_TILE_EMPTY);
  EXPECT_EQ(fovea_plan_classify(made.get(), 0, 0, 0, 1, 0, 1, &kind), FOVEA_OK);
  EXPECT_EQ(kind, FOVEA_TILE_FULL);
}

TEST_F(GpuPlans, FrozenTensorsMayBeReversed) {
  doc.dl.data = static_cast<char *>(docMemory.get()) + (kRows - 1) * sizeof(int32_t);
  doc.strides = {-1};
  PlanPtr made = mustPlan();
  size_t count = 0;
  const fovea_task *tasks = fovea_plan_tasks(made.get(), &count);
  ASSERT_EQ(count, 4u);
  EXPECT_EQ(tasks[0].index[0], 0);
  EXPECT_EQ(tasks[1].index[0], 2);
}

TEST_F(GpuPlans, HasOneSlotAndNoWorkspace) {
  PlanPtr made;
  const fovea_exec exec = makeExec(8);
  ASSERT_EQ(plan(&made, &exec).status, FOVEA_OK);
  fovea_plan_stats stats{};
  stats.struct_size = sizeof stats;
  EXPECT_EQ(fovea_plan_get_stats(made.get(), &stats), FOVEA_OK);
  EXPECT_EQ(stats.slots, 1u);
  EXPECT_EQ(stats.fallback_runs, 0);
  EXPECT_EQ(fovea_plan_workspace(made.get()), 0u);
  EXPECT_EQ(fovea_workspace_init(made.get(), nullptr), FOVEA_OK);
}

TEST_F(GpuPlans, UsesTheProgramsOwnContext) {
  fake::pushOwnContext(0);
  PlanPtr made = mustPlan();
  fake::popContext();
  executeLaunches();
  EXPECT_EQ(run(made.get()).message, ""); // the fake driver refuses a function of another context
  EXPECT_EQ(outMemory.read<uint16_t>(), expected());
}

TEST_F(GpuPlans, TensorsOnTheWrongDevice) {
  x.dl.device = {kDLCPU, 0};
  EXPECT_EQ(refusal(FOVEA_INVALID),
            "argument 0 'x': its memory is on device cpu:0, but the kernel runs on an NVIDIA GPU "
            "(cuda): copy it there first");
  x.dl.device = {kDLCUDA, 0};
  out.dl.device = {kDLCUDA, 1};
  fake::setDevices(2);
  EXPECT_EQ(refusal(FOVEA_INVALID),
            "argument 3 'out': its memory is on device cuda:1, but that of argument 0 'x' is on "
            "cuda:0: a kernel runs on one device");
}

TEST_F(GpuPlans, GpuTensorsForTheCpu) {
  RowSum call;
  call.x.dl.device = {kDLCUDA, 0};
  EXPECT_EQ(call.plan().message,
            "argument 0 'x': its memory is on device cuda:0, but the kernel runs on the CPU: copy it "
            "there first");
}

TEST_F(GpuPlans, NoSuchDevice) {
  fake::setDevices(0);
  EXPECT_EQ(refusal(FOVEA_NO_DEVICE), "there is no cuda:0: this machine has no GPU that the driver may use");
  fake::setDevices(2);
  for (Tensor *tensor : {&x, &doc, &out})
    tensor->dl.device = {kDLCUDA, 2};
  EXPECT_EQ(refusal(FOVEA_NO_DEVICE), "there is no cuda:2: this machine has cuda:0 to cuda:1");
}

TEST_F(GpuPlans, CodeForAnotherChip) {
  struct {
    const char *arch;
    int kind, major, minor;
    bool runs;
  } const cases[] = {{"sm_80", FOVEA_GPU_CUBIN, 8, 0, true},    {"sm_80", FOVEA_GPU_CUBIN, 8, 6, true},
                     {"sm_86", FOVEA_GPU_CUBIN, 8, 0, false},   {"sm_80", FOVEA_GPU_CUBIN, 9, 0, false},
                     {"sm_80", FOVEA_GPU_PTX, 9, 0, true},      {"sm_90", FOVEA_GPU_PTX, 8, 9, false},
                     {"sm_90a", FOVEA_GPU_CUBIN, 9, 0, true},   {"sm_90a", FOVEA_GPU_PTX, 10, 0, false},
                     {"sm_100f", FOVEA_GPU_CUBIN, 10, 3, true}, {"sm_100f", FOVEA_GPU_CUBIN, 12, 0, false},
                     {"sm_120", FOVEA_GPU_CUBIN, 12, 1, true}};
  for (const auto &c : cases) {
    table.code.arch = c.arch;
    table.code.kind = c.kind;
    fake::setCapability(c.major, c.minor);
    load();
    EXPECT_EQ(plan().status, c.runs ? FOVEA_OK : FOVEA_UNSUPPORTED) << c.arch << " on " << c.major << "." << c.minor;
  }
  table.code.arch = "sm_90a";
  table.code.kind = FOVEA_GPU_CUBIN;
  fake::setCapability(8, 6);
  load();
  EXPECT_EQ(refusal(FOVEA_UNSUPPORTED),
            "the code is for sm_90a, but cuda:0 (Fake GPU) is an sm_86: compile it for the target cuda:sm_86");
}

TEST_F(GpuPlans, CodeThatTheDriverRefuses) {
  table.code.kind = FOVEA_GPU_PTX;
  fake::fail("cuModuleLoadDataEx", 218);
  fake::setLoadLog("ptxas application ptx input, line 9; fatal : unsupported .version 9.0");
  EXPECT_EQ(refusal(FOVEA_UNSUPPORTED),
            "cuda:0 (Fake GPU) cannot load PTX for sm_80: CUDA_ERROR_INVALID_PTX (218), a PTX JIT compilation failed\n"
            "ptxas application ptx input, line 9; fatal : unsupported .version 9.0");
  fake::fail("cuModuleGetFunction", 500);
  EXPECT_EQ(refusal(FOVEA_INTERNAL),
            "the code has no kernel 'xor_rows': CUDA_ERROR_NOT_FOUND (500), named symbol not found");
}

TEST_F(GpuPlans, LimitsOfTheDevice) {
  fake::setLimits(65535, 1024, 1 << 30);
  EXPECT_EQ(
      refusal(FOVEA_UNSUPPORTED),
      "kernel 'xor_rows' needs 65536 bytes of shared memory per block, but cuda:0 (Fake GPU) has 65535: compile it "
      "for that device, or with a smaller key_block or query_tile");
  fake::setLimits(163 << 10, 64, 1 << 30);
  EXPECT_EQ(refusal(FOVEA_UNSUPPORTED),
            "kernel 'xor_rows' has 128 threads per block, but cuda:0 (Fake GPU) runs at most 64");
  fake::setLimits(163 << 10, 1024, 3);
  EXPECT_EQ(refusal(FOVEA_OUT_OF_RANGE),
            "these sizes make 4 tasks, but a grid on cuda:0 (Fake GPU) has at most 3 blocks: split the batch");
}

TEST_F(GpuPlans, OutOfMemory) {
  const size_t memory = fake::liveMemory();
  fake::fail("cuMemAlloc_v2", 2);
  const size_t bytes = 4 * sizeof(fovea_task) + 128; // the summary has a line of its own
  EXPECT_EQ(refusal(FOVEA_NO_MEMORY), "cannot have " + std::to_string(bytes) +
                                          " bytes on cuda:0 for the plan's work list: CUDA_ERROR_OUT_OF_MEMORY (2), "
                                          "out of memory");
  fake::fail("cuMemcpyHtoDAsync_v2", 700);
  EXPECT_EQ(refusal(FOVEA_INTERNAL),
            "cannot copy the plan's work list to the device: CUDA_ERROR_ILLEGAL_ADDRESS (700), "
            "an illegal memory access was encountered");
  EXPECT_EQ(fake::liveMemory(), memory);
}

/// What an earlier kernel broke, and what was never device memory.
TEST_F(GpuPlans, BrokenStreamsAndAddresses) {
  fake::fail("cuStreamSynchronize", 700);
  EXPECT_EQ(refusal(FOVEA_INTERNAL),
            "work on the stream failed: CUDA_ERROR_ILLEGAL_ADDRESS (700), an illegal memory access was encountered");
  fake::fail("cuCtxPushCurrent_v2", 201);
  EXPECT_EQ(refusal(FOVEA_INTERNAL),
            "cannot use the device's context: CUDA_ERROR_INVALID_CONTEXT (201), invalid device context");
  doc.dl.data = docData.data();
  EXPECT_EQ(refusal(FOVEA_INTERNAL), "argument 1 'doc': cannot copy it to the host, where the plan reads it: "
                                     "CUDA_ERROR_INVALID_VALUE (1), invalid argument");
}

TEST_F(GpuPlans, DamagedTables) {
  const auto expect = [&](const std::string &message) {
    fovea_module *made = nullptr;
    const Answer answer = answerOf(
        [&](fovea_error **error) { return fovea_module_create(&table.module, nullptr, nullptr, &made, error); });
    EXPECT_EQ(answer.status, FOVEA_CORRUPT);
    EXPECT_EQ(answer.message, "module table: " + message + " (build by hand)");
  };
  table.kernel.task = kRowSumTable.kernels[0].task;
  expect("kernel 'xor_rows' has code for the CPU and for a GPU");
  table.kernel.task = nullptr;
  for (const char *arch : {static_cast<const char *>(nullptr), "", "sm_", "sm_75", "gfx90a", "sm_90b", "sm_90aa"}) {
    table.code.arch = arch;
    expect("GPU kernel 'xor_rows' has no code, or code for no GPU");
  }
  table.useTma();
  table.map.param = GpuTable::Scale;
  expect("GPU kernel 'xor_rows' has a tensor map of something that TMA does not know");
  table.map = {GpuTable::X, 256, {8, 64}};
  expect("GPU kernel 'xor_rows' has a tensor map with an unknown swizzle");
  table.map = {GpuTable::X, 128, {8, 0}};
  expect("GPU kernel 'xor_rows' has a tensor map with a box that TMA does not know");
  table.map = {GpuTable::X, 128, {8, 64}};
  table.code.entry.num_maps = 40;
  expect("GPU kernel 'xor_rows' has more parameters than a launch passes");
  table.code.entry.num_maps = 1;
  table.aligned[1] = GpuTable::Scale;
  expect("GPU kernel 'xor_rows' wants something aligned that is no tensor");
  table.aligned[1] = GpuTable::Out;
  table.code.kind = FOVEA_GPU_PTX;
  table.code.image_bytes = 3;
  expect("GPU kernel 'xor_rows' has PTX without an end");
  table.code.image_bytes = 0;
  expect("GPU kernel 'xor_rows' has no code, or code for no GPU");
}
