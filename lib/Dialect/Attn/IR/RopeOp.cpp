// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rotary position embeddings: attn.rope, and the tables of ops that rotate what they read.
#include "Rope.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace fovea::attn {

static LogicalResult verifyPositions(Operation *op, ShapedType type, StringRef name, const Shape &rows) {
  if (!type.hasRank() || type.getRank() != 2 || !type.getElementType().isSignlessIntOrIndex() ||
      type.getElementType().isInteger(1))
    return op->emitOpError() << "positions of " << name << " must be integers [B, N], got " << type;
  if (!mayAgree(type.getDimSize(0), rows.batches) || !mayAgree(type.getDimSize(1), rows.positions))
    return op->emitOpError() << "positions of " << name << " must be one for each sequence and row, got " << type;
  return success();
}

LogicalResult verifyRope(Operation *op, ValueRange tables, StringRef name, const Shape &rows) {
  if (tables.empty())
    return success();
  if (tables.size() != 2 && tables.size() != 3)
    return op->emitOpError() << "rotates " << name << " by " << tables.size()
                             << " arrays; it takes cos, sin and optionally positions";
  auto cos = cast<ShapedType>(tables[0].getType()), sin = cast<ShapedType>(tables[1].getType());
  for (ShapedType table : {cos, sin}) {
    if (!table.hasRank() || (table.getRank() != 2 && table.getRank() != 3) || !table.getElementType().isF32())
      return op->emitOpError() << "cos and sin of " << name
                               << " must be f32 tables [positions, pairs] or [B, N, pairs], got " << table;
    if (ShapedType::isDynamic(table.getShape().back()))
      return op->emitOpError() << "cos and sin of " << name
                               << " must have a static number of pairs, their last dimension, got " << table;
  }
  if (cos.getRank() != sin.getRank() || !llvm::all_of(llvm::zip(cos.getShape(), sin.getShape()), [](auto sizes) {
        return mayAgree(std::get<0>(sizes), std::get<1>(sizes));
      }))
    return op->emitOpError() << "cos and sin of " << name << " must have one shape, got " << cos << " and " << sin;
  if (int64_t pairs = cos.getShape().back(); pairs < 1 || 2 * pairs > rows.columns)
    return op->emitOpError() << "turns " << pairs << " pairs of columns, but " << name << " has " << rows.columns
                             << " columns";
  if (cos.getRank() == 3 &&
      (!mayAgree(cos.getDimSize(0), rows.batches) || !mayAgree(cos.getDimSize(1), rows.positions)))
    return op->emitOpError() << "cos and sin of " << name << " must have a row for each sequence and row, got " << cos;
  if (tables.size() == 2)
    return success();
  if (cos.getRank() == 3)
    return op->emitOpError() << "has a table row for each sequence and row of " << name
                             << ", where positions mean nothing; drop them";
  return verifyPositions(op, cast<ShapedType>(tables[2].getType()), name, rows);
}

LogicalResult RopeOp::verify() {
  auto input = cast<ShapedType>(getInput().getType());
  if (failed(verifyArray(*this, input, "input", 4)))
    return failure();
  if (ShapedType::isDynamic(input.getShape().back()))
    return emitOpError() << "input must have a static head size, got " << input;
  SmallVector<Value> tables = {getCos(), getSin()};
  if (getPositions())
    tables.push_back(getPositions());
  if (failed(verifyRope(*this, tables, "input", Shape(input, getLayout()))))
    return failure();
  if (getOffset() && (getPositions() || cast<ShapedType>(getCos().getType()).getRank() == 3))
    return emitOpError() << "has an offset beside "
                         << (getPositions() ? "positions, which have it already" : "a table row for each row");
  return success();
}

void LoadTileOp::build(OpBuilder &builder, OperationState &state, Type tile, Value source, Value batch, Value head,
                       Value row, Value valid) {
  build(builder, state, tile, source, batch, head, row, valid, /*rope=*/ValueRange(), /*position=*/Value(),
        /*heads_of=*/Value(), /*absorb=*/Value(), /*norm=*/Value(), /*epsilon=*/FloatAttr());
}

SmallVector<Value, 2> LoadTileOp::ropeIndices(OpBuilder &builder, Value r) {
  Value row = rowOf(builder, r).second;
  if (cast<MemRefType>(getRope()[0].getType()).getRank() == 3)
    return {getBatch(), row};
  if (getRope().size() == 2)
    return {arith::AddIOp::create(builder, getLoc(), getPosition(), getHeadsOf() ? row : r).getResult()};
  Value position = memref::LoadOp::create(builder, getLoc(), getRope()[2], ValueRange{getBatch(), row}).getResult();
  if (position.getType().isIndex())
    return {position};
  return {arith::IndexCastOp::create(builder, getLoc(), builder.getIndexType(), position).getResult()};
}

} // namespace fovea::attn
