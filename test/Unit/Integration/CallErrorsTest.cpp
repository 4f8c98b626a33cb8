// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Wrong arguments of a real kernel: a status, and a message that names what does not fit with what.
#include "Problems.h"

using namespace fovea::test;
using testing::AssertionFailure;
using testing::AssertionResult;
using testing::AssertionSuccess;

namespace {

struct CallErrors : testing::Test {
  CallErrors() {
    spec.offset = Offset::PerBatch;
    spec = withProblem(spec, problem("window"));
    Random random(1);
    inputs = inputsOf(spec, problem("window"), s, random);
    kernel = std::make_unique<Kernel>(moduleText(spec));
  }
  std::unique_ptr<Call> call() { return std::make_unique<Call>(*kernel, inputs, shapes); }
  /// Every part stands in the message.
  static AssertionResult mentions(const std::string &message, std::initializer_list<const char *> parts) {
    for (const char *part : parts)
      if (message.find(part) == std::string::npos)
        return AssertionFailure() << "'" << part << "' is not in: " << message;
    return AssertionSuccess();
  }
  /// The plan for changed inputs is refused.
  AssertionResult refuses(std::initializer_list<const char *> parts) {
    std::unique_ptr<Call> bad = call();
    fovea_status status = bad->plan();
    if (status != FOVEA_INVALID)
      return AssertionFailure() << "status " << fovea_status_name(status);
    return mentions(bad->message, parts);
  }

  Sizes s = {2, 4, 2, 30, 50};
  Spec spec;
  std::vector<TensorRef> inputs;
  std::vector<Shape> shapes = {{2, 4, 30, 64}, {2, 4, 30}};
  std::unique_ptr<Kernel> kernel;
};

TensorRef zeros(Shape shape) { return std::make_shared<HostTensor>(HostTensor::zeros(DType::F32, shape)); }

TEST_F(CallErrors, RightArgumentsWork) {
  std::unique_ptr<Call> good = call();
  EXPECT_TRUE(execute(*good));
}

TEST_F(CallErrors, TensorsThatDoNotFitTogetherNameBoth) {
  std::vector<TensorRef> right = inputs;
  auto with = [&](size_t index, TensorRef other) {
    inputs = right;
    inputs[index] = std::move(other);
  };
  with(1, zeros({3, 2, 50, 64}));
  EXPECT_TRUE(refuses({"query", "key", "batch size"}));
  with(2, zeros({3, 2, 50, 64}));
  EXPECT_TRUE(refuses({"query", "value", "batch size"}));
  with(2, zeros({2, 4, 50, 64}));
  EXPECT_TRUE(refuses({"key", "value", "heads"}));
  with(2, zeros({2, 2, 51, 64}));
  EXPECT_TRUE(refuses({"key", "value", "positions"}));
  with(0, zeros({2, 5, 30, 64}));
  shapes = {{2, 5, 30, 64}, {2, 5, 30}};
  EXPECT_TRUE(refuses({"query heads", "multiple", "kv heads"}));
  shapes = {{2, 4, 30, 64}, {2, 4, 30}};
  with(3, ints({3}, {0, 0, 0}));
  EXPECT_TRUE(refuses({"query", "q_offset", "batch size"}));
  inputs = right;
  shapes[0] = {2, 4, 31, 64};
  EXPECT_TRUE(refuses({"query", "output", "positions"}));
  shapes = {{2, 4, 30, 64}, {2, 3, 30}};
  EXPECT_TRUE(refuses({"query", "log-sum-exp", "heads"}));
}

TEST_F(CallErrors, StaticSizeRankAndTypeNameTheArgument) {
  std::vector<TensorRef> right = inputs;
  inputs[1] = zeros({2, 2, 50, 32});
  EXPECT_TRUE(refuses({"key", "64", "32"}));
  inputs[1] = zeros({2, 50, 64});
  EXPECT_TRUE(refuses({"key", "rank"}) || refuses({"key", "dimensions"}));
  inputs = right;
  std::unique_ptr<Call> bad = call();
  bad->tensor(2).dtype = {kDLFloat, 64, 1};
  EXPECT_EQ(bad->plan(), FOVEA_INVALID);
  EXPECT_TRUE(mentions(bad->message, {"value", "float32", "float64"}));
  bad = call();
  bad->tensor(3).dtype = {kDLInt, 64, 1};
  EXPECT_EQ(bad->plan(), FOVEA_INVALID);
  EXPECT_TRUE(mentions(bad->message, {"q_offset", "int32", "int64"}));
}

TEST_F(CallErrors, KindAndCountOfArguments) {
  std::unique_ptr<Call> bad = call();
  bad->args[4].kind = FOVEA_ARG_FLOAT;
  bad->args[4].as.f = 20;
  EXPECT_EQ(bad->plan(), FOVEA_INVALID);
  EXPECT_TRUE(mentions(bad->message, {"argument 4", "integer"}));
  bad = call();
  bad->args.pop_back();
  EXPECT_EQ(bad->plan(), FOVEA_INVALID);
  EXPECT_TRUE(mentions(bad->message, {"6", "7", "query", "key", "value", "q_offset", "out", "lse"}));
  bad = call();
  bad->args[1].as.tensor = nullptr;
  EXPECT_EQ(bad->plan(), FOVEA_INVALID);
  EXPECT_TRUE(mentions(bad->message, {"key", "NULL"}));
}

TEST_F(CallErrors, OtherDevicesAndUnalignedDataAreRefused) {
  std::unique_ptr<Call> bad = call();
  bad->tensor(0).device = {kDLCUDA, 0};
  EXPECT_NE(bad->plan(), FOVEA_OK);
  EXPECT_TRUE(mentions(bad->message, {"query", "cuda"}));
  bad = call();
  bad->tensor(0).data = static_cast<char *>(bad->tensor(0).data) + 2;
  fovea_status status = bad->plan();
  if (status == FOVEA_OK)
    status = bad->run();
  EXPECT_EQ(status, FOVEA_INVALID);
  EXPECT_TRUE(mentions(bad->message, {"query"}));
}

TEST_F(CallErrors, OutputsThatOverlapInputsNameBoth) {
  std::unique_ptr<Call> bad = call();
  bad->tensor(5).data = bad->tensor(0).data;
  fovea_status status = bad->plan();
  if (status == FOVEA_OK)
    status = bad->run();
  EXPECT_EQ(status, FOVEA_INVALID);
  EXPECT_TRUE(mentions(bad->message, {"out", "query", "overlap"}));
}

TEST_F(CallErrors, ARunWithOtherShapesOrScalarsThanItsPlanIsRefused) {
  std::unique_ptr<Call> planned = call();
  ASSERT_EQ(planned->plan(), FOVEA_OK);
  planned->args[4].as.i += 1;
  EXPECT_EQ(planned->run(), FOVEA_INVALID);
  EXPECT_TRUE(mentions(planned->message, {"argument 4", "21", "20", "plan"}));
  planned->args[4].as.i -= 1;
  planned->tensor(1).shape[2] -= 1;
  EXPECT_EQ(planned->run(), FOVEA_INVALID);
  EXPECT_TRUE(mentions(planned->message, {"key", "49", "50", "plan"}));
  planned->tensor(1).shape[2] += 1;
  EXPECT_EQ(planned->run(), FOVEA_OK) << planned->message;
}

/// Names of dimensions are checked before the kernel's own checks, and come with the sizes.
TEST(NamedDimensions, OfOneNameAreEqual) {
  Kernel kernel(R"(
func.func @main(%q: tensor<?x2x?x8xf32> {attn.dims = ["B", "H", "Nq", "D"]}, %k: tensor<?x2x?x8xf32> {attn.dims = ["B", "H", "Nk", "D"]},
                %v: tensor<?x2x?x8xf32> {attn.dims = ["B", "H", "Nk", "D"]}) -> tensor<?x2x?x8xf32> {
  %o = attn.attention %q, %k, %v : (tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32>
  return %o : tensor<?x2x?x8xf32>
}
)");
  ASSERT_TRUE(bool(kernel));
  Call bad(kernel, {zeros({1, 2, 5, 8}), zeros({1, 2, 6, 8}), zeros({1, 2, 7, 8})}, {{1, 2, 5, 8}});
  EXPECT_EQ(bad.plan(), FOVEA_INVALID);
  for (const char *part : {"key", "value", "Nk", "6", "7"})
    EXPECT_NE(bad.message.find(part), std::string::npos) << part << " is not in: " << bad.message;
}

} // namespace
