// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Dialect/Attn/Library/Position.h"

#include "Code.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace fovea::attn;

namespace {

/// One block with the position after `leading`.
Block &addBlock(AttentionOp op, Region &region, TypeRange leading) {
  assert(region.empty() && "the op has this region already");
  SmallVector<Type> types(leading);
  types.append(4, IndexType::get(op.getContext()));
  Block &block = region.emplaceBlock();
  block.addArguments(types, SmallVector<Location>(types.size(), op.getLoc()));
  return block;
}

Position positionOf(Block::BlockArgListType arguments) {
  return {arguments[0], arguments[1], arguments[2], arguments[3]};
}

Value load(OpBuilder &builder, Location loc, Value table, ValueRange indices) {
  if (isa<TensorType>(table.getType()))
    return tensor::ExtractOp::create(builder, loc, table, indices);
  return memref::LoadOp::create(builder, loc, table, indices);
}

} // namespace

void fovea::attn::setMask(AttentionOp op, function_ref<Value(OpBuilder &, Location, const Position &)> build) {
  Block &block = addBlock(op, op.getMask(), {});
  OpBuilder builder = OpBuilder::atBlockEnd(&block);
  Value keep = build(builder, op.getLoc(), positionOf(block.getArguments()));
  YieldOp::create(builder, op.getLoc(), keep);
}

void fovea::attn::setScore(AttentionOp op, function_ref<Value(OpBuilder &, Location, Value, const Position &)> build) {
  Block &block = addBlock(op, op.getScore(), Type(Float32Type::get(op.getContext())));
  OpBuilder builder = OpBuilder::atBlockEnd(&block);
  Value score = build(builder, op.getLoc(), block.getArgument(0), positionOf(block.getArguments().drop_front()));
  YieldOp::create(builder, op.getLoc(), score);
}

Value fovea::attn::element(OpBuilder &builder, Location loc, Value table, ValueRange indices) {
  Value loaded = load(builder, loc, table, indices);
  Type type = loaded.getType();
  if (type.isF64())
    return arith::TruncFOp::create(builder, loc, builder.getF32Type(), loaded);
  if (isa<IntegerType>(type))
    return arith::IndexCastOp::create(builder, loc, builder.getIndexType(), loaded);
  return loaded;
}

Value fovea::attn::flag(OpBuilder &builder, Location loc, Value table, ValueRange indices) {
  Value loaded = load(builder, loc, table, indices);
  if (loaded.getType().isInteger(1))
    return loaded;
  Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(loaded.getType()));
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne, loaded, zero);
}
