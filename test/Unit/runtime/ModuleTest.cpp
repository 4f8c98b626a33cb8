// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "RowSum.h"

using namespace fovea::test;

namespace {

/// A copy of the good table, to be damaged.
struct Damaged : ::testing::Test {
  Damaged() : params(kRowSumTable.kernels->params, kRowSumTable.kernels->params + NumParams) {
    kernels[0] = kernels[1] = *kRowSumTable.kernels;
    kernels[0].params = kernels[1].params = params.data();
    table.kernels = kernels;
  }
  std::string refusal() {
    fovea_module *module = nullptr;
    int destroyed = 0;
    const Answer answer = answerOf([&](fovea_error **error) {
      return fovea_module_create(&table, &destroyed, [](void *owner) { ++*static_cast<int *>(owner); }, &module, error);
    });
    EXPECT_EQ(answer.status, FOVEA_CORRUPT);
    EXPECT_EQ(module, nullptr);
    EXPECT_EQ(destroyed, 0) << "the caller keeps the owner";
    return answer.message;
  }

  std::vector<fovea_param> params;
  fovea_kernel_table kernels[2];
  fovea_module_table table = kRowSumTable;
};

} // namespace

TEST_F(Damaged, Magic) {
  table.magic = 0x464C457F;
  EXPECT_EQ(refusal(), "module table: it starts with 0x464c457f, not with 0x41564f46 (\"FOVA\"): no Fovea module");
}

TEST_F(Damaged, Abi) {
  table.abi_version = 1;
  EXPECT_EQ(refusal(), "module table: compiled for ABI 1, but this runtime has ABI 2: compile it again, or use the "
                       "runtime of that version");
}

TEST_F(Damaged, NoKernels) {
  table.kernels = nullptr;
  EXPECT_EQ(refusal(), "module table: no kernels where it counts 1");
}

TEST_F(Damaged, SameNames) {
  table.num_kernels = 2;
  EXPECT_EQ(refusal(), "module table: two kernels are named 'row_sum' (build by hand)");
}

TEST_F(Damaged, Code) {
  const std::string expected = "module table: a kernel has no name or no code (build by hand)";
  kernels[0].task = nullptr;
  EXPECT_EQ(refusal(), expected);
  kernels[0] = kernels[1];
  kernels[0].classify = nullptr;
  EXPECT_EQ(refusal(), expected);
}

TEST_F(Damaged, Arena) {
  kernels[0].arena_bytes = -1;
  EXPECT_EQ(refusal(), "module table: kernel 'row_sum' wants -1 bytes of scratch (build by hand)");
}

TEST_F(Damaged, MissingArrays) {
  const std::string expected =
      "module table: kernel 'row_sum' has no parameters, summaries or messages where it counts some (build by hand)";
  kernels[0].messages = nullptr;
  EXPECT_EQ(refusal(), expected);
  kernels[0] = kernels[1];
  kernels[0].params = nullptr;
  EXPECT_EQ(refusal(), expected);
  kernels[0] = kernels[1];
  kernels[0].num_summaries = 1;
  EXPECT_EQ(refusal(), expected);
}

TEST_F(Damaged, MissingMessage) {
  const char *const messages[] = {"one", nullptr};
  kernels[0].messages = messages;
  EXPECT_EQ(refusal(), "module table: kernel 'row_sum' has no text for message 1 (build by hand)");
}

TEST_F(Damaged, Params) {
  const std::vector<fovea_param> good = params;
  auto refusalOf = [&](int p, auto &&damage) {
    params = good;
    kernels[0].params = params.data();
    damage(params[p]);
    std::string text = refusal();
    const std::string lead = "module table: parameter " + std::to_string(p) + " of kernel 'row_sum' ";
    EXPECT_EQ(text.substr(0, lead.size()), lead);
    return text.substr(std::min(lead.size(), text.size()));
  };
  using P = fovea_param;
  const std::string by = " (build by hand)";
  EXPECT_EQ(refusalOf(X, [](P &p) { p.name = nullptr; }), "has no name" + by);
  EXPECT_EQ(refusalOf(X, [](P &p) { p.kind = 3; }), "has an unknown kind" + by);
  EXPECT_EQ(refusalOf(X, [](P &p) { p.flags = 16; }), "has unknown flags" + by);
  EXPECT_EQ(refusalOf(First, [](P &p) { p.flags = FOVEA_PARAM_OUTPUT; }), "is a scalar with a rank or flags" + by);
  EXPECT_EQ(refusalOf(Scale, [](P &p) { p.rank = 1; }), "is a scalar with a rank or flags" + by);
  EXPECT_EQ(refusalOf(Out, [](P &p) { p.flags |= FOVEA_PARAM_FROZEN; }), "is both an output and frozen" + by);
  EXPECT_EQ(refusalOf(X, [](P &p) { p.rank = FOVEA_MAX_RANK + 1; }), "has too high a rank" + by);
  EXPECT_EQ(refusalOf(X, [](P &p) { p.dtype_bits = 4; }), "has elements that are not whole bytes" + by);
  const std::string unsorted = "is sorted, but not a frozen array of integers" + by;
  EXPECT_EQ(refusalOf(X, [](P &p) { p.flags = FOVEA_PARAM_SORTED | FOVEA_PARAM_FROZEN; }), unsorted);
  EXPECT_EQ(refusalOf(Keep, [](P &p) { p.flags = FOVEA_PARAM_SORTED; }), unsorted);
  const std::string noIndex = "is an index, but not a frozen array of integers" + by;
  EXPECT_EQ(refusalOf(X, [](P &p) { p.flags = FOVEA_PARAM_INDEX | FOVEA_PARAM_FROZEN; }), noIndex);
  EXPECT_EQ(refusalOf(Keep, [](P &p) { p.flags = FOVEA_PARAM_INDEX; }), noIndex);
  EXPECT_EQ(refusalOf(Keep, [](P &p) { p.flags = FOVEA_PARAM_FROZEN | FOVEA_PARAM_INDEX, p.indexed = 99; }),
            "indexes no array" + by);
  EXPECT_EQ(refusalOf(First, [](P &p) { p.dtype_code = kDLFloat; }), "is an integer of a type that is not" + by);
  EXPECT_EQ(refusalOf(First, [](P &p) { p.dtype_bits = 128; }), "is an integer without 1 to 64 bits" + by);
  EXPECT_EQ(refusalOf(X, [](P &p) { p.sizes[1] = -2; }), "has a negative size" + by);
}

TEST_F(Damaged, Summaries) {
  const fovea_summary good = {Keep, FOVEA_SUMMARY_RANGE, {0, -1}, {8, 1}};
  auto refusalOf = [&](auto &&damage) {
    fovea_summary summary = good;
    damage(summary);
    kernels[0].summaries = &summary;
    kernels[0].num_summaries = 1;
    const std::string text = refusal(), lead = "module table: summary 0 of kernel 'row_sum' ";
    EXPECT_EQ(text.substr(0, lead.size()), lead);
    return text.substr(std::min(lead.size(), text.size()));
  };
  using S = fovea_summary;
  const std::string by = " (build by hand)";
  EXPECT_EQ(refusalOf([](S &s) { s.param = NumParams; }), "is of no parameter" + by);
  const std::string wrong = "is of a parameter that is not frozen, or of elements that it does not know" + by;
  EXPECT_EQ(refusalOf([](S &s) { s.param = X; }), wrong);
  EXPECT_EQ(refusalOf([](S &s) { s.param = First; }), wrong);
  EXPECT_EQ(refusalOf([](S &s) { s.kind = 2; }), "is of an unknown kind" + by);
  const std::string dims = "has dimensions that the parameter has not" + by;
  EXPECT_EQ(refusalOf([](S &s) { s.dims[0] = 1; }), dims);
  EXPECT_EQ(refusalOf([](S &s) { s.dims[0] = -1; }), dims);
  EXPECT_EQ(refusalOf([](S &s) { s.dims[1] = 0; }), dims);
  EXPECT_EQ(refusalOf([](S &s) { s.kind = FOVEA_SUMMARY_COUNT; }), dims);
  EXPECT_EQ(refusalOf([](S &s) { s.grains[0] = 6; }), "has a grain that is not a power of two" + by);
  EXPECT_EQ(refusalOf([](S &s) { s.grains[1] = 0; }), "has a grain that is not a power of two" + by);
  params[Keep].dtype_bits = 8; // uint8
  EXPECT_EQ(refusalOf([](S &) {}), wrong);
}

TEST(Module, DestroysItsOwnerWithTheLastReference) {
  int destroyed = 0;
  fovea_module *module = nullptr;
  ASSERT_EQ(fovea_module_create(
                &kRowSumTable, &destroyed, [](void *owner) { ++*static_cast<int *>(owner); }, &module, nullptr),
            FOVEA_OK);
  RowSum call;
  call.kernel = fovea_module_kernel_at(module, 0);
  PlanPtr plan = call.mustPlan();
  fovea_module_retain(module);
  fovea_module_release(module);
  fovea_module_release(module);
  EXPECT_EQ(destroyed, 0) << "the plan keeps its module alive";
  WorkspaceMemory workspace(plan.get());
  EXPECT_EQ(call.run(plan.get(), workspace.get()).status, FOVEA_OK);
  plan.reset();
  EXPECT_EQ(destroyed, 1);
}

TEST(Module, DescribesItsKernels) {
  ModulePtr module = makeModule();
  EXPECT_EQ(fovea_module_kernel_count(module.get()), 1u);
  const fovea_kernel *kernel = fovea_module_kernel_at(module.get(), 0);
  EXPECT_STREQ(fovea_kernel_name(kernel), "row_sum");
  ASSERT_EQ(fovea_kernel_param_count(kernel), size_t(NumParams));
  EXPECT_STREQ(fovea_kernel_param(kernel, Keep)->name, "keep");
  EXPECT_EQ(fovea_kernel_param(kernel, NumParams), nullptr);
  EXPECT_EQ(fovea_module_kernel_at(module.get(), 1), nullptr);
}

TEST_F(Damaged, ButUnharmedFindsKernelsByName) {
  kernels[1].name = "other";
  table.num_kernels = 2;
  ModulePtr module = makeModule(table);
  const fovea_kernel *kernel = nullptr;
  auto find = [&](const char *name) {
    return answerOf([&](fovea_error **error) { return fovea_module_kernel(module.get(), name, &kernel, error); });
  };
  EXPECT_EQ(find("other").status, FOVEA_OK);
  EXPECT_EQ(kernel, fovea_module_kernel_at(module.get(), 1));
  Answer answer = find(nullptr);
  EXPECT_EQ(answer.status, FOVEA_INVALID);
  EXPECT_EQ(answer.message, "the module has 2 kernels, name one of 'row_sum', 'other'");
  answer = find("main");
  EXPECT_EQ(answer.status, FOVEA_INVALID);
  EXPECT_EQ(answer.message, "no kernel 'main' in the module, which has 'row_sum', 'other'");
}

TEST_F(Damaged, ButUnharmedHasOneDefaultKernel) {
  ModulePtr one = makeModule(table);
  const fovea_kernel *kernel = nullptr;
  EXPECT_EQ(fovea_module_kernel(one.get(), nullptr, &kernel, nullptr), FOVEA_OK);
  EXPECT_EQ(kernel, fovea_module_kernel_at(one.get(), 0));
  table.num_kernels = 0;
  ModulePtr none = makeModule(table);
  const Answer answer =
      answerOf([&](fovea_error **error) { return fovea_module_kernel(none.get(), nullptr, &kernel, error); });
  EXPECT_EQ(answer.status, FOVEA_INVALID);
  EXPECT_EQ(answer.message, "the module has no kernels");
}

TEST(Module, ToleratesNull) {
  fovea_module_retain(nullptr);
  fovea_module_release(nullptr);
  EXPECT_EQ(fovea_module_kernel_count(nullptr), 0u);
  EXPECT_EQ(fovea_module_kernel_at(nullptr, 0), nullptr);
  EXPECT_STREQ(fovea_kernel_name(nullptr), "");
  EXPECT_EQ(fovea_kernel_param_count(nullptr), 0u);
  EXPECT_EQ(fovea_kernel_param(nullptr, 0), nullptr);
}
