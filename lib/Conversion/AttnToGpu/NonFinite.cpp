// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "NonFinite.h"

#include "TileCopy.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fovea;

namespace {

/// The bits of a 16-bit float.
struct Format {
  int64_t infinity, one, exponentUnit; // exponentUnit: the lowest bit of the exponent

  explicit Format(Type element)
      : infinity(element.isBF16() ? 0x7F80 : 0x7C00), one(element.isBF16() ? 0x3F80 : 0x3C00),
        exponentUnit(element.isBF16() ? 0x0080 : 0x0400) {}
};

int64_t twice(int64_t bits) { return bits << 16 | bits; }

Value andBits(WarpEmitter &b, Value x, int64_t bits) { return b.both(x, b.i32(int32_t(bits))); }

Value either(WarpEmitter &b, Value x, Value y) { return b.createOrFold<arith::OrIOp>(x, y); }

/// The sign bits of those halves whose exponent is all ones.
Value signsOfNonFinite(WarpEmitter &b, Value pair, const Format &format) {
  // All ones and one more is the bit behind.
  Value carried = b.add(andBits(b, pair, twice(format.infinity)), twice(format.exponentUnit));
  return andBits(b, carried, twice(0x8000));
}

Values loadChunk(WarpEmitter &b, Value pointer) {
  auto type = VectorType::get({kChunkBytes / 4}, b.getI32Type());
  Value chunk = LLVM::LoadOp::create(b, type, pointer, unsigned(kChunkBytes));
  return llvm::to_vector_of<Value>(vector::ToElementsOp::create(b, chunk).getResults());
}

} // namespace

Value fovea::findNonFinite(WarpEmitter &b, const Thread &thread, const Geometry &geometry, const SharedTile &tile,
                           Value stage) {
  Purpose purpose(b, "search for values that are not finite");
  Format format(geometry.element);
  Value found = b.i32(0);
  forEachChunk(b, thread, geometry.threads(), tile, [&](Value row, Value chunk, Value exists) {
    auto look = [&]() -> Values {
      Value any = found;
      for (Value pair : loadChunk(b, chunkPointer(b, thread, tile, stage, row, chunk)))
        any = either(b, any, signsOfNonFinite(b, pair, format));
      return {any};
    };
    found = exists ? b.choose(exists, b.getI32Type(), look, [&]() -> Values { return {found}; })[0] : look()[0];
  });
  return found;
}

void fovea::clearNonFinite(WarpEmitter &b, const Thread &thread, const Geometry &geometry, const SharedTile &tile,
                           Value stage) {
  Purpose purpose(b, "values that are not finite become 0");
  Format format(geometry.element);
  auto clear = [&](Value pointer) {
    Values kept;
    for (Value pair : loadChunk(b, pointer)) {
      // From the sign bit of a half to all its bits, in both halves at once.
      Value ones = arith::ShRUIOp::create(b, signsOfNonFinite(b, pair, format), b.i32(15));
      kept.push_back(b.both(pair, b.bitXor(b.mul(ones, 0xFFFF), -1)));
    }
    auto type = VectorType::get({kChunkBytes / 4}, b.getI32Type());
    LLVM::StoreOp::create(b, vector::FromElementsOp::create(b, type, kept).getResult(), pointer, unsigned(kChunkBytes));
  };
  forEachChunk(b, thread, geometry.threads(), tile, [&](Value row, Value chunk, Value exists) {
    b.maybe(exists, [&] { clear(chunkPointer(b, thread, tile, stage, row, chunk)); });
  });
}

Value fovea::markInfinite(WarpEmitter &b, Value pair, bool isNegative, Type element) {
  Format format(element);
  Value marks = b.i32(0);
  for (int64_t shift : {0, 16}) {
    Value bits = andBits(b, arith::ShRUIOp::create(b, pair, b.i32(shift)), 0xFFFF);
    Value isNaN = b.less(b.i32(format.infinity), andBits(b, bits, 0x7FFF));
    Value isInfinity =
        arith::CmpIOp::create(b, arith::CmpIPredicate::eq, bits, b.i32(format.infinity | (isNegative ? 0x8000 : 0)));
    Value mark = b.select(either(b, isNaN, isInfinity), b.i32(format.one << shift), b.i32(0));
    marks = either(b, marks, mark);
  }
  return marks;
}
