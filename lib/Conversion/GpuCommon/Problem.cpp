// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Problem.h"

#include "fovea/Dialect/Attn/Utils/CheckCaptures.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace fovea;
using namespace fovea::attn;

static Value equal(WarpEmitter &b, Value x, Value y) {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, x, y);
}

/// Rows start at multiples of 16 bytes, and their elements are neighbours. A dimension of one has any stride.
static Value isCopyable(WarpEmitter &b, ValueRange sizes, ValueRange strides, int64_t elementBytes) {
  Value good = equal(b, strides[3], b.index(1));
  for (int64_t dim = 0; dim < 3; ++dim) {
    Value aligned = equal(b, b.rem(b.mul(strides[dim], elementBytes), kChunkBytes), b.index(0));
    Value single = b.less(sizes[dim], b.index(2));
    good = b.both(good, b.createOrFold<arith::OrIOp>(aligned, single));
  }
  return good;
}

static Matrix readMatrix(WarpEmitter &b, Value memref, Layout layout) {
  auto metadata = memref::ExtractStridedMetadataOp::create(b, memref);
  int64_t elementBytes = cast<MemRefType>(memref.getType()).getElementTypeBitWidth() / 8;
  Value start = memref::ExtractAlignedPointerAsIndexOp::create(b, metadata.getBaseBuffer());
  SmallVector<int64_t, 4> order = AttentionOp::dimensionOrder(layout);
  Values sizes, strides;
  auto type = cast<MemRefType>(memref.getType());
  for (int64_t dim : order) {
    bool isStatic = !type.isDynamicDim(dim); // known here, what follows from it is, too
    sizes.push_back(isStatic ? b.index(type.getDimSize(dim)) : metadata.getSizes()[dim]);
    strides.push_back(metadata.getStrides()[dim]);
  }
  return {b.add(start, b.mul(metadata.getOffset(), elementBytes)),
          b.mul(strides[0], elementBytes),
          b.mul(strides[1], elementBytes),
          b.mul(strides[2], elementBytes),
          sizes[0],
          sizes[1],
          sizes[2],
          isCopyable(b, sizes, strides, elementBytes)};
}

GlobalRows Matrix::head(WarpEmitter &b, Value batch, Value head) const {
  return {b.add(b.add(address, b.mul(batch, batchBytes)), b.mul(head, headBytes)), rowBytes};
}

Value Matrix::addressOf(WarpEmitter &b, Value batch, Value at, Value row) const {
  return b.add(head(b, batch, at).address, b.mul(row, rowBytes));
}

Problem::Problem(WarpEmitter &b, AttentionOp op)
    : op(op), query(readMatrix(b, op.getQuery(), op.getLayout())), key(readMatrix(b, op.getKey(), op.getLayout())),
      value(readMatrix(b, op.getValue(), op.getLayout())), output(readMatrix(b, op.getOuts()[0], op.getLayout())),
      lse(op.hasLse() ? op.getOuts()[1] : Value()) {}

void Problem::check(WarpEmitter &b) {
  auto require = [&](Value condition, const Twine &message) {
    cf::AssertOp::create(b, condition, b.getStringAttr(message));
  };
  auto same = [&](Value x, Value y, StringRef names, StringRef what) {
    require(equal(b, x, y), names + " must have the same " + what);
  };
  same(query.batches, key.batches, "query and key", "batch size");
  same(query.batches, value.batches, "query and value", "batch size");
  same(key.heads, value.heads, "key and value", "number of heads");
  same(key.rows, value.rows, "key and value", "number of positions");
  same(query.batches, output.batches, "query and output", "batch size");
  same(query.heads, output.heads, "query and output", "number of heads");
  same(query.rows, output.rows, "query and output", "number of positions");
  if (lse) {
    Value sizes[] = {query.batches, query.heads, query.rows};
    StringRef names[] = {"batch size", "number of heads", "number of positions"};
    for (int64_t dim = 0; dim < 3; ++dim)
      same(memref::DimOp::create(b, lse, dim), sizes[dim], "query and log-sum-exp", names[dim]);
  }
  if (Value offset = op.getQOffset(); offset && !offset.getType().isIndex())
    same(memref::DimOp::create(b, offset, 0), query.batches, "query and q_offset", "batch size");
  Value limit = b.index(int64_t(1) << 31); // what mask analysis counts on; MaskRange.h
  require(arith::CmpIOp::create(b, arith::CmpIPredicate::ule, key.rows, limit),
          "more than 2^31 keys are not supported");
  Value groups = b.createOrFold<arith::MaxUIOp>(key.heads, b.index(1));
  Value group = b.createOrFold<arith::DivUIOp>(query.heads, groups);
  require(equal(b, b.mul(group, key.heads), query.heads),
          "the number of query heads must be a multiple of the number of kv heads");
  checkCaptures(b, op, {query.batches, query.heads, query.rows, key.rows});
  for (auto [matrix, name] :
       {std::pair(&query, "query"), std::pair(&key, "key"), std::pair(&value, "value"), std::pair(&output, "output")})
    require(matrix->isCopyable, Twine(name) + " must have stride 1 in its last dimension and strides of whole 16 bytes "
                                              "in the others: GPU code copies 16 bytes at a time");
}

Value Problem::queryOffset(WarpEmitter &b, Value batch) const {
  Value offset = AttentionOp(op).getQOffset();
  if (!offset)
    return b.index(0);
  if (offset.getType().isIndex())
    return offset;
  Value element = memref::LoadOp::create(b, offset, batch);
  return element.getType().isIndex() ? element : b.toIndex(element);
}

Value Problem::group(WarpEmitter &b) const {
  Value one = b.index(1);
  Value group = b.createOrFold<arith::DivUIOp>(query.heads, b.createOrFold<arith::MaxUIOp>(key.heads, one));
  return b.createOrFold<arith::MaxUIOp>(group, one);
}

Value Problem::kvHead(WarpEmitter &b, Value head) const { return b.createOrFold<arith::DivUIOp>(head, group(b)); }
