// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Engine/SafeParse.h"

#include "fovea/Dialect/Attn/IR/Attn.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "gtest/gtest.h"

using namespace mlir;

namespace {

struct SafeParse : testing::Test {
  SafeParse() { context.loadDialect<fovea::attn::AttnDialect, arith::ArithDialect, func::FuncDialect>(); }
  bool parses(const std::string &text) { return bool(fovea::parseModule(text, "x.mlir", context, message, location)); }
  MLIRContext context;
  std::string message, location;
};

std::string repeat(const std::string &text, int count) {
  std::string result;
  for (int k = 0; k < count; ++k)
    result += text;
  return result;
}

TEST_F(SafeParse, acceptsAnAttention) {
  EXPECT_TRUE(parses(R"(
func.func @f(%q: tensor<1x2x?x8xf32>) -> tensor<1x2x?x8xf32> {
  // ((((((( in a comment
  %o = attn.attention %q, %q, %q mask (%b, %h, %i, %j) {
      %c = arith.cmpi sge, %i, %j : index
      attn.yield %c : i1
    } {note = "((((((\"<<<"} : (tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>, tensor<1x2x?x8xf32>) -> tensor<1x2x?x8xf32>
  return %o : tensor<1x2x?x8xf32>
})")) << message;
  EXPECT_EQ(message, "");
}

TEST_F(SafeParse, reportsSyntaxWithAPlace) {
  EXPECT_FALSE(parses("func.func @f() {\n  %x = \n}"));
  EXPECT_EQ(location, "x.mlir:2:7");
  EXPECT_NE(message, "");
}

TEST_F(SafeParse, reportsTheVerifier) {
  EXPECT_FALSE(parses(R"(func.func @f(%q: tensor<1x2x?x8xf32>, %k: tensor<1x2x?x4xf32>) -> tensor<1x2x?x8xf32> {
  %o = attn.attention %q, %k, %q : (tensor<1x2x?x8xf32>, tensor<1x2x?x4xf32>, tensor<1x2x?x8xf32>) -> tensor<1x2x?x8xf32>
  return %o : tensor<1x2x?x8xf32>
})"));
  EXPECT_EQ(location, "x.mlir:2:8");
  EXPECT_NE(message.find("same head size"), std::string::npos) << message;
}

TEST_F(SafeParse, keepsTheNamesOfArguments) {
  OwningOpRef<ModuleOp> module =
      fovea::parseModule("func.func @f(%window: index,\n  %0: f32, %b-2: index loc(\"given\")) { return }", "x.mlir",
                         context, message, location);
  ASSERT_TRUE(module) << message;
  func::FuncOp function = *module->getOps<func::FuncOp>().begin();
  auto window = dyn_cast<NameLoc>(function.getArgument(0).getLoc());
  ASSERT_TRUE(window);
  EXPECT_EQ(window.getName(), "window");
  EXPECT_TRUE(isa<FileLineColLoc>(window.getChildLoc()));
  EXPECT_FALSE(isa<NameLoc>(function.getArgument(1).getLoc())) << "a number is no name";
  EXPECT_EQ(cast<NameLoc>(function.getArgument(2).getLoc()).getName(), "given");
}

TEST_F(SafeParse, reportsUnknownDialects) {
  EXPECT_FALSE(parses("\"nowhere.op\"() : () -> ()"));
  EXPECT_NE(message.find("unregistered dialect"), std::string::npos) << message;
}

TEST_F(SafeParse, refusesDeepNesting) {
  for (std::string bracket : {"[", "{a = ", "(", "tuple<"}) {
    EXPECT_FALSE(parses("module attributes {\n a = " + repeat(bracket, 100000)));
    EXPECT_NE(message.find("nested more than"), std::string::npos) << message;
    EXPECT_EQ(location.substr(0, 9), "x.mlir:2:") << location;
  }
}

TEST_F(SafeParse, acceptsNestingBelowTheLimit) {
  EXPECT_TRUE(parses("module attributes {a.a = " + repeat("[", 200) + repeat("]", 200) + "} {}")) << message;
}

TEST_F(SafeParse, refusesLongAffineChains) {
  EXPECT_FALSE(parses("#m = affine_map<(d0) -> (" + repeat("-", 100000) + "d0)>"));
  EXPECT_NE(message.find("affine map"), std::string::npos) << message;
  EXPECT_FALSE(parses("#m = affine_map <(d0) -> (d0" + repeat(" + d0", 100000) + ")>"));
  EXPECT_NE(message.find("affine map"), std::string::npos) << message;
}

TEST_F(SafeParse, countsOperatorsAsOperators) {
  std::string set = "affine_set<(d0) : (d0 >= 0, d0 - 1 >= 0)>";
  EXPECT_TRUE(parses("module attributes {a.a = [" + repeat(set + ", ", 500) + set + "]} {}")) << message;
  EXPECT_TRUE(parses(repeat("func.func private @f(i32) -> i32\n", 1) + repeat("// <<<< ->\n", 500))) << message;
}

TEST_F(SafeParse, refusesBytecodeAndHugeText) {
  EXPECT_FALSE(parses("ML\xefR\x06"));
  EXPECT_NE(message.find("bytecode"), std::string::npos);
  EXPECT_FALSE(parses(std::string(fovea::kMaxModuleBytes + 1, ' ')));
  EXPECT_NE(message.find("at most"), std::string::npos);
}

TEST_F(SafeParse, survivesOddText) {
  for (const char *text : {"\"", "\"\\", "}}}}", ">>>>", "<<<<", "/", "//", "-", "(]", "\n\n("})
    parses(text);
  EXPECT_FALSE(parses("("));
  EXPECT_TRUE(parses(""));
  EXPECT_FALSE(parses(std::string("func.func\0@f", 12)));
}

} // namespace
