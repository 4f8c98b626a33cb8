// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "NamedMasks.h"

#include "fovea/Dialect/Attn/Library/Masks.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

#include <algorithm>
#include <array>
#include <cstdlib>

using namespace mlir;
using namespace fovea::attn;
using fovea::test::kBlockKeys;
using fovea::test::kBlockRows;
using fovea::test::kTokens;
using fovea::test::NamedMask;
using fovea::test::Symbol;
using fovea::test::Values;

// What every row of the table has: a builder and a formula.
#define BUILD [](OpBuilder & b, Location loc, const Position &at, ValueRange x)->Value
#define TRUTH [](const Values &v, int64_t b, int64_t h, int64_t i, int64_t j)->bool

namespace {

const Symbol kWindow{Symbol::Number, -4, 300}, kRadius{Symbol::Number, -2, 100}, kCount{Symbol::Number, 0, 40};
const Symbol kOffset{Symbol::Number, -150, 150}, kSize{Symbol::Number, 0, 200}, kLength{Symbol::Number, 0, 600};
const Symbol kSeed{Symbol::Number, 0, 1000000}, kSmallSize{Symbol::Number, 0, 40};
const Symbol kLengths{Symbol::PerSequence, 0, 400}, kWindows{Symbol::PerHead, 0, 200};
const Symbol kIds{Symbol::PerPosition, 0, 3}, kIdsOfBatch{Symbol::SequenceAndPosition, 0, 3};
const Symbol kBegins{Symbol::PerPosition, 0, 100}, kFlags{Symbol::Flags};
const Symbol kWords{Symbol::Words, 0, (int64_t(1) << kTokens) - 1}, kAncestors{Symbol::Ancestors};
const Symbol kBlocks{Symbol::Blocks};

int64_t floorDiv(int64_t x, int64_t y) { return x / y - (x % y < 0); }
int64_t divisor(int64_t x) { return std::max<int64_t>(x, 1); }
bool sameBlock(int64_t i, int64_t j, int64_t size) { return floorDiv(i, size) == floorDiv(j, size); }

bool near2D(int64_t i, int64_t j, int64_t width, int64_t radius) {
  return std::abs(i % width - j % width) <= radius && std::abs(i / width - j / width) <= radius;
}

bool inside2D(int64_t i, int64_t j, int64_t width, int64_t height, int64_t radius) {
  auto inside = [&](int64_t x, int64_t size) { return std::min(std::max(x, radius), size - 1 - radius); };
  return std::abs(inside(i % width, width) - j % width) <= radius &&
         std::abs(inside(i / width, height) - j / width) <= radius;
}

uint64_t hash31(uint64_t x) {
  for (uint64_t a : {37769685, 26757677, 20501397}) {
    x = (x * a + 1640531527) % 0x80000000u;
    x = (x + (x / 256) * (x / 256)) % 0x80000000u;
  }
  return x;
}

/// The blocks of keys that a block of queries draws.
std::vector<int64_t> drawn(int64_t row, int64_t blocks, int64_t seed, int draws) {
  std::vector<int64_t> result;
  for (int draw = 0; draw < draws; ++draw) {
    uint64_t stream = hash31(uint64_t(seed + draw * 65537) % 0x80000000u);
    int64_t bits = int64_t(hash31((stream + uint64_t(row)) % 0x80000000u));
    result.push_back(floorDiv(bits * blocks, int64_t(1) << 31));
  }
  return result;
}

bool isDrawn(int64_t i, int64_t j, int64_t size, int64_t keys, int64_t seed, int draws) {
  // The keys of a row are asked one after the other.
  static std::array<int64_t, 4> last;
  static std::vector<int64_t> blocks;
  std::array<int64_t, 4> now = {floorDiv(i, size), floorDiv(keys + size - 1, size), seed, draws};
  if (blocks.empty() || now != last) {
    blocks = drawn(now[0], now[1], seed, draws);
    last = now;
  }
  return std::find(blocks.begin(), blocks.end(), floorDiv(j, size)) != blocks.end();
}

/// `seen(row, key)` between tokens, everything before the prefix.
template <typename Seen> bool inTree(int64_t i, int64_t j, int64_t prefix, Seen seen) {
  auto isToken = [&](int64_t position) { return position >= prefix && position < prefix + kTokens; };
  return j < prefix || (isToken(i) && isToken(j) && seen(i - prefix, j - prefix));
}

OpFoldResult index(OpBuilder &b, int64_t value) { return b.getIndexAttr(value); }

std::vector<NamedMask> windows() { return {{"full", {}, BUILD{return masks::full(b, loc); }
, TRUTH { return true; }
} // namespace
, {"none", {}, BUILD{return masks::none(b, loc);
}
, TRUTH { return false; }
}
, {"causal", {}, BUILD{return masks::causal(b, loc, at);
}
, TRUTH { return i >= j; }
}
, {"causal_offset", {kOffset}, BUILD{return masks::causal(b, loc, at, x[0]);
}
, TRUTH { return i + v.numbers[0] >= j; }
}
, {"causal_offset_per_sequence", {kLengths}, BUILD{return masks::causal(b, loc, at, element(b, loc, x[0], at.b));
}
, TRUTH { return i + v.element(0, b, 0) >= j; }
}
, {"prefix_lm", {kLength}, BUILD{return masks::prefixLM(b, loc, at, x[0]);
}
, TRUTH { return i >= j || j < v.numbers[0]; }
}
, {"prefix_lm_per_sequence", {kLengths}, BUILD{return masks::prefixLM(b, loc, at, element(b, loc, x[0], at.b));
}
, TRUTH { return i >= j || j < v.element(0, b, 0); }
}
, {"sliding_window", {kWindow}, BUILD{return masks::slidingWindow(b, loc, at, x[0]);
}
, TRUTH { return i >= j && i - j < v.numbers[0]; }
}
, {"sliding_window_constant", {}, BUILD{return masks::slidingWindow(b, loc, at, index(b, 128));
}
, TRUTH { return i >= j && i - j < 128; }
}
, {"sliding_window_per_head", {kWindows}, BUILD{return masks::slidingWindow(b, loc, at, element(b, loc, x[0], at.h));
}
, TRUTH { return i >= j && i - j < v.element(0, h, 0); }
}
, {"symmetric_window", {kRadius}, BUILD{return masks::symmetricWindow(b, loc, at, x[0]);
}
, TRUTH { return std::abs(i - j) <= v.numbers[0]; }
}
, {"window_and_sinks", {kWindow, kCount}, BUILD{return masks::windowAndSinks(b, loc, at, x[0], x[1]);
}
, TRUTH { return i >= j && (j < v.numbers[1] || i - j < v.numbers[0]); }
}
, {"local_global", {kRadius, kCount}, BUILD{return masks::localGlobal(b, loc, at, x[0], OpFoldResult(x[1]));
}
, TRUTH { return std::abs(i - j) <= v.numbers[0] || i < v.numbers[1] || j < v.numbers[1]; }
}
, {"local_global_chosen", {kRadius, kFlags}, BUILD{return masks::localGlobal(b, loc, at, x[0], x[1]);
}
, TRUTH { return std::abs(i - j) <= v.numbers[0] || v.element(1, i, 0) || v.element(1, j, 0); }
, true
}
, {"dilated_constant", {}, BUILD{return masks::dilated(b, loc, at, index(b, 4));
}
, TRUTH { return i >= j && (i - j) % 4 == 0; }
}
, {"dilated", {kSmallSize}, BUILD{return masks::dilated(b, loc, at, x[0]);
}
, TRUTH { return i >= j && (i - j) % divisor(v.numbers[0]) == 0; }
}
, {"dilated_window", {kSmallSize, kCount}, BUILD{return masks::dilated(b, loc, at, x[0], x[1]);
}
, TRUTH {
  int64_t step = divisor(v.numbers[0]);
  return i >= j && (i - j) % step == 0 && i - j < step * v.numbers[1];
}
}
, {"strided", {kSize},
   BUILD{return masks::anyOf(b, loc, {masks::slidingWindow(b, loc, at, x[0]), masks::dilated(b, loc, at, x[0])});
}
, TRUTH { return i >= j && (i - j < v.numbers[0] || (i - j) % divisor(v.numbers[0]) == 0); }
}
,
}
;
}

std::vector<NamedMask> blocks() {
  return {{"block_diagonal_constant", {}, BUILD{return masks::blockDiagonal(b, loc, at, index(b, 100));
}
, TRUTH { return sameBlock(i, j, 100); }
}
, {"block_diagonal_of_tiles", {}, BUILD{return masks::blockDiagonal(b, loc, at, index(b, 64));
}
, TRUTH { return sameBlock(i, j, 64); }
}
, {"block_diagonal", {kSize}, BUILD{return masks::blockDiagonal(b, loc, at, x[0]);
}
, TRUTH { return sameBlock(i, j, divisor(v.numbers[0])); }
}
, {"chunked_constant", {}, BUILD{return masks::chunked(b, loc, at, index(b, 48));
}
, TRUTH { return i >= j && sameBlock(i, j, 48); }
}
, {"chunked", {kSize}, BUILD{return masks::chunked(b, loc, at, x[0]);
}
, TRUTH { return i >= j && sameBlock(i, j, divisor(v.numbers[0])); }
}
, {"neighbourhood_constant", {}, BUILD{return masks::neighbourhood(b, loc, at, index(b, 24), index(b, 2));
}
, TRUTH { return near2D(i, j, 24, 2); }
, true
}
, {"neighbourhood", {kSize, kCount}, BUILD{return masks::neighbourhood(b, loc, at, x[0], x[1]);
}
, TRUTH { return near2D(i, j, divisor(v.numbers[0]), v.numbers[1]); }
, true
}
, {"neighbourhood_inside_constant", {},
   BUILD{return masks::neighbourhoodInside(b, loc, at, index(b, 32), index(b, 20), index(b, 3));
}
, TRUTH { return inside2D(i, j, 32, 20, 3); }
, true
}
, {"neighbourhood_inside", {kSize, kSize, kCount},
   BUILD{return masks::neighbourhoodInside(b, loc, at, x[0], x[1], x[2]);
}
, TRUTH { return inside2D(i, j, divisor(v.numbers[0]), v.numbers[1], v.numbers[2]); }
, true
}
, {"random_blocks", {kSize, kLength, kSeed},
   BUILD{return masks::randomBlocks(b, loc, at, {x[0], x[1], x[2], /*draws=*/3});
}
, TRUTH { return isDrawn(i, j, divisor(v.numbers[0]), v.numbers[1], v.numbers[2], 3); }
}
, {"bigbird", {kLength, kSeed},
   BUILD{return masks::bigBird(b, loc, at, {index(b, 16), x[0], x[1], 2}, index(b, 3), index(b, 1));
}
, TRUTH {
  int64_t row = floorDiv(i, 16), key = floorDiv(j, 16);
  return std::abs(row - key) <= 1 || row < 1 || key < 1 || isDrawn(i, j, 16, v.numbers[0], v.numbers[1], 2);
}
}
,
}
;
}

std::vector<NamedMask> tables() { return {{"documents", {kIds}, BUILD{return masks::documents(b, loc, at, x[0]); }
, TRUTH { return v.element(0, i, 0) == v.element(0, j, 0); }
, true
}
, {"documents_batched", {kIdsOfBatch}, BUILD{return masks::documents(b, loc, at, x[0]);
}
, TRUTH { return v.element(0, b, i) == v.element(0, b, j); }
, true
}
, {"documents_two", {kIds, kIds}, BUILD{return masks::documents(b, loc, at, x[0], x[1]);
}
, TRUTH { return v.element(0, i, 0) == v.element(1, j, 0); }
, true
}
, {"documents_by_start", {kBegins}, BUILD{return masks::documentsByStart(b, loc, at, x[0]);
}
, TRUTH { return v.element(0, i, 0) <= j && j <= i; }
, true
}
, {"documents_by_start_and_end", {kBegins, kBegins}, BUILD{return masks::documentsByStart(b, loc, at, x[0], x[1]);
}
, TRUTH { return v.element(0, i, 0) <= j && j < v.element(1, i, 0); }
, true
}
, {"padding", {kLengths}, BUILD{return masks::padding(b, loc, at, element(b, loc, x[0], at.b));
}
, TRUTH { return j < v.element(0, b, 0); }
}
, {"padding_one", {kLength}, BUILD{return masks::padding(b, loc, at, x[0]);
}
, TRUTH { return j < v.numbers[0]; }
}
, {"left_padding", {kLengths}, BUILD{return masks::leftPadding(b, loc, at, element(b, loc, x[0], at.b));
}
, TRUTH { return j >= v.element(0, b, 0); }
}
, {"block_sparse", {kBlocks},
   BUILD{return masks::blockSparse(b, loc, at, x[0], index(b, kBlockRows), index(b, kBlockKeys));
}
, TRUTH { return v.element(0, i / kBlockRows, j / kBlockKeys) != 0; }
, true
}
, {"tree", {kAncestors, kLength}, BUILD{return masks::tree(b, loc, at, x[0], index(b, kTokens), x[1]);
}
, TRUTH {
  return inTree(i, j, v.numbers[1], [&](int64_t row, int64_t key) { return v.element(0, row, key) != 0; });
}
}
, {"tree_bits", {kWords, kLength}, BUILD{return masks::treeBits(b, loc, at, x[0], index(b, kTokens), x[1]);
}
, TRUTH {
  return inTree(i, j, v.numbers[1], [&](int64_t row, int64_t key) { return v.element(0, row, 0) >> key & 1; });
}
}
,
}
;
}

std::vector<NamedMask> compositions() {
  return {{"not_causal", {}, BUILD{return masks::negate(b, loc, masks::causal(b, loc, at));
}
, TRUTH { return i < j; }
}
, {"all_of_nothing", {}, BUILD{return masks::allOf(b, loc, {});
}
, TRUTH { return true; }
}
, {"any_of_nothing", {}, BUILD{return masks::anyOf(b, loc, {});
}
, TRUTH { return false; }
}
, {"ring", {kRadius, kRadius},
   BUILD{return arith::XOrIOp::create(b, loc, masks::symmetricWindow(b, loc, at, x[0]),
                                      masks::symmetricWindow(b, loc, at, x[1]));
}
, TRUTH { return (std::abs(i - j) <= v.numbers[0]) != (std::abs(i - j) <= v.numbers[1]); }
}
, {"causal_documents", {kIds},
   BUILD{return masks::allOf(b, loc, {masks::causal(b, loc, at), masks::documents(b, loc, at, x[0])});
}
, TRUTH { return i >= j && v.element(0, i, 0) == v.element(0, j, 0); }
, true
}
, {"streaming_batch", {kWindow, kCount, kLengths},
   BUILD{return masks::allOf(
       b, loc,
       {masks::windowAndSinks(b, loc, at, x[0], x[1]), masks::padding(b, loc, at, element(b, loc, x[2], at.b))});
}
, TRUTH { return i >= j && (j < v.numbers[1] || i - j < v.numbers[0]) && j < v.element(2, b, 0); }
}
, {"chunks_behind_a_prefix", {kSize, kLength},
   BUILD{return masks::anyOf(b, loc, {masks::chunked(b, loc, at, x[0]), masks::padding(b, loc, at, x[1])});
}
, TRUTH { return j < v.numbers[1] || (i >= j && sameBlock(i, j, divisor(v.numbers[0]))); }
}
, {"dilated_behind_a_window", {kWindow, kSmallSize},
   BUILD{Value far = masks::negate(b, loc, masks::slidingWindow(b, loc, at, x[0]));
return masks::anyOf(
    b, loc, {masks::slidingWindow(b, loc, at, x[0]), masks::allOf(b, loc, {far, masks::dilated(b, loc, at, x[1])})});
}
, TRUTH { return i >= j && (i - j < v.numbers[0] || (i - j) % divisor(v.numbers[1]) == 0); }
}
, {"windows_in_blocks", {kRadius, kSize},
   BUILD{
       return masks::allOf(b, loc, {masks::symmetricWindow(b, loc, at, x[0]), masks::blockDiagonal(b, loc, at, x[1])});
}
, TRUTH { return std::abs(i - j) <= v.numbers[0] && sameBlock(i, j, divisor(v.numbers[1])); }
}
,
}
;
}

} // namespace

const std::vector<NamedMask> &fovea::test::namedMasks() {
  static const std::vector<NamedMask> all = [] {
    std::vector<NamedMask> result;
    for (const std::vector<NamedMask> &family : {windows(), blocks(), tables(), compositions()})
      result.insert(result.end(), family.begin(), family.end());
    return result;
  }();
  return all;
}
