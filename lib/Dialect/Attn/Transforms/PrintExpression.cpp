// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "PrintExpression.h"

#include "fovea/Analysis/MaskRange.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/TypeSwitch.h"

#include <deque>

using namespace mlir;

namespace {

constexpr size_t kMaxCharacters = 80;

using Text = std::optional<std::string>;

/// A sum: coefficients by the text of their terms, and a constant.
struct Sum {
  llvm::MapVector<StringRef, int64_t> coefficients;
  int64_t constant = 0;
};

class Printer {
public:
  explicit Printer(fovea::attn::NameOf nameOf) : nameOf(nameOf) {}

  Text print(Value value);

private:
  bool addTo(Sum &sum, Value value, int64_t factor);
  Text printSum(Value value);
  Text printTerm(Value value);
  Text argument(BlockArgument argument);
  Text infix(Operation *op, StringRef symbol);
  Text call(StringRef name, Operation *op);

  fovea::attn::NameOf nameOf;
  std::deque<std::string> texts; // what the keys of sums refer to
};

std::optional<int64_t> constantOf(Value value) {
  APInt constant;
  if (!matchPattern(value, m_ConstantInt(&constant)) || constant.getBitWidth() > 64)
    return std::nullopt;
  return constant.getBitWidth() == 1 ? constant.getZExtValue() : constant.getSExtValue();
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

Text Printer::argument(BlockArgument argument) {
  auto function = dyn_cast_if_present<FunctionOpInterface>(argument.getOwner()->getParentOp());
  if (!function)
    return std::nullopt;
  if (auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "attn.name"))
    return name.str();
  return "%arg" + std::to_string(argument.getArgNumber());
}

/// With parentheses, unless it is one name, number or call.
std::string asOperand(StringRef text) {
  int depth = 0;
  for (char c : text) {
    depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    if (c == ' ' && depth == 0)
      return ("(" + text + ")").str();
  }
  return text.str();
}

Text Printer::infix(Operation *op, StringRef symbol) {
  Text left = print(op->getOperand(0)), right = print(op->getOperand(1));
  if (!left || !right)
    return std::nullopt;
  if (isa<arith::CmpIOp, arith::AndIOp>(op))
    return *left + " " + symbol.str() + " " + *right;
  return asOperand(*left) + " " + symbol.str() + " " + asOperand(*right);
}

Text Printer::call(StringRef name, Operation *op) {
  Text left = print(op->getOperand(0)), right = print(op->getOperand(1));
  if (!left || !right)
    return std::nullopt;
  return name.str() + "(" + *left + ", " + *right + ")";
}

/// What a limit of the analysis is put around.
Value withoutLimit(Value value) {
  Operation *op = value.getDefiningOp();
  if (!isa_and_present<arith::MinSIOp, arith::MaxSIOp>(op))
    return value;
  for (unsigned side : {0, 1})
    if (std::optional<int64_t> limit = constantOf(op->getOperand(side));
        limit && (*limit >= fovea::kPositionLimit - 1 || *limit <= -fovea::kPositionLimit))
      return withoutLimit(op->getOperand(1 - side));
  return value;
}

bool Printer::addTo(Sum &sum, Value value, int64_t factor) {
  value = withoutLimit(value);
  if (std::optional<int64_t> constant = constantOf(value)) {
    sum.constant += factor * *constant;
    return true;
  }
  Operation *op = value.getDefiningOp();
  if (isa_and_present<arith::AddIOp, arith::SubIOp>(op))
    return addTo(sum, op->getOperand(0), factor) &&
           addTo(sum, op->getOperand(1), isa<arith::SubIOp>(op) ? -factor : factor);
  if (auto product = dyn_cast_if_present<arith::MulIOp>(op))
    if (std::optional<int64_t> constant = constantOf(product.getRhs()))
      return addTo(sum, product.getLhs(), factor * *constant);
  Text term = printTerm(value);
  if (!term)
    return false;
  sum.coefficients[texts.emplace_back(*term)] += factor;
  return true;
}

Text Printer::printSum(Value value) {
  Sum sum;
  if (!addTo(sum, value, 1))
    return std::nullopt;
  std::string text;
  auto append = [&](int64_t sign, const std::string &term) {
    text += text.empty() ? (sign < 0 ? "-" : "") : (sign < 0 ? " - " : " + ");
    text += term;
  };
  auto scaled = [](StringRef term, int64_t coefficient) {
    if (std::abs(coefficient) == 1)
      return term.str();
    return std::to_string(std::abs(coefficient)) + " " + asOperand(term);
  };
  for (bool positive : {true, false}) // i0 - window rather than -window + i0
    for (auto [term, coefficient] : sum.coefficients)
      if (coefficient != 0 && (coefficient > 0) == positive)
        append(coefficient, scaled(term, coefficient));
  if (sum.constant != 0 || text.empty())
    append(sum.constant, std::to_string(std::abs(sum.constant)));
  return text;
}

Text Printer::printTerm(Value value) {
  if (Text name = nameOf(value))
    return name;
  if (auto block = dyn_cast<BlockArgument>(value))
    return argument(block);
  return TypeSwitch<Operation *, Text>(value.getDefiningOp())
      .Case([&](arith::MulIOp op) { return infix(op, "*"); })
      .Case<arith::DivUIOp, arith::FloorDivSIOp, arith::DivSIOp>([&](Operation *op) { return infix(op, "/"); })
      .Case([&](arith::ShRSIOp op) -> Text {
        std::optional<int64_t> shift = constantOf(op.getRhs());
        Text left = print(op.getLhs());
        if (!shift || !left)
          return std::nullopt;
        return asOperand(*left) + " / " + std::to_string(int64_t(1) << *shift);
      })
      .Case<arith::MinSIOp, arith::MinUIOp>([&](Operation *op) { return call("min", op); })
      .Case<arith::MaxSIOp, arith::MaxUIOp>([&](Operation *op) { return call("max", op); })
      .Case([&](arith::AndIOp op) { return infix(op, "and"); })
      .Case([&](arith::OrIOp op) { return infix(op, "or"); })
      .Case([&](arith::CmpIOp op) { return infix(op, symbolOf(op.getPredicate())); })
      .Case<arith::IndexCastOp, arith::IndexCastUIOp, arith::ExtSIOp>(
          [&](Operation *op) { return print(op->getOperand(0)); })
      .Default([](Operation *) { return std::nullopt; });
}

Text Printer::print(Value value) {
  if (value.getType().isInteger(1) && !constantOf(value))
    return printTerm(value);
  return printSum(value);
}

} // namespace

std::optional<std::string> fovea::attn::printExpression(Value value, NameOf nameOf) {
  Text text = Printer(nameOf).print(value);
  return text && text->size() <= kMaxCharacters ? text : std::nullopt;
}
