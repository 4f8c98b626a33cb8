// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Dialect/Attn/Utils/CheckRope.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

void fovea::attn::checkRope(ImplicitLocOpBuilder &b, ValueRange tables, StringRef name, Value batches, Value rows,
                            Value position) {
  if (tables.empty())
    return;
  auto dim = [&](Value array, int64_t index) { return memref::DimOp::create(b, array, index).getResult(); };
  auto compare = [&](arith::CmpIPredicate predicate, Value x, Value y) {
    return arith::CmpIOp::create(b, predicate, x, y).getResult();
  };
  auto require = [&](Value condition, const Twine &message) {
    cf::AssertOp::create(b, condition, b.getStringAttr(message));
  };
  auto requireRows = [&](Value array, StringRef what) {
    require(compare(arith::CmpIPredicate::eq, dim(array, 0), batches), name + " and " + what + " have another batch size");
    require(compare(arith::CmpIPredicate::eq, dim(array, 1), rows), name + " and " + what + " have another number of rows");
  };
  Value cos = tables[0], sin = tables[1];
  auto type = cast<MemRefType>(cos.getType());
  for (int64_t index = 0; index + 1 < type.getRank(); ++index)
    require(compare(arith::CmpIPredicate::eq, dim(cos, index), dim(sin, index)),
            "cos and sin of " + name + " must have one shape");
  if (type.getRank() == 3)
    return requireRows(cos, "its cos");
  if (tables.size() == 3)
    return requireRows(tables[2], "its positions");
  Value zero = arith::ConstantIndexOp::create(b, 0);
  Value covers = compare(arith::CmpIPredicate::sle, arith::AddIOp::create(b, position, rows), dim(cos, 0));
  covers = arith::AndIOp::create(b, compare(arith::CmpIPredicate::sge, position, zero), covers);
  covers = arith::OrIOp::create(b, covers, compare(arith::CmpIPredicate::eq, rows, zero));
  require(covers, "cos and sin of " + name + " do not reach the position of every row; make longer tables");
}
