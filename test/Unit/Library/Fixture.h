// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Modules made by builders: printed, parsed again, and run point by point by the reference.
#ifndef FOVEA_TEST_UNIT_LIBRARY_FIXTURE_H
#define FOVEA_TEST_UNIT_LIBRARY_FIXTURE_H

#include "fovea/Dialect/Attn/Library/Position.h"
#include "fovea/Reference/Reference.h"
#include "fovea/Reference/RegionProgram.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

namespace fovea::test {

constexpr int64_t kBatches = 2, kHeads = 3, kQueries = 70, kKeys = 70, kHeadSize = 4;

struct LibraryTest : testing::Test {
  LibraryTest() {
    context.loadDialect<attn::AttnDialect, mlir::arith::ArithDialect, mlir::func::FuncDialect, mlir::math::MathDialect,
                        mlir::tensor::TensorDialect>();
  }

  /// `func @main(query, key, value, symbols...)` with one attention, still without regions.
  attn::AttentionOp attention(llvm::ArrayRef<mlir::Type> symbols) {
    mlir::OpBuilder builder(&context);
    mlir::Location loc = builder.getUnknownLoc();
    module = mlir::ModuleOp::create(builder, loc);
    builder.setInsertionPointToEnd(module->getBody());
    auto tensor = mlir::RankedTensorType::get({kBatches, kHeads, kQueries, kHeadSize}, builder.getF32Type());
    llvm::SmallVector<mlir::Type> types(3, tensor);
    types.append(symbols.begin(), symbols.end());
    auto function = mlir::func::FuncOp::create(builder, loc, "main", builder.getFunctionType(types, tensor));
    mlir::Block *block = function.addEntryBlock();
    builder.setInsertionPointToStart(block);
    mlir::OperationState state(loc, attn::AttentionOp::getOperationName());
    auto arguments = block->getArguments();
    state.addOperands({arguments[0], arguments[1], arguments[2]});
    state.getOrAddProperties<attn::AttentionOp::Properties>().operandSegmentSizes = {1, 1, 1}; // and no other operand
    state.addTypes(tensor);
    for (int region = 0; region < 3; ++region)
      state.addRegion();
    mlir::Operation *op = builder.create(state);
    mlir::func::ReturnOp::create(builder, loc, op->getResults());
    return llvm::cast<attn::AttentionOp>(op);
  }

  mlir::Block::BlockArgListType symbolsOf(attn::AttentionOp op) { return op->getBlock()->getArguments().drop_front(3); }

  /// What was built is valid, and is what its text says.
  void expectRoundTrip() {
    ASSERT_TRUE(succeeded(mlir::verify(*module)));
    std::string text = print(*module);
    mlir::OwningOpRef<mlir::ModuleOp> parsed = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(text, print(*parsed));
  }

  static std::string print(mlir::ModuleOp module) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    module->print(stream);
    return text;
  }

  mlir::FailureOr<reference::RegionProgram> compile(mlir::Region &region, attn::AttentionOp op,
                                                    llvm::ArrayRef<reference::RuntimeValue> values) {
    auto symbols = symbolsOf(op);
    return reference::RegionProgram::compile(region, [&](mlir::Value value) -> const reference::RuntimeValue * {
      auto argument = llvm::dyn_cast<mlir::BlockArgument>(value);
      bool isSymbol = argument && llvm::is_contained(symbols, value);
      return isSymbol ? &values[argument.getArgNumber() - 3] : nullptr;
    });
  }

  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

} // namespace fovea::test

#endif
