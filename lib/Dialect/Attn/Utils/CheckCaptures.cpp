// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Dialect/Attn/Utils/CheckCaptures.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace fovea::attn;

namespace {

Value stripCasts(Value value) {
  while (Operation *producer = value.getDefiningOp()) {
    if (!isa<arith::IndexCastOp, arith::IndexCastUIOp, arith::ExtSIOp, arith::ExtUIOp, memref::CastOp>(producer))
      break;
    value = producer->getOperand(0);
  }
  return value;
}

/// `'NAME'`, if the value is a named argument of the kernel.
std::string describe(Value value, StringRef otherwise) {
  if (auto argument = dyn_cast<BlockArgument>(stripCasts(value)))
    if (auto function = dyn_cast<FunctionOpInterface>(argument.getOwner()->getParentOp()))
      if (auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "attn.name"))
        return ("'" + name.getValue() + "'").str();
  return otherwise.str();
}

class Checker {
public:
  Checker(ImplicitLocOpBuilder &b, AttentionOp op, const ProblemSizes &sizes) : b(b), op(op), sizes(sizes) {}

  void check(Region &region, StringRef what) {
    if (region.empty())
      return;
    region.walk([&](Operation *inner) {
      if (auto load = dyn_cast<memref::LoadOp>(inner))
        checkRead(load, region, what);
      else if (isa<arith::DivSIOp, arith::FloorDivSIOp, arith::CeilDivSIOp, arith::RemSIOp, arith::DivUIOp,
                   arith::CeilDivUIOp, arith::RemUIOp>(inner))
        checkDivisor(inner->getOperand(1), region, what);
    });
  }

private:
  Value constant(int64_t value) { return arith::ConstantIndexOp::create(b, value); }
  Value atMost(Value x, Value y) { return arith::CmpIOp::create(b, arith::CmpIPredicate::sle, x, y); }

  void checkRead(memref::LoadOp load, Region &region, StringRef what) {
    auto positions = region.front().getArguments().take_back(4);
    if (region.isAncestor(load.getMemRef().getParentRegion()))
      return;
    for (auto [dim, index] : llvm::enumerate(load.getIndices())) {
      Value position = stripCasts(index);
      Value begin = constant(0), end;
      StringRef each;
      if (position == positions[0]) {
        end = sizes.batches, each = "sequence";
      } else if (position == positions[1]) {
        end = sizes.heads, each = "query head";
      } else if (position == positions[3]) {
        end = sizes.keys, each = "key";
      } else if (position == positions[2] && (!op.getQOffset() || op.getQOffset().getType().isIndex())) {
        if (op.getQOffset())
          begin = op.getQOffset();
        end = arith::AddIOp::create(b, begin, sizes.rows), each = "query position";
      } else {
        continue;
      }
      if (!checked.insert({load.getMemRef(), dim, position}).second)
        continue;
      Value covers = atMost(end, memref::DimOp::create(b, load.getMemRef(), dim));
      covers = arith::AndIOp::create(b, atMost(constant(0), begin), covers);
      std::string message = llvm::formatv("{0} reads {1} at every {2}, and dimension {3} does not cover them all", what,
                                          describe(load.getMemRef(), "an array"), each, dim);
      cf::AssertOp::create(b, covers, b.getStringAttr(message));
    }
  }

  void checkDivisor(Value divisor, Region &region, StringRef what) {
    Value source = stripCasts(divisor);
    if (region.isAncestor(source.getParentRegion()) || !source.getType().isIntOrIndex() ||
        !checked.insert({source, -1, {}}).second)
      return;
    Value zero = arith::ConstantOp::create(b, b.getIntegerAttr(source.getType(), 0));
    Value usable = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, source, zero);
    std::string message = llvm::formatv("{0} divides by {1}, which is 0", what, describe(source, "a value"));
    cf::AssertOp::create(b, usable, b.getStringAttr(message));
  }

  ImplicitLocOpBuilder &b;
  AttentionOp op;
  const ProblemSizes &sizes;
  llvm::DenseSet<std::tuple<Value, int64_t, Value>> checked; // array, dimension and position; or divisor
};

} // namespace

void fovea::attn::checkCaptures(ImplicitLocOpBuilder &b, AttentionOp op, const ProblemSizes &sizes) {
  Checker checker(b, op, sizes);
  checker.check(op.getScore(), "the score");
  checker.check(op.getMask(), "the mask");
  checker.check(op.getFar(), "`far`");
}
