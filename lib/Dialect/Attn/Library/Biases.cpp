// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Dialect/Attn/Library/Scores.h"

#include "Code.h"
#include "Indices.h"
#include "llvm/ADT/APInt.h"

using namespace mlir;
using namespace fovea::attn;

Value scores::denseBias(OpBuilder &b, Location loc, Value s, const Position &at, Value bias, OpFoldResult offset) {
  Code code{b, loc};
  Value row = offset ? code.sub(at.i, code.number(offset)) : at.i;
  SmallVector<Value> indices = withLeading(bias, {at.b, at.h}, {row, at.j});
  for (auto [index, size] : llvm::zip_equal(indices, cast<ShapedType>(bias.getType()).getShape()))
    if (size == 1)
      index = code.index(0);
  return code.addReal(s, element(b, loc, bias, indices));
}

Value scores::relativeBias(OpBuilder &b, Location loc, Value s, const Position &at, Value table, int64_t reach) {
  Code code{b, loc};
  Value distance = code.add(code.sub(at.j, at.i), code.index(reach));
  Value column = code.clamp(distance, code.index(0), code.index(2 * reach));
  return code.addReal(s, element(b, loc, table, withLeading(table, {at.h}, {column})));
}

Value scores::relativeBias2D(OpBuilder &b, Location loc, Value s, const Position &at, Value table, int64_t height,
                             int64_t width) {
  Code code{b, loc};
  Value columns = code.index(width);
  Value down = code.sub(code.divPositive(at.i, columns), code.divPositive(at.j, columns));
  Value right = code.sub(code.modPositive(at.i, columns), code.modPositive(at.j, columns));
  Value row = code.mul(code.add(down, code.index(height - 1)), code.index(2 * width - 1));
  Value number = code.add(row, code.add(right, code.index(width - 1)));
  return code.addReal(s, element(b, loc, table, {number, at.h}));
}

/// m + k begins at the first r with ln(r / m) / ln(max / m) (n - m) >= k, that is r^(n-m) m^k >= max^k m^(n-m): no
/// logarithm decides a border.
SmallVector<int64_t> scores::t5BucketStarts(int64_t n, int64_t maxDistance) {
  const int64_t m = n / 2, powers = n - m;
  const unsigned bits = 64 * (2 * powers + 1);
  auto power = [&](int64_t base, int64_t exponent) {
    APInt result(bits, 1);
    for (int64_t k = 0; k < exponent; ++k)
      result *= base;
    return result;
  };
  SmallVector<int64_t> starts;
  int64_t r = m;
  for (int64_t k = 1; k < powers; ++k) {
    APInt border = power(maxDistance, k) * power(m, powers), factor = power(m, k);
    while ((power(r, powers) * factor).ult(border))
      ++r;
    starts.push_back(r);
  }
  return starts;
}

Value scores::t5Bias(OpBuilder &b, Location loc, Value s, const Position &at, Value table, int64_t buckets,
                     bool isBidirectional, int64_t maxDistance) {
  Code code{b, loc};
  const int64_t n = isBidirectional ? buckets / 2 : buckets;
  assert(n >= 2 && maxDistance > n / 2 && "too few buckets, or none for the far distances");
  Value relative = code.sub(at.j, at.i), zero = code.index(0), one = code.index(1);
  Value r = isBidirectional ? code.magnitude(relative) : code.max(code.sub(at.i, at.j), zero);
  auto when = [&](Value condition, Value value) { return code.emit<arith::SelectOp>(condition, value, zero); };
  Value bucket = code.min(r, code.index(n / 2));
  for (int64_t start : t5BucketStarts(n, maxDistance))
    bucket = code.add(bucket, when(code.atLeast(r, code.index(start)), one));
  if (isBidirectional)
    bucket = code.add(bucket, when(code.less(zero, relative), code.index(n)));
  return code.addReal(s, element(b, loc, table, {bucket, at.h}));
}
