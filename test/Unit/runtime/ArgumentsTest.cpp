// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "RowSum.h"

#include <cmath>
#include <limits>

using namespace fovea::test;

namespace {

struct Arguments : ::testing::Test {
  void expectInvalid(const std::string &message) {
    const Answer answer = call.plan();
    EXPECT_EQ(answer.status, FOVEA_INVALID);
    EXPECT_EQ(answer.message, message);
  }
  Answer planWith(const std::vector<fovea_arg> &list) {
    return answerOf([&](fovea_error **error) {
      fovea_plan *plan = nullptr;
      return fovea_plan_create(call.kernel, list.data(), list.size(), nullptr, &plan, error);
    });
  }
  RowSum call;
};

} // namespace

TEST_F(Arguments, TooFewAndTooMany) {
  std::vector<fovea_arg> list = call.args();
  list.resize(1);
  EXPECT_EQ(planWith(list).message,
            "1 argument, but kernel 'row_sum' takes 8: (x, keep, first, bias, negate, scale, out, count)");
  list.resize(9);
  EXPECT_EQ(planWith(list).message,
            "9 arguments, but kernel 'row_sum' takes 8: (x, keep, first, bias, negate, scale, out, count)");
}

TEST_F(Arguments, NullArray) {
  fovea_plan *plan = nullptr;
  const Answer answer = answerOf(
      [&](fovea_error **error) { return fovea_plan_create(call.kernel, nullptr, NumParams, nullptr, &plan, error); });
  EXPECT_EQ(answer.status, FOVEA_INVALID);
  EXPECT_EQ(answer.message, "the arguments are NULL");
}

TEST_F(Arguments, WrongKinds) {
  auto refusal = [&](int index, fovea_arg arg) {
    std::vector<fovea_arg> list = call.args();
    list[index] = arg;
    const Answer answer = planWith(list);
    EXPECT_EQ(answer.status, FOVEA_INVALID);
    return answer.message;
  };
  fovea_arg integer{FOVEA_ARG_INT, {}}, real{FOVEA_ARG_FLOAT, {}}, null{FOVEA_ARG_TENSOR, {}}, strange{9, {}};
  integer.as.i = 3;
  real.as.f = 3;
  null.as.tensor = nullptr;
  const fovea_arg tensor = call.args()[X];
  EXPECT_EQ(refusal(X, integer), "argument 0 'x': the integer 3 was given, but the kernel takes a tensor of float32 "
                                 "[R, C]");
  EXPECT_EQ(refusal(Count, real),
            "argument 7 'count': a float was given, but the kernel takes a tensor of int32 [R, 2]");
  EXPECT_EQ(refusal(Keep, null),
            "argument 1 'keep': a NULL tensor was given, but the kernel takes a tensor of bool [R]");
  EXPECT_EQ(refusal(First, real), "argument 2 'first': a float was given, but the kernel takes an integer");
  EXPECT_EQ(refusal(Negate, tensor),
            "argument 4 'negate': a tensor was given, but the kernel takes a boolean (an integer, 0 or 1)");
  EXPECT_EQ(refusal(Scale, tensor), "argument 5 'scale': a tensor was given, but the kernel takes a float");
  EXPECT_EQ(refusal(Scale, strange),
            "argument 5 'scale': something of the unknown kind 9 was given, but the kernel takes a float");
}

TEST_F(Arguments, IntegerBecomesFloat) {
  call.scale = {FOVEA_ARG_INT, {}};
  call.scale.as.i = 2;
  PlanPtr plan = call.mustPlan();
  WorkspaceMemory workspace(plan.get());
  ASSERT_EQ(call.run(plan.get(), workspace.get()).status, FOVEA_OK);
  call.scale = {FOVEA_ARG_FLOAT, {}};
  call.scale.as.f = 2;
  EXPECT_TRUE(call.isRight());
  EXPECT_EQ(call.run(plan.get(), workspace.get()).status, FOVEA_OK) << "2 and 2.0 are the same to a plan";
}

TEST_F(Arguments, IntegersFitTheirWidth) {
  for (int64_t good : {-128, 0, 127}) {
    call.bias.as.i = good;
    EXPECT_EQ(call.plan().status, FOVEA_OK) << good;
  }
  call.bias.as.i = 128;
  expectInvalid("argument 3 'bias': 128 does not fit int8, which holds -128 to 127");
  call.bias.as.i = -129;
  expectInvalid("argument 3 'bias': -129 does not fit int8, which holds -128 to 127");
  call.bias.as.i = 0;
  call.negate.as.i = 2;
  expectInvalid("argument 4 'negate': 2 does not fit bool, which holds 0 to 1");
  call.negate.as.i = -1;
  expectInvalid("argument 4 'negate': -1 does not fit bool, which holds 0 to 1");
}

TEST_F(Arguments, PlanFunctionRefuses) {
  call.first.as.i = -1;
  expectInvalid("'first' must not be negative");
  call.first.as.i = std::numeric_limits<int64_t>::min();
  expectInvalid("'first' must not be negative");
  call.first.as.i = call.cols + 1;
  expectInvalid("'first' must be at most C");
}

TEST_F(Arguments, NamedDimensionsAreEqual) {
  call.out.shape = {call.rows - 1};
  expectInvalid("argument 6 'out': dimension 0 'R' has size 11, but dimension 0 'R' of argument 0 'x' has size 12: "
                "dimensions of one name must be equal");
}

TEST_F(Arguments, RunWantsThePlansShapes) {
  PlanPtr plan = call.mustPlan();
  WorkspaceMemory workspace(plan.get());
  RowSum other(call.rows, call.cols - 1);
  Answer answer = other.run(plan.get(), workspace.get());
  EXPECT_EQ(answer.status, FOVEA_INVALID);
  EXPECT_EQ(answer.message,
            "argument 0 'x': dimension 1 'C' has size 39, but the plan was made for 40: make a plan for it");
  EXPECT_EQ(call.run(plan.get(), workspace.get()).status, FOVEA_OK) << "a refused run leaves the workspace ready";
}

TEST_F(Arguments, RunWantsThePlansScalars) {
  PlanPtr plan = call.mustPlan();
  WorkspaceMemory workspace(plan.get());
  auto refusal = [&] {
    const Answer answer = call.run(plan.get(), workspace.get());
    EXPECT_EQ(answer.status, FOVEA_INVALID);
    return answer.message;
  };
  call.first.as.i = 4;
  EXPECT_EQ(refusal(), "argument 2 'first': it is 4, but the plan was made for 3: make a plan for it");
  call.first.as.i = 3;
  call.scale.as.f = std::nextafter(0.75, 1.0);
  EXPECT_EQ(refusal(),
            "argument 5 'scale': it is 0.75000000000000011, but the plan was made for 0.75: make a plan for it");
}

TEST_F(Arguments, FloatsAreComparedBitForBit) {
  call.scale.as.f = std::numeric_limits<double>::quiet_NaN();
  PlanPtr plan = call.mustPlan();
  WorkspaceMemory workspace(plan.get());
  EXPECT_EQ(call.run(plan.get(), workspace.get()).status, FOVEA_OK);
  call.scale.as.f = 0.0;
  plan = call.mustPlan();
  WorkspaceMemory fresh(plan.get());
  call.scale.as.f = -0.0;
  const Answer answer = call.run(plan.get(), fresh.get());
  EXPECT_EQ(answer.status, FOVEA_INVALID);
  EXPECT_EQ(answer.message, "argument 5 'scale': it is -0, but the plan was made for 0: make a plan for it");
}

TEST_F(Arguments, DataMayComeWithTheRun) {
  for (Tensor *tensor : {&call.x, &call.out, &call.count})
    tensor->dl.data = nullptr;
  PlanPtr plan = call.mustPlan();
  WorkspaceMemory workspace(plan.get());
  Answer answer = call.run(plan.get(), workspace.get());
  EXPECT_EQ(answer.status, FOVEA_INVALID);
  EXPECT_EQ(answer.message, "argument 0 'x': its data is NULL, but it is not empty");
  call.x.dl.data = call.xData.data();
  call.out.dl.data = call.outData.data();
  call.count.dl.data = call.countData.data();
  EXPECT_EQ(call.run(plan.get(), workspace.get()).status, FOVEA_OK);
  EXPECT_TRUE(call.isRight());
}

TEST_F(Arguments, FrozenDataComesWithThePlan) {
  call.keep.dl.data = nullptr;
  expectInvalid("argument 1 'keep': its data is NULL, but it is not empty and decides which tiles are skipped");
  call.keep.dl.data = call.keepData.data();
  PlanPtr plan = call.mustPlan();
  WorkspaceMemory workspace(plan.get());
  call.keep.dl.data = nullptr;
  EXPECT_EQ(call.run(plan.get(), workspace.get()).status, FOVEA_INVALID);
}
