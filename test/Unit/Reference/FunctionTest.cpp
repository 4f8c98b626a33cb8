// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What stands around the attention: arguments, casts, sizes, memrefs, later phases.
#include "Fixture.h"

using namespace fovea::reference;

namespace {

struct FunctionTest : ReferenceTest {};

TEST_F(FunctionTest, memrefOutsAreOutputsAndStayUntouched) {
  auto out = floats({1, 1, 1, 1}, {42});
  auto evaluation =
      evaluate(R"(func.func @f(%o: memref<1x1x?x1xf32>, %q: memref<1x1x?x1xf32>, %k: memref<1x1x?x1xf32>) {
      %c = memref.cast %o : memref<1x1x?x1xf32> to memref<1x1x?x1xf32, strided<[?, ?, ?, 1], offset: ?>>
      attn.attention %q, %k, %k outs(%c)
        : (memref<1x1x?x1xf32>, memref<1x1x?x1xf32>, memref<1x1x?x1xf32>, memref<1x1x?x1xf32, strided<[?, ?, ?, 1], offset: ?>>) -> ()
      return
    })",
               {out, floats({1, 1, 1, 1}, {0}), floats({1, 1, 2, 1}, {1, 2})});
  ASSERT_TRUE(succeeded(evaluation)) << error;
  ASSERT_EQ(evaluation->outputs.size(), 1u);
  EXPECT_EQ(evaluation->outputs[0].argument, 0);
  EXPECT_EQ(evaluation->outputs[0].value.floatAt(0), 1.5);
  EXPECT_EQ(out->floatAt(0), 42);
}

TEST_F(FunctionTest, bufferizedDump) {
  auto out = outputs(R"(memref.global "private" constant @slopes : memref<1xf32> = dense<1.0>
    func.func @f(%q: memref<1x1x?x1xf32>, %k: memref<1x1x?x1xf32>) -> memref<1x1x?x1xf32> {
      %c2 = arith.constant 2 : index
      %n = memref.dim %q, %c2 : memref<1x1x?x1xf32>
      %m = memref.dim %k, %c2 : memref<1x1x?x1xf32>
      %past = arith.subi %m, %n : index
      %slopes = memref.get_global @slopes : memref<1xf32>
      %o = memref.alloc(%n) {alignment = 64 : i64} : memref<1x1x?x1xf32>
      attn.attention %q, %k, %k q_offset %past outs(%o)
        score (%s, %b, %h, %i, %j) {
          %slope = memref.load %slopes[%h] : memref<1xf32>
          %r = arith.mulf %s, %slope : f32
          attn.yield %r : f32
        }
        mask (%b, %h, %i, %j) {
          %c = arith.cmpi sge, %i, %j : index
          attn.yield %c : i1
        } : (memref<1x1x?x1xf32>, memref<1x1x?x1xf32>, memref<1x1x?x1xf32>, index, memref<1x1x?x1xf32>) -> ()
      return %o : memref<1x1x?x1xf32>
    })",
                     {floats({1, 1, 2, 1}, {0, 0}), floats({1, 1, 3, 1}, {1, 2, 6})});
  ASSERT_EQ(out.size(), 1u);
  expectNear(out[0], {1.5, 3});
}

TEST_F(FunctionTest, copiesIntoAnArgument) {
  auto evaluation = evaluate(R"(func.func @f(%q: memref<1x1x1x1xf32>, %o: memref<1x1x1x1xf32>) {
      %t = memref.alloc() : memref<1x1x1x1xf32>
      attn.attention %q, %q, %q outs(%t)
        : (memref<1x1x1x1xf32>, memref<1x1x1x1xf32>, memref<1x1x1x1xf32>, memref<1x1x1x1xf32>) -> ()
      memref.copy %t, %o : memref<1x1x1x1xf32> to memref<1x1x1x1xf32>
      return
    })",
                             {floats({1, 1, 1, 1}, {3}), floats({1, 1, 1, 1}, {0})});
  ASSERT_TRUE(succeeded(evaluation)) << error;
  EXPECT_EQ(evaluation->outputs[0].argument, 1);
  EXPECT_EQ(evaluation->outputs[0].value.floatAt(0), 3);
  EXPECT_GT(evaluation->outputs[0].bound[0], 1e-8);
}

TEST_F(FunctionTest, refusesWrongArguments) {
  std::string text = R"(func.func @f(%q: tensor<1x1x?x1xf32>, %w: index) -> tensor<1x1x?x1xf32> {
      return %q : tensor<1x1x?x1xf32>
    })";
  auto query = floats({1, 1, 2, 1}, {1, 2});
  EXPECT_TRUE(succeeded(evaluate(text, {query, integer(1)})));
  EXPECT_TRUE(failed(evaluate(text, {query})));
  EXPECT_EQ(error, "takes 2 arguments, got 1");
  EXPECT_TRUE(failed(evaluate(text, {floats({1, 2, 1, 1}, {1, 2}), integer(1)})));
  EXPECT_NE(error.find("has shape [1, 2, 1, 1], but the function takes"), std::string::npos) << error;
  EXPECT_TRUE(failed(evaluate(text, {query, query})));
  EXPECT_NE(error.find("must be one 'index'"), std::string::npos) << error;
}

TEST_F(FunctionTest, refusesShapesThatDoNotFit) {
  EXPECT_TRUE(failed(evaluate(R"(func.func @f(%q: tensor<?x?x?x1xf32>, %k: tensor<?x?x?x1xf32>) -> tensor<?x?x?x1xf32> {
      %o = attn.attention %q, %k, %k : (tensor<?x?x?x1xf32>, tensor<?x?x?x1xf32>, tensor<?x?x?x1xf32>) -> tensor<?x?x?x1xf32>
      return %o : tensor<?x?x?x1xf32>
    })",
                              {floats({1, 3, 1, 1}, {1, 2, 3}), floats({1, 2, 1, 1}, {1, 2})})));
  EXPECT_EQ(error, "3 query heads are not a multiple of 2 kv heads");
}

TEST_F(FunctionTest, namesWhatItCannotEvaluate) {
  EXPECT_TRUE(failed(evaluate(R"(func.func @f(%q: tensor<2x2xf32>) -> tensor<1x2xf32> {
      %s = tensor.extract_slice %q[0, 0] [1, 2] [1, 1] : tensor<2x2xf32> to tensor<1x2xf32>
      return %s : tensor<1x2xf32>
    })",
                              {floats({2, 2}, {1, 2, 3, 4})})));
  EXPECT_EQ(error, "the reference cannot evaluate 'tensor.extract_slice'");
}

TEST_F(FunctionTest, assertionsHold) {
  std::string text = R"(func.func @f(%q: tensor<?xf32>) -> tensor<?xf32> {
      %c0 = arith.constant 0 : index
      %c2 = arith.constant 2 : index
      %n = tensor.dim %q, %c0 : tensor<?xf32>
      %ok = arith.cmpi eq, %n, %c2 : index
      cf.assert %ok, "two please"
      return %q : tensor<?xf32>
    })";
  EXPECT_TRUE(succeeded(evaluate(text, {floats({2}, {1, 2})}))) << error;
  EXPECT_TRUE(failed(evaluate(text, {floats({1}, {1})})));
  EXPECT_EQ(error, "two please");
}

} // namespace
