// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "NonFinite.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

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

Value fovea::findNonFinite(WarpEmitter &b, const Thread &thread, int64_t threads, const SharedTile &tile, Type element,
                           Value stage) {
  Purpose purpose(b, "search for values that are not finite");
  Format format(element);
  Value found = b.i32(0);
  forEachChunk(b, thread, threads, tile, [&](Value row, Value chunk, Value exists) {
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

void fovea::clearNonFinite(WarpEmitter &b, const Thread &thread, int64_t threads, const SharedTile &tile, Type element,
                           Value stage) {
  Purpose purpose(b, "values that are not finite become 0");
  Format format(element);
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
  forEachChunk(b, thread, threads, tile, [&](Value row, Value chunk, Value exists) {
    b.maybe(exists, [&] { clear(chunkPointer(b, thread, tile, stage, row, chunk)); });
  });
}

/// For each of the two 16-bit floats in `pair` (i32): 1 where it is NaN or the infinity of that sign, else 0.
static Value markInfinite(WarpEmitter &b, Value pair, bool isNegative, Type element) {
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

Values fovea::seenKeys(WarpEmitter &b, ValueRange weights, Type element) {
  Values isSeen;
  for (Value weight : weights)
    isSeen.push_back(b.select(b.equals(weight, 0), b.real(0), b.real(1)));
  return packWeights(b, isSeen, element);
}

Values fovea::seenKeysOfPacked(WarpEmitter &b, ValueRange weights, Type element) {
  Format format(element);
  Values seen;
  for (Value pair : weights) {
    Value marks = b.i32(0);
    for (int64_t shift : {0, 16}) {
      Value isZero = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, andBits(b, pair, 0x7FFF << shift), b.i32(0));
      marks = either(b, marks, b.select(isZero, b.i32(0), b.i32(format.one << shift)));
    }
    seen.push_back(marks);
  }
  return seen;
}

Values fovea::addNonFinite(WarpEmitter &b, const Thread &thread, const SharedTile &tile, Type element, ValueRange seen,
                           Value stage, Values acc) {
  Purpose purpose(b, "read of values that are not finite");
  LaneAddress address = valueAddress(b, thread, tile, stage);
  // 16 columns at a time: their accumulators are the first, and go to the end.
  constexpr int64_t kStep = 2 * kFragmentValues;
  auto body = [&](ValueRange carried) {
    Value counts[2][kStep]; // of seen keys with +inf or NaN, and with -inf or NaN
    for (auto &ofSign : counts)
      llvm::fill(ofSign, b.real(0));
    for (int64_t k = 0; k < tile.rows / kMmaDepth; ++k) {
      Values values = b.ldmatrix(address.atBytes(16 * k, b.mul(carried[0], 2 * kChunkBytes)), /*transposed=*/true);
      for (int64_t sign = 0; sign < 2; ++sign) {
        Values are;
        for (Value pair : values)
          are.push_back(markInfinite(b, pair, sign == 1, element));
        for (int64_t half = 0; half < 2; ++half)
          accumulateHalf(b, seen.slice(4 * k, 4), are, half, element, &counts[sign][half * kFragmentValues]);
      }
    }
    Values next = {b.add(carried[0], 1)};
    llvm::append_range(next, carried.drop_front(1 + kStep));
    for (int64_t k = 0; k < kStep; ++k) {
      Value sum = carried[size_t(1 + k)];
      for (int64_t sign = 0; sign < 2; ++sign) {
        Value infinity =
            b.real(sign ? -std::numeric_limits<float>::infinity() : std::numeric_limits<float>::infinity());
        sum = b.select(b.equals(counts[sign][k], 0), sum, b.addf(sum, infinity));
      }
      next.push_back(sum);
    }
    return next;
  };
  Values carried = {b.i32(0)};
  llvm::append_range(carried, acc);
  auto isLeft = [&](ValueRange now) { return b.less(now[0], b.i32(tile.columns / 16)); };
  Values result = b.loop(carried, isLeft, body);
  return Values(llvm::drop_begin(result));
}
