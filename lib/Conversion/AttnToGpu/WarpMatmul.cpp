// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "WarpMatmul.h"

#include "NonFinite.h"

#include <limits>

using namespace mlir;
using namespace fovea;

namespace {

/// Where a lane's row of an ldmatrix starts: row `row`, chunk `odd` (0 or 1), to be moved by an even number of chunks.
class LaneAddress {
public:
  LaneAddress(WarpEmitter &b, const Thread &thread, const SharedTile &tile, Value row, Value odd, Value stage)
      : b(b), thread(thread), tile(tile), start(b.add(b.add(b.mul(row, tile.pitch()), tile.base), stage)) {
    Value chunk = tile.isSwizzled() ? b.bitXor(odd, b.rem(row, 8)) : odd;
    column = b.mul(chunk, kChunkBytes);
  }

  /// `rows`: a multiple of 8, which leaves the swizzle as it is.
  Value at(int64_t rows, int64_t evenChunk) { return atBytes(rows, b.i32(evenChunk * kChunkBytes)); }
  Value atBytes(int64_t rows, Value evenChunkBytes) {
    // (odd + even) xor r == even xor (odd xor r)
    Value moved = tile.isSwizzled() ? b.bitXor(column, evenChunkBytes) : b.add(column, evenChunkBytes);
    return b.shared(thread.shared, b.add(b.add(start, moved), rows * tile.pitch()));
  }

private:
  WarpEmitter &b;
  const Thread &thread;
  const SharedTile &tile;
  Value start, column;
};

/// Keys are the depth of the second product: its rows in memory, transposed on the way. Depth 0-7 and 8-15 of the left
/// eight columns, then of the right ones.
LaneAddress valueAddress(WarpEmitter &b, const Thread &thread, const Geometry &geometry, Value stage) {
  Value row = b.add(b.rem(thread.lane, 8), b.mul(b.rem(b.div(thread.lane, 8), 2), 8));
  return LaneAddress(b, thread, geometry.value, row, b.div(thread.lane, 16), stage);
}

/// Four registers of Q: rows 0-7 and 8-15 of the left eight columns, then of the right ones.
LaneAddress queryAddress(WarpEmitter &b, const Thread &thread, const Geometry &geometry) {
  Value row = b.add(b.mul(thread.warp, kWarpRows), b.rem(thread.lane, 16));
  return LaneAddress(b, thread, geometry.query, row, b.div(thread.lane, 16), b.i32(0));
}

} // namespace

Values fovea::loadQuery(WarpEmitter &b, const Thread &thread, const Geometry &geometry) {
  Purpose purpose(b, "read of queries");
  LaneAddress address = queryAddress(b, thread, geometry);
  Values fragments;
  for (int64_t k = 0; k < geometry.query.columns / kMmaDepth; ++k)
    llvm::append_range(fragments, b.ldmatrix(address.at(0, 2 * k), /*transposed=*/false));
  return fragments;
}

Values fovea::multiplyKeys(WarpEmitter &b, const Thread &thread, const Geometry &geometry, ValueRange query,
                           Value stage) {
  Purpose purpose(b, "read of keys");
  // Keys are the columns of B, and their elements its depth: keys 0-7 with depth 0-7 and 8-15, then keys 8-15.
  Value row = b.add(b.rem(thread.lane, 8), b.mul(b.div(thread.lane, 16), 8));
  LaneAddress address(b, thread, geometry.key, row, b.rem(b.div(thread.lane, 8), 2), stage);
  LaneAddress queries = queryAddress(b, thread, geometry);
  Values scores(geometry.keys / kFragmentColumns * kFragmentValues, b.real(0));
  for (int64_t k = 0; k < geometry.key.columns / kMmaDepth; ++k) {
    Values a = query.empty() ? b.ldmatrix(queries.at(0, 2 * k), /*transposed=*/false)
                             : llvm::to_vector_of<Value>(query.slice(4 * k, 4));
    for (int64_t n = 0; n < geometry.keys / 16; ++n) {
      Values keys = b.ldmatrix(address.at(16 * n, 2 * k), /*transposed=*/false);
      for (int64_t half = 0; half < 2; ++half) {
        Value *acc = &scores[(2 * n + half) * kFragmentValues];
        llvm::copy(b.mma(a, {keys[2 * half], keys[2 * half + 1]}, ValueRange(ArrayRef<Value>(acc, kFragmentValues)),
                         geometry.element),
                   acc);
      }
    }
  }
  return scores;
}

/// An accumulator's registers are where the second product wants its first operand: four for each 16 keys.
static Values packWeights(WarpEmitter &b, const Geometry &geometry, ValueRange weights) {
  Values packed;
  for (size_t k = 0; k < weights.size(); k += 2)
    packed.push_back(b.pack(weights[k], weights[k + 1], geometry.element));
  return packed;
}

/// acc[0..4) += A B for the left or right eight columns of `values`.
static void accumulate(WarpEmitter &b, const Geometry &geometry, ValueRange a, ArrayRef<Value> values, int64_t half,
                       Value *acc) {
  llvm::copy(b.mma(a, {values[2 * half], values[2 * half + 1]}, ValueRange(ArrayRef<Value>(acc, kFragmentValues)),
                   geometry.element),
             acc);
}

Values fovea::multiplyValues(WarpEmitter &b, const Thread &thread, const Geometry &geometry, ValueRange weights,
                             Value stage, Values acc) {
  Purpose purpose(b, "read of values");
  LaneAddress address = valueAddress(b, thread, geometry, stage);
  Values packed = packWeights(b, geometry, weights);
  for (int64_t k = 0; k < geometry.keys / kMmaDepth; ++k)
    for (int64_t n = 0; n < geometry.value.columns / 16; ++n) {
      Values values = b.ldmatrix(address.at(16 * k, 2 * n), /*transposed=*/true);
      for (int64_t half = 0; half < 2; ++half)
        accumulate(b, geometry, ValueRange(packed).slice(4 * k, 4), values, half,
                   &acc[(2 * n + half) * kFragmentValues]);
    }
  return acc;
}

Values fovea::addNonFinite(WarpEmitter &b, const Thread &thread, const Geometry &geometry, ValueRange weights,
                           Value stage, Values acc) {
  Purpose purpose(b, "read of values that are not finite");
  LaneAddress address = valueAddress(b, thread, geometry, stage);
  Values isSeen; // 1 where a key weighs something in a row
  for (Value weight : weights)
    isSeen.push_back(b.select(b.equals(weight, 0), b.real(0), b.real(1)));
  Values seen = packWeights(b, geometry, isSeen);
  // 16 columns at a time: their accumulators are the first, and go to the end.
  constexpr int64_t kStep = 2 * kFragmentValues;
  auto body = [&](ValueRange carried) {
    Value counts[2][kStep]; // of seen keys with +inf or NaN, and with -inf or NaN
    for (auto &ofSign : counts)
      llvm::fill(ofSign, b.real(0));
    for (int64_t k = 0; k < geometry.keys / kMmaDepth; ++k) {
      Values values = b.ldmatrix(address.atBytes(16 * k, b.mul(carried[0], 2 * kChunkBytes)), /*transposed=*/true);
      for (int64_t sign = 0; sign < 2; ++sign) {
        Values are;
        for (Value pair : values)
          are.push_back(markInfinite(b, pair, sign == 1, geometry.element));
        for (int64_t half = 0; half < 2; ++half)
          accumulate(b, geometry, ValueRange(seen).slice(4 * k, 4), are, half, &counts[sign][half * kFragmentValues]);
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
  auto isLeft = [&](ValueRange now) { return b.less(now[0], b.i32(geometry.value.columns / 16)); };
  Values result = b.loop(carried, isLeft, body);
  return Values(llvm::drop_begin(result));
}
