// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiled for a GPU, planned and launched through the fake driver, whose launches the simulator executes: the values,
// the work list and the launch are what the kernel wants.
#include "Fixture.h"

#include "SimulatedKernels.h"
#include "fovea/Engine/Engine.h"

#include <algorithm>
#include <memory>

using namespace fovea::test;
using namespace fovea::reference;
namespace fake = fovea::fake;

namespace {

struct Release {
  void operator()(fovea_module *module) const { fovea_module_release(module); }
  void operator()(fovea_plan *plan) const { fovea_plan_destroy(plan); }
  void operator()(fovea_device *device) const { fovea_device_close(device); }
};
template <typename T> using Owned = std::unique_ptr<T, Release>;

Owned<fovea_module> compile(const std::string &text, const std::string &target,
                            std::vector<std::string> *remarks = {}) {
  fovea::CompileOptions options;
  options.target = target;
  if (remarks)
    options.remark = [remarks](const fovea_remark &remark) {
      remarks->push_back(std::string(remark.kind) + " " + remark.name + ": " + remark.text);
    };
  fovea_compile_times times;
  fovea::CompileError error;
  Owned<fovea_module> module(fovea::compile(text, options, times, error));
  EXPECT_TRUE(module) << error.message;
  return module;
}

struct GpuLaunch : testing::Test {
  GpuLaunch() {
    fake::reset();
    fovea_device *opened = nullptr;
    EXPECT_EQ(fovea_device_open(0, &opened, nullptr), FOVEA_OK);
    device.reset(opened);
  }
  ~GpuLaunch() override {
    for (void *block : memory)
      fovea_device_free(device.get(), block);
    fake::reset();
  }

  void *upload(const HostTensor &tensor) {
    void *block = nullptr;
    EXPECT_EQ(fovea_device_alloc(device.get(), tensor.bytes.size(), &block, nullptr), FOVEA_OK);
    EXPECT_EQ(fovea_device_upload(device.get(), block, tensor.bytes.data(), tensor.bytes.size(), nullptr, nullptr),
              FOVEA_OK);
    memory.push_back(block);
    return block;
  }

  /// Outputs in the reference's order: a bf16 tensor, then the log-sum-exp.
  Outcome launch(const Case &c, const std::string &arch = "sm_80");

  Owned<fovea_device> device;
  std::vector<void *> memory;
};

Outcome GpuLaunch::launch(const Case &c, const std::string &arch) {
  Owned<fovea_module> module = compile(c.text(), "cuda:" + arch), simulated = compile(c.text(), "sim:" + arch);
  fake::onLaunch([&](const fake::Launch &launch) { return fake::executeLaunch(simulated.get(), launch); });
  std::vector<TensorRef> inputs = c.inputs();
  Outcome run;
  run.outputs.push_back(HostTensor::zeros(DType::BF16, {c.batches, c.heads, c.queries, c.valueSize}));
  run.outputs.push_back(HostTensor::zeros(DType::F32, {c.batches, c.heads, c.queries}));
  std::vector<HostTensor *> tensors = {inputs[0].get(), inputs[1].get(), inputs[2].get(), &run.outputs[0],
                                       &run.outputs[1]};
  std::vector<DLTensor> views;
  std::vector<std::vector<int64_t>> strides;
  for (HostTensor *tensor : tensors)
    strides.push_back(c.strides(strides.size(), tensor->shape));
  for (HostTensor *tensor : tensors) {
    DLTensor view = {};
    view.data = tensor->bytes.empty() ? nullptr : upload(*tensor);
    view.device = {kDLCUDA, 0};
    view.ndim = int32_t(tensor->shape.size());
    view.dtype = {uint8_t(tensor->dtype == DType::F32 ? kDLFloat : kDLBfloat), uint8_t(8 * byteWidth(tensor->dtype)),
                  1};
    view.shape = tensor->shape.data();
    if (std::vector<int64_t> &own = strides[views.size()]; !own.empty())
      view.strides = own.data();
    views.push_back(view);
  }
  std::vector<fovea_arg> args(6);
  for (size_t k = 0; k < args.size(); ++k) {
    args[k].kind = k == 3 ? FOVEA_ARG_INT : FOVEA_ARG_TENSOR;
    if (k == 3)
      args[k].as.i = c.offset;
    else
      args[k].as.tensor = &views[k - (k > 3)];
  }
  fovea_error *error = nullptr;
  const fovea_kernel *kernel = fovea_module_kernel_at(module.get(), 0);
  fovea_plan *made = nullptr;
  fovea_status status = fovea_plan_create(kernel, args.data(), args.size(), nullptr, &made, &error);
  Owned<fovea_plan> plan(made);
  if (status == FOVEA_OK)
    status = fovea_run(plan.get(), args.data(), args.size(), nullptr, nullptr, &error);
  if (status != FOVEA_OK) {
    run.error = fovea_error_message(error);
    fovea_error_destroy(error);
    return run;
  }
  for (size_t k = 0; k < 2; ++k)
    EXPECT_EQ(fovea_device_download(device.get(), run.outputs[k].bytes.data(), views[3 + k].data,
                                    run.outputs[k].bytes.size(), nullptr, nullptr),
              FOVEA_OK);
  run.stats.struct_size = sizeof(run.stats);
  fovea_plan_get_stats(plan.get(), &run.stats);
  return run;
}

} // namespace

TEST_F(GpuLaunch, ComputesWhatTheReferenceDoes) {
  const std::pair<const char *, const char *> masks[] = {{"", ""}, {kWindow, ""}, {kSinks, kSoftcap}};
  for (auto [mask, score] : masks) {
    Case c;
    c.mask = mask;
    c.score = score;
    c.heads = 4;
    c.kvHeads = 2;
    c.queries = 70;
    c.keys = 150;
    c.offset = 80;
    Outcome run = launch(c);
    ASSERT_EQ(run.error, "");
    EXPECT_LE(worstRatio(evaluate(c), run), 1);
    EXPECT_EQ(fake::launches().back().blocks, 8u);
    EXPECT_EQ(fake::launches().back().threads, 128u);
  }
}

/// Tensor maps come behind the tasks. Without keys there is none to make of them, and 0 to write.
TEST_F(GpuLaunch, WarpgroupsTakeTensorMaps) {
  fake::setCapability(9, 0);
  fake::setLimits(227 * 1024, 1024, 0x7FFFFFFF);
  for (int64_t keys : {150, 0}) {
    Case c;
    c.mask = kWindow;
    c.heads = 4;
    c.kvHeads = 2;
    c.queries = 130;
    c.keys = keys;
    c.offset = 20;
    fake::clearCalls();
    Outcome run = launch(c, "sm_90a");
    ASSERT_EQ(run.error, "");
    EXPECT_LE(worstRatio(evaluate(c), run), 1);
    EXPECT_EQ(fake::launches().back().blocks, 8u);
    EXPECT_EQ(fake::launches().back().threads, 384u);
    std::vector<std::string> calls = fake::calls();
    EXPECT_EQ(std::count(calls.begin(), calls.end(), "cuTensorMapEncodeTiled"), keys ? 3 : 1);
  }
}

/// Sequences that share their memory have a stride of 0: warps compute the same tasks without tensor maps.
TEST_F(GpuLaunch, WhatTmaRefusesIsComputedByWarps) {
  fake::setCapability(9, 0);
  fake::setLimits(227 * 1024, 1024, 0x7FFFFFFF);
  Case c;
  c.mask = kWindow;
  c.batches = 2;
  c.heads = 4;
  c.kvHeads = 2;
  c.queries = 130;
  c.keys = 300;
  c.offset = 170;
  c.isRepeated = true;
  for (bool isShared : {true, false}) {
    c.isShared = isShared;
    fake::clearCalls();
    Outcome run = launch(c, "sm_90a");
    ASSERT_EQ(run.error, "");
    EXPECT_LE(worstRatio(evaluate(c), run), 1);
    const fake::Launch launch = fake::launches().back();
    EXPECT_EQ(launch.kernel, isShared ? "main_fallback" : "main");
    EXPECT_EQ(launch.blocks, 16u);
    EXPECT_EQ(launch.threads, isShared ? 256u : 384u);
    EXPECT_EQ(run.stats.fallback_runs, isShared);
    std::vector<std::string> calls = fake::calls();
    EXPECT_EQ(std::count(calls.begin(), calls.end(), "cuTensorMapEncodeTiled"), isShared ? 0 : 3);
  }
}

/// What a plan's function finds wrong with shapes on a device.
TEST_F(GpuLaunch, Refusals) {
  Case c;
  c.heads = 3;
  c.kvHeads = 2;
  EXPECT_EQ(launch(c).error, "the number of query heads must be a multiple of the number of kv heads");
  EXPECT_TRUE(fake::launches().empty());
}

TEST_F(GpuLaunch, SaysWhoAssembles) {
  std::vector<std::string> remarks;
  compile(Case().text(), "cuda:sm_90", &remarks);
  size_t found = 0;
  for (const std::string &remark : remarks)
    found += remark.rfind("passed Assemble: by ", 0) == 0 || remark.rfind("missed Assemble: there is no ptxas", 0) == 0;
  EXPECT_EQ(found, 1u);
}

TEST_F(GpuLaunch, WhatAGpuHasNoCodeFor) {
  fovea::CompileOptions options;
  options.target = "cuda:sm_80";
  fovea_compile_times times;
  fovea::CompileError error;
  Case c;
  c.keySize = 40;
  EXPECT_EQ(fovea::compile(c.text(), options, times, error), nullptr);
  EXPECT_EQ(error.status, FOVEA_INVALID);
  EXPECT_NE(error.message.find("has a head size of 40; GPU code takes multiples of 16 up to 256"), std::string::npos)
      << error.message;
  options.target = "cuda:sm_70";
  EXPECT_EQ(fovea::compile(Case().text(), options, times, error), nullptr);
  EXPECT_EQ(error.status, FOVEA_UNSUPPORTED);
}
