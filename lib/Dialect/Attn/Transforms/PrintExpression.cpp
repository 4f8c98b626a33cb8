// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "PrintExpression.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace {

constexpr size_t kMaxCharacters = 80;

using Text = std::optional<std::string>;

Text print(Value value);

Text nameOf(BlockArgument argument) {
  auto function = dyn_cast<FunctionOpInterface>(argument.getOwner()->getParentOp());
  if (!function)
    return std::nullopt;
  if (auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "attn.name"))
    return name.str();
  return "%arg" + std::to_string(argument.getArgNumber());
}

Text infix(Operation *op, StringRef symbol) {
  Text left = print(op->getOperand(0)), right = print(op->getOperand(1));
  if (!left || !right)
    return std::nullopt;
  bool isInner = llvm::any_of(op->getUsers(), [](Operation *user) { return !isa<arith::CmpIOp>(user); });
  std::string text = *left + " " + symbol.str() + " " + *right;
  return isInner && !isa<arith::CmpIOp, arith::AndIOp>(op) ? "(" + text + ")" : text;
}

StringRef symbolOf(arith::CmpIPredicate predicate) {
  using Predicate = arith::CmpIPredicate;
  switch (predicate) {
  case Predicate::eq:
    return "==";
  case Predicate::ne:
    return "!=";
  case Predicate::slt:
  case Predicate::ult:
    return "<";
  case Predicate::sle:
  case Predicate::ule:
    return "<=";
  case Predicate::sgt:
  case Predicate::ugt:
    return ">";
  case Predicate::sge:
  case Predicate::uge:
    return ">=";
  }
  llvm_unreachable("unknown predicate");
}

Text print(Value value) {
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)))
    return std::to_string(constant.getSExtValue());
  if (auto argument = dyn_cast<BlockArgument>(value))
    return nameOf(argument);
  return TypeSwitch<Operation *, Text>(value.getDefiningOp())
      .Case([](arith::AddIOp op) { return infix(op, "+"); })
      .Case([](arith::SubIOp op) { return infix(op, "-"); })
      .Case([](arith::MulIOp op) { return infix(op, "*"); })
      .Case([](arith::AndIOp op) { return infix(op, "and"); })
      .Case([](arith::OrIOp op) { return infix(op, "or"); })
      .Case([](arith::CmpIOp op) { return infix(op, symbolOf(op.getPredicate())); })
      .Case<arith::IndexCastOp, arith::IndexCastUIOp, arith::ExtSIOp>(
          [](Operation *op) { return print(op->getOperand(0)); })
      .Default([](Operation *) { return std::nullopt; });
}

} // namespace

std::optional<std::string> fovea::attn::printExpression(Value value) {
  Text text = print(value);
  return text && text->size() <= kMaxCharacters ? text : std::nullopt;
}
