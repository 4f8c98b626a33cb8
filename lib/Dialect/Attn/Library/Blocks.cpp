// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Dialect/Attn/Library/Masks.h"

#include "Code.h"

using namespace mlir;
using namespace fovea::attn;

namespace {

// The hash of python/fovea/random_blocks.py: multipliers are 5 modulo 8 and the increment is odd, so that each step is
// a permutation of full period (Hull and Dobell, Random Number Generators, 1962).
constexpr int64_t kHashBits = 31, kHashMask = (int64_t(1) << kHashBits) - 1, kIncrement = 1640531527,
                  kDrawStride = 65537;
constexpr int64_t kMultipliers[] = {37769685, 26757677, 20501397};

/// 31 bits of x in [0, 2^31): three congruential steps, after each the square of the high bits added. The mask analysis
/// knows the range of every step, so that it knows the blocks drawn for the rows of one block.
Value hash(const Code &code, Value x) {
  Value mask = code.index(kHashMask);
  for (int64_t multiplier : kMultipliers) {
    x = code.bitAnd(code.add(code.mul(x, code.index(multiplier)), code.index(kIncrement)), mask);
    Value high = code.shiftRight(x, code.index(8));
    x = code.bitAnd(code.add(x, code.mul(high, high)), mask);
  }
  return x;
}

Value within(const Code &code, Value x, Value y, Value radius) {
  return code.atMost(code.magnitude(code.sub(x, y)), radius);
}

struct Pixel {
  Value x, y;
};

Pixel pixel(const Code &code, Value position, Value width) {
  return {code.modPositive(position, width), code.divPositive(position, width)};
}

} // namespace

Value masks::blockDiagonal(OpBuilder &b, Location loc, const Position &at, OpFoldResult size) {
  Code code{b, loc};
  Value block = code.divisor(size);
  return code.equal(code.floorDiv(at.i, block), code.floorDiv(at.j, block));
}

Value masks::chunked(OpBuilder &b, Location loc, const Position &at, OpFoldResult size) {
  Code code{b, loc};
  return code.both(code.atLeast(at.i, at.j), blockDiagonal(b, loc, at, size));
}

Value masks::neighbourhood(OpBuilder &b, Location loc, const Position &at, OpFoldResult width, OpFoldResult radius) {
  Code code{b, loc};
  Value columns = code.divisor(width), reach = code.number(radius);
  Pixel query = pixel(code, at.i, columns), key = pixel(code, at.j, columns);
  return code.both(within(code, query.x, key.x, reach), within(code, query.y, key.y, reach));
}

Value masks::neighbourhoodInside(OpBuilder &b, Location loc, const Position &at, OpFoldResult width,
                                 OpFoldResult height, OpFoldResult radius) {
  Code code{b, loc};
  Value columns = code.divisor(width), reach = code.number(radius);
  Pixel query = pixel(code, at.i, columns), key = pixel(code, at.j, columns);
  auto inside = [&](Value x, Value size) {
    Value last = code.sub(code.sub(size, code.index(1)), reach);
    return code.min(code.max(x, reach), last);
  };
  return code.both(within(code, inside(query.x, columns), key.x, reach),
                   within(code, inside(query.y, code.number(height)), key.y, reach));
}

Value masks::randomBlocks(OpBuilder &b, Location loc, const Position &at, const RandomBlocks &random) {
  Code code{b, loc};
  Value size = code.divisor(random.block), row = code.floorDiv(at.i, size), key = code.floorDiv(at.j, size);
  Value last = code.sub(code.add(code.number(random.keys), size), code.index(1));
  Value blocks = code.floorDiv(last, size), seed = code.number(random.seed), mask = code.index(kHashMask);
  Value hit = code.truth(false);
  for (int64_t draw = 0; draw < random.draws; ++draw) {
    Value stream = hash(code, code.bitAnd(code.add(seed, code.index(draw * kDrawStride)), mask));
    Value bits = hash(code, code.bitAnd(code.add(stream, row), mask));
    // bits / 2^31 is in [0, 1).
    Value drawn = code.shiftRight(code.mul(bits, blocks), code.index(kHashBits));
    hit = code.either(code.equal(key, drawn), hit);
  }
  return hit;
}

Value masks::bigBird(OpBuilder &b, Location loc, const Position &at, const RandomBlocks &random,
                     OpFoldResult windowBlocks, OpFoldResult globalBlocks) {
  Code code{b, loc};
  Value size = code.divisor(random.block), row = code.floorDiv(at.i, size), key = code.floorDiv(at.j, size);
  Value near = within(code, row, key, code.floorDiv(code.number(windowBlocks), code.index(2)));
  Value first = code.number(globalBlocks);
  Value isGlobal = code.either(code.less(row, first), code.less(key, first));
  return code.either(code.either(near, isGlobal), randomBlocks(b, loc, at, random));
}
