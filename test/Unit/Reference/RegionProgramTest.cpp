// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scalar code: what each op gives, wraps to and refuses.
#include "fovea/Reference/RegionProgram.h"
#include "Fixture.h"

using namespace fovea::reference;

namespace {

struct RegionProgramTest : ReferenceTest {
  /// The value of a score region at (b, h, i, j) = (1, 2, 3, 4) with s = 0.5.
  double score(const std::string &code) {
    mlir::FailureOr<double> value = tryScore(code);
    EXPECT_TRUE(succeeded(value)) << error;
    return succeeded(value) ? *value : NAN;
  }
  mlir::FailureOr<double> tryScore(const std::string &code, const uint8_t *live = nullptr) {
    mlir::func::FuncOp function =
        parse(R"(func.func @f(%q: tensor<1x1x1x1xf32>, %table: tensor<2x3xi8>, %w: i32) -> tensor<1x1x1x1xf32> {
      %o = attn.attention %q, %q, %q score (%s, %b, %h, %i, %j) {)" +
              code + R"(
        attn.yield %r : f32
      } : (tensor<1x1x1x1xf32>, tensor<1x1x1x1xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x1x1xf32>
      return %o : tensor<1x1x1x1xf32>
    })");
    if (!function)
      return mlir::failure();
    fovea::attn::AttentionOp op = *function.getOps<fovea::attn::AttentionOp>().begin();
    RuntimeValue table = std::make_shared<HostTensor>(HostTensor::of<int8_t>(DType::I8, {2, 3}, {1, 2, 3, 4, 5, -6}));
    RuntimeValue width = int64_t(7);
    auto program = RegionProgram::compile(op.getScore(), [&](mlir::Value value) -> const RuntimeValue * {
      return value == function.getArgument(1) ? &table : value == function.getArgument(2) ? &width : nullptr;
    });
    double s = 0.5;
    if (failed(program) || failed(program->run({1, 2, 3, 4, 1}, &s, live)))
      return mlir::failure();
    return program->floats()[0];
  }
  /// The same for integer code that ends in %x of the given type.
  double integers(const std::string &type, const std::string &code) {
    return score(code + "\n%y = arith.sitofp %x : " + type + " to f32\n%r = arith.addf %y, %s : f32") - 0.5;
  }
};

TEST_F(RegionProgramTest, wrapsAtTheBitWidth) {
  EXPECT_EQ(integers("i8", "%a = arith.constant 100 : i8\n%x = arith.addi %a, %a : i8"), -56);
  EXPECT_EQ(integers("i8", "%a = arith.constant 300 : i32\n%x = arith.trunci %a : i32 to i8"), 44);
  EXPECT_EQ(integers("i32", "%a = arith.constant -1 : i8\n%x = arith.extui %a : i8 to i32"), 255);
  EXPECT_EQ(integers("i32", "%a = arith.constant -1 : i8\n%x = arith.extsi %a : i8 to i32"), -1);
  EXPECT_EQ(integers("i32", "%a = arith.constant true\n%x = arith.extui %a : i1 to i32"), 1);
  EXPECT_EQ(integers("i8", "%a = arith.constant -128 : i8\n%x = math.absi %a : i8"), -128);
}

TEST_F(RegionProgramTest, dividesInEveryDirection) {
  std::string operands = "%a = arith.constant -7 : i8\n%c = arith.constant 2 : i8\n";
  EXPECT_EQ(integers("i8", operands + "%x = arith.divsi %a, %c : i8"), -3);
  EXPECT_EQ(integers("i8", operands + "%x = arith.floordivsi %a, %c : i8"), -4);
  EXPECT_EQ(integers("i8", operands + "%x = arith.ceildivsi %a, %c : i8"), -3);
  EXPECT_EQ(integers("i8", operands + "%x = arith.remsi %a, %c : i8"), -1);
  EXPECT_EQ(integers("i8", operands + "%x = arith.divui %a, %c : i8"), 124);
  EXPECT_EQ(integers("i8", operands + "%x = arith.ceildivui %a, %c : i8"), 125);
  EXPECT_EQ(integers("i8", operands + "%x = arith.remui %a, %c : i8"), 1);
}

TEST_F(RegionProgramTest, shiftsAndCounts) {
  std::string operands = "%a = arith.constant -128 : i8\n%c = arith.constant 3 : i8\n";
  EXPECT_EQ(integers("i8", operands + "%x = arith.shrsi %a, %c : i8"), -16);
  EXPECT_EQ(integers("i8", operands + "%x = arith.shrui %a, %c : i8"), 16);
  EXPECT_EQ(integers("i8", operands + "%x = arith.shli %c, %c : i8"), 24);
  EXPECT_EQ(integers("i8", operands + "%x = math.ctlz %c : i8"), 6);
  EXPECT_EQ(integers("i8", operands + "%x = math.cttz %a : i8"), 7);
  EXPECT_EQ(integers("i8", operands + "%x = math.ctpop %c : i8"), 2);
}

TEST_F(RegionProgramTest, knowsPositionsAndCaptures) {
  EXPECT_EQ(score("%w64 = arith.extsi %w : i32 to i64\n%r = arith.sitofp %w64 : i64 to f32"), 7);
  for (auto [name, value] : {std::pair{"b", 1}, {"h", 2}, {"i", 3}, {"j", 4}})
    EXPECT_EQ(integers("i64", std::string("%x = arith.index_cast %") + name + " : index to i64"), value);
  EXPECT_EQ(integers("i8", "%x = tensor.extract %table[%b, %h] : tensor<2x3xi8>"), -6);
}

TEST_F(RegionProgramTest, comparesAndSelects) {
  auto choose = [&](const std::string &condition) {
    return score(
        "%one = arith.constant 1.0 : f32\n%nan = arith.constant 0x7FC00000 : f32\n%m = arith.constant -1 : i8\n"
        "%p = arith.constant 1 : i8\n%c = " +
        condition + "\n%r = arith.select %c, %one, %s : f32");
  };
  EXPECT_EQ(choose("arith.cmpi slt, %m, %p : i8"), 1);
  EXPECT_EQ(choose("arith.cmpi ult, %m, %p : i8"), 0.5);
  EXPECT_EQ(choose("arith.cmpf olt, %s, %one : f32"), 1);
  EXPECT_EQ(choose("arith.cmpf olt, %nan, %one : f32"), 0.5);
  EXPECT_EQ(choose("arith.cmpf ult, %nan, %one : f32"), 1);
  EXPECT_EQ(choose("arith.cmpf une, %nan, %nan : f32"), 1);
  EXPECT_EQ(choose("arith.cmpf one, %nan, %one : f32"), 0.5);
}

TEST_F(RegionProgramTest, floatsAreDouble) {
  EXPECT_EQ(score("%r = math.exp %s : f32"), std::exp(0.5));
  EXPECT_EQ(score("%r = math.rsqrt %s : f32"), 1 / std::sqrt(0.5));
  EXPECT_EQ(score("%r = math.fma %s, %s, %s : f32"), 0.75);
  EXPECT_EQ(score("%d = arith.extf %s : f32 to f64\n%e = math.log %d : f64\n%r = arith.truncf %e : f64 to f32"),
            std::log(0.5));
  EXPECT_EQ(score("%n = arith.constant 0x7FC00000 : f32\n%r = arith.maxnumf %s, %n : f32"), 0.5);
  EXPECT_TRUE(std::isnan(score("%n = arith.constant 0x7FC00000 : f32\n%r = arith.maximumf %s, %n : f32")));
  EXPECT_EQ(score("%n = arith.constant 0.1 : f32\n%r = arith.addf %n, %n : f32"), 2 * double(0.1f));
}

TEST_F(RegionProgramTest, undefinedIsAnErrorOnlyWhereItCounts) {
  std::string zero =
      "%z = arith.constant 0 : index\n%x = arith.divsi %j, %z : index\n%k = arith.index_cast %x : index to i64\n"
      "%r = arith.sitofp %k : i64 to f32";
  EXPECT_TRUE(failed(tryScore(zero)));
  EXPECT_EQ(error, "'arith.divsi' divides by zero or overflows at b = 1, h = 2, i = 3, j = 4");
  uint8_t dead = 0;
  EXPECT_TRUE(succeeded(tryScore(zero, &dead)));
  EXPECT_TRUE(
      failed(tryScore("%x = tensor.extract %table[%b, %i] : tensor<2x3xi8>\n%r = arith.sitofp %x : i8 to f32")));
  EXPECT_EQ(error, "'tensor.extract' reads element [1, 3] of an array of shape [2, 3] at b = 1, h = 2, i = 3, j = 4");
  EXPECT_TRUE(
      failed(tryScore("%c = arith.constant 8 : i8\n%x = arith.shli %c, %c : i8\n%r = arith.sitofp %x : i8 to f32")));
  EXPECT_TRUE(failed(
      tryScore("%c = arith.constant 1.0e9 : f32\n%x = arith.fptosi %c : f32 to i8\n%r = arith.sitofp %x : i8 to f32")));
}

TEST_F(RegionProgramTest, unknownOpsAreNamed) {
  EXPECT_TRUE(failed(tryScore("%x = arith.bitcast %s : f32 to i32\n%r = arith.sitofp %x : i32 to f32")));
  EXPECT_EQ(error, "the reference cannot evaluate 'arith.bitcast'");
}

} // namespace
