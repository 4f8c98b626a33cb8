// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "WarpMatmul.h"

using namespace mlir;
using namespace fovea;

namespace {

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

Values fovea::multiplyValues(WarpEmitter &b, const Thread &thread, const Geometry &geometry, ValueRange weights,
                             Value stage, Values acc) {
  Purpose purpose(b, "read of values");
  LaneAddress address = valueAddress(b, thread, geometry.value, stage);
  Values packed = packWeights(b, weights, geometry.element);
  for (int64_t k = 0; k < geometry.keys / kMmaDepth; ++k)
    for (int64_t n = 0; n < geometry.value.columns / 16; ++n) {
      Values values = b.ldmatrix(address.at(16 * k, 2 * n), /*transposed=*/true);
      for (int64_t half = 0; half < 2; ++half)
        accumulateHalf(b, ValueRange(packed).slice(4 * k, 4), values, half, geometry.element,
                       &acc[(2 * n + half) * kFragmentValues]);
    }
  return acc;
}
