// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "NamedMasks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/AsmState.h"
#include "llvm/Support/raw_ostream.h"

#include <map>

using namespace mlir;
using namespace fovea::test;

Type Symbol::type(MLIRContext *context) const {
  constexpr int64_t kAny = ShapedType::kDynamic;
  auto table = [&](ArrayRef<int64_t> shape, unsigned width) {
    return RankedTensorType::get(shape, IntegerType::get(context, width));
  };
  switch (kind) {
  case Number:
    return IndexType::get(context);
  case PerSequence:
  case PerHead:
  case PerPosition:
    return table({kAny}, 32);
  case SequenceAndPosition:
    return table({kAny, kAny}, 32);
  case Flags:
    return table({kAny}, 8);
  case Words:
    return table({kTokens}, 64);
  case Ancestors:
    return table({kTokens, kTokens}, 8);
  case Blocks:
    return table({kAny, kAny}, 8);
  }
  llvm_unreachable("unknown kind");
}

OwningOpRef<func::FuncOp> fovea::test::buildFunction(const NamedMask &mask, MLIRContext &context) {
  OpBuilder builder(&context);
  Location loc = builder.getUnknownLoc();
  SmallVector<Type> types(4, builder.getIndexType());
  for (const Symbol &symbol : mask.symbols)
    types.push_back(symbol.type(&context));
  OwningOpRef<func::FuncOp> function =
      func::FuncOp::create(builder, loc, mask.name, builder.getFunctionType(types, builder.getI1Type()));
  Block *block = function->addEntryBlock();
  builder.setInsertionPointToStart(block);
  auto arguments = block->getArguments();
  attn::Position at{arguments[0], arguments[1], arguments[2], arguments[3]};
  func::ReturnOp::create(builder, loc, mask.build(builder, loc, at, ValueRange(arguments.drop_front(4))));
  return function;
}

static MLIRContext &writerContext() {
  static MLIRContext *context = [] {
    auto *created = new MLIRContext(MLIRContext::Threading::DISABLED);
    created->loadDialect<arith::ArithDialect, func::FuncDialect, math::MathDialect, tensor::TensorDialect>();
    return created;
  }();
  return *context;
}

/// `line` with every %name replaced.
static std::string renamed(const std::string &line, const std::map<std::string, std::string> &names) {
  std::string result;
  for (size_t k = 0; k < line.size();) {
    size_t end = k + 1;
    while (line[k] == '%' && end < line.size() && (std::isalnum(line[end]) || line[end] == '_'))
      ++end;
    std::string token = line.substr(k, end - k);
    auto found = names.find(token);
    result += found == names.end() ? token : found->second;
    k = end;
  }
  return result;
}

MaskLines fovea::test::writeMask(const NamedMask &mask, const std::vector<std::string> &symbols,
                                 const std::function<std::string()> &fresh) {
  OwningOpRef<func::FuncOp> function = buildFunction(mask, writerContext());
  AsmState state(*function);
  auto printed = [&](Value value) {
    std::string name;
    llvm::raw_string_ostream stream(name);
    value.printAsOperand(stream, state);
    return name;
  };
  std::vector<std::string> given = {"%b", "%h", "%i", "%j"};
  given.insert(given.end(), symbols.begin(), symbols.end());
  std::map<std::string, std::string> names;
  for (auto [argument, name] : llvm::zip_equal(function->getArguments(), given))
    names[printed(argument)] = name;

  MaskLines lines;
  Block &block = function->getBody().front();
  for (Operation &op : block.without_terminator()) {
    names[printed(op.getResult(0))] = fresh();
    std::string line;
    llvm::raw_string_ostream stream(line);
    op.print(stream, state);
    lines.text += "      " + renamed(line, names) + "\n";
  }
  lines.result = names.at(printed(block.getTerminator()->getOperand(0)));
  return lines;
}
