// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Text in, reference out.
#ifndef FOVEA_TEST_UNIT_REFERENCE_FIXTURE_H
#define FOVEA_TEST_UNIT_REFERENCE_FIXTURE_H

#include "fovea/Dialect/Attn/IR/Attn.h"
#include "fovea/Engine/SafeParse.h"
#include "fovea/Reference/Reference.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/MLIRContext.h"
#include "gtest/gtest.h"

#include <cmath>

namespace fovea::reference {

struct ReferenceTest : testing::Test {
  ReferenceTest() {
    context.loadDialect<attn::AttnDialect, mlir::arith::ArithDialect, mlir::bufferization::BufferizationDialect,
                        mlir::cf::ControlFlowDialect, mlir::func::FuncDialect, mlir::math::MathDialect,
                        mlir::memref::MemRefDialect, mlir::tensor::TensorDialect>();
    context.getDiagEngine().registerHandler([this](mlir::Diagnostic &diagnostic) { error = diagnostic.str(); });
  }

  mlir::func::FuncOp parse(const std::string &text) {
    std::string message, location;
    module = parseModule(text, "test.mlir", context, message, location);
    EXPECT_TRUE(module) << location << ": " << message;
    return module ? *module->getOps<mlir::func::FuncOp>().begin() : mlir::func::FuncOp();
  }
  mlir::FailureOr<Evaluation> evaluate(const std::string &text, llvm::ArrayRef<TensorRef> arguments,
                                       const EvaluationOptions &options = {}) {
    mlir::func::FuncOp function = parse(text);
    if (!function)
      return mlir::failure();
    return evaluateFunction(function, arguments, options);
  }
  /// The outputs of a function that works.
  std::vector<std::vector<double>> outputs(const std::string &text, llvm::ArrayRef<TensorRef> arguments) {
    mlir::FailureOr<Evaluation> evaluation = evaluate(text, arguments);
    EXPECT_TRUE(succeeded(evaluation)) << error;
    std::vector<std::vector<double>> values;
    if (succeeded(evaluation))
      for (Output &output : evaluation->outputs)
        values.emplace_back(output.value.data<double>(), output.value.data<double>() + output.value.size());
    return values;
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string error; // the last diagnostic
};

inline TensorRef floats(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<float> values) {
  return std::make_shared<HostTensor>(HostTensor::of<float>(DType::F32, shape, values));
}
inline TensorRef integer(int64_t value) { return std::make_shared<HostTensor>(HostTensor::scalar(value)); }

inline void expectNear(const std::vector<double> &got, const std::vector<double> &want) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t k = 0; k < got.size(); ++k)
    EXPECT_NEAR(got[k], want[k], 1e-12) << "element " << k;
}

} // namespace fovea::reference

#endif
