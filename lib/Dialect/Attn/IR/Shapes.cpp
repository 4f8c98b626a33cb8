// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Shapes.h"

using namespace mlir;

namespace fovea::attn {

Shape::Shape(ShapedType type, Layout layout) {
  SmallVector<int64_t, 4> order = AttentionOp::dimensionOrder(layout);
  batches = type.getDimSize(order[0]);
  heads = type.getDimSize(order[1]);
  positions = type.getDimSize(order[2]);
  columns = type.getDimSize(order[3]);
}

bool mayAgree(int64_t a, int64_t b) { return ShapedType::isDynamic(a) || ShapedType::isDynamic(b) || a == b; }

LogicalResult verifyArray(Operation *op, ShapedType type, StringRef name, int64_t rank) {
  if (!type.hasRank() || type.getRank() != rank)
    return op->emitOpError() << name << " must have rank " << rank << ", got " << type;
  // Byte offsets are computed in 64 bits: a static shape must fit by itself.
  int64_t bytes = 4;
  for (int64_t size : type.getShape())
    if (!ShapedType::isDynamic(size) && size != 0 && llvm::MulOverflow(bytes, size, bytes))
      return op->emitOpError() << name << " is larger than the address space: " << type;
  return success();
}

LogicalResult verifyF32Array(Operation *op, ShapedType type, StringRef name, int64_t rank) {
  if (failed(verifyArray(op, type, name, rank)))
    return failure();
  if (!type.getElementType().isF32())
    return op->emitOpError() << name << " must have element type f32, got " << type;
  return success();
}

static LogicalResult verifyHeadSize(Operation *op, int64_t size, StringRef name) {
  constexpr int64_t kMaxHeadSize = 576; // the latent form of DeepSeek-V3
  if (ShapedType::isDynamic(size))
    return op->emitOpError() << name << " must be static: the register tile depends on it";
  if (size < 1 || size > kMaxHeadSize)
    return op->emitOpError() << name << " must be between 1 and " << kMaxHeadSize << ", got " << size;
  return success();
}

LogicalResult verifyHeadSizes(Operation *op, const Shape &query, const Shape &key, const Shape &value, bool isLatent) {
  if (failed(verifyHeadSize(op, query.columns, "head size of query")) ||
      failed(verifyHeadSize(op, key.columns, "head size of key")) ||
      failed(verifyHeadSize(op, value.columns, "head size of value")))
    return failure();
  if (!isLatent && query.columns != key.columns)
    return op->emitOpError() << "query and key must have the same head size, got " << query.columns << " and "
                             << key.columns;
  return success();
}

LogicalResult verifyShapes(Operation *op, const Shape &query, const Shape &key, const Shape &value) {
  if (!mayAgree(query.batches, key.batches) || !mayAgree(query.batches, value.batches))
    return op->emitOpError() << "query, key and value must have the same batch size, got " << query.batches << ", "
                             << key.batches << " and " << value.batches;
  if (!mayAgree(key.heads, value.heads))
    return op->emitOpError() << "key and value must have the same number of heads, got " << key.heads << " and "
                             << value.heads;
  if (!mayAgree(key.positions, value.positions))
    return op->emitOpError() << "key and value must have the same number of positions, got " << key.positions << " and "
                             << value.positions;
  if (!ShapedType::isDynamic(query.heads) && !ShapedType::isDynamic(key.heads) &&
      (key.heads == 0 ? query.heads != 0 : query.heads % key.heads != 0))
    return op->emitOpError() << "the number of query heads (" << query.heads
                             << ") must be a multiple of the number of kv heads (" << key.heads << ")";
  return success();
}

} // namespace fovea::attn
