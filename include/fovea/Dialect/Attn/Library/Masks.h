// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Masks by name: each function emits scalar code at the insertion point and returns an i1, true where the key is
// visible. Compose them with arith.andi, ori and xori, or with `allOf`, `anyOf` and `negate`:
//
//   setMask(op, [&](OpBuilder &b, Location loc, const Position &at) {
//     return masks::allOf(b, loc, {masks::causal(b, loc, at), masks::documents(b, loc, at, ids)});
//   });
//
// Numbers are index attributes (constants) or index values (run-time values, the same for a tile or read by `element`).
// Divisors below 1 count as 1. Tables are tensors or memrefs of integers; truth values are i1 or integers other than
// zero. docs/masks.md has the sources.
#ifndef FOVEA_DIALECT_ATTN_LIBRARY_MASKS_H
#define FOVEA_DIALECT_ATTN_LIBRARY_MASKS_H

#include "fovea/Dialect/Attn/Library/Position.h"

namespace fovea::attn::masks {

using mlir::Location;
using mlir::OpBuilder;
using mlir::OpFoldResult;
using mlir::Value;

Value full(OpBuilder &b, Location loc);
Value none(OpBuilder &b, Location loc);
Value allOf(OpBuilder &b, Location loc, mlir::ValueRange masks);
Value anyOf(OpBuilder &b, Location loc, mlir::ValueRange masks);
Value negate(OpBuilder &b, Location loc, Value mask);

// Windows (Windows.cpp).

/// i + offset >= j; without an offset, i >= j.
Value causal(OpBuilder &b, Location loc, const Position &at, OpFoldResult offset = {});
/// i >= j or j < prefix.
Value prefixLM(OpBuilder &b, Location loc, const Position &at, OpFoldResult prefix);
/// 0 <= i - j < window.
Value slidingWindow(OpBuilder &b, Location loc, const Position &at, OpFoldResult window);
/// |i - j| <= radius.
Value symmetricWindow(OpBuilder &b, Location loc, const Position &at, OpFoldResult radius);
/// i >= j and (j < sinks or i - j < window).
Value windowAndSinks(OpBuilder &b, Location loc, const Position &at, OpFoldResult window, OpFoldResult sinks);
/// |i - j| <= radius, or i or j is below `globals`.
Value localGlobal(OpBuilder &b, Location loc, const Position &at, OpFoldResult radius, OpFoldResult globals);
/// |i - j| <= radius, or isGlobal[i] or isGlobal[j].
Value localGlobal(OpBuilder &b, Location loc, const Position &at, OpFoldResult radius, Value isGlobal);
/// i >= j, dilation divides i - j, and i - j < dilation * window if there is one.
Value dilated(OpBuilder &b, Location loc, const Position &at, OpFoldResult dilation, OpFoldResult window = {});

// Blocks (Blocks.cpp).

/// floor(i / size) == floor(j / size).
Value blockDiagonal(OpBuilder &b, Location loc, const Position &at, OpFoldResult size);
/// The same and i >= j.
Value chunked(OpBuilder &b, Location loc, const Position &at, OpFoldResult size);
/// Positions are pixels, x = i mod width, y = i / width, not negative: |x_i - x_j| <= radius and |y_i - y_j| <= radius.
Value neighbourhood(OpBuilder &b, Location loc, const Position &at, OpFoldResult width, OpFoldResult radius);
/// The same with x_i clamped to [radius, width - 1 - radius] and y_i likewise: windows end at the border.
Value neighbourhoodInside(OpBuilder &b, Location loc, const Position &at, OpFoldResult width, OpFoldResult height,
                          OpFoldResult radius);

/// Blocks of keys drawn by a hash in the mask's code, the one of python/fovea/random_blocks.py.
struct RandomBlocks {
  OpFoldResult block, keys, seed; // size of a block, number of keys, any number
  int64_t draws;                  // per block of queries, with repetition
};
/// floor(j / block) is one of the blocks drawn for floor(i / block), of the ceil(keys / block) there are.
Value randomBlocks(OpBuilder &b, Location loc, const Position &at, const RandomBlocks &random);
/// Random blocks, or |floor(i / block) - floor(j / block)| <= windowBlocks / 2, or one of them below globalBlocks.
Value bigBird(OpBuilder &b, Location loc, const Position &at, const RandomBlocks &random, OpFoldResult windowBlocks,
              OpFoldResult globalBlocks);

// Tables (Tables.cpp). Arrays over positions have an element for every position that is asked.

/// ids[i] == kvIds[j], kvIds by default ids; [N], or [B, N].
Value documents(OpBuilder &b, Location loc, const Position &at, Value ids, Value kvIds = {});
/// start[i] <= j, and j < end[i] or without ends j <= i; [N], or [B, N].
Value documentsByStart(OpBuilder &b, Location loc, const Position &at, Value start, Value end = {});
/// j < length.
Value padding(OpBuilder &b, Location loc, const Position &at, OpFoldResult length);
/// j >= start.
Value leftPadding(OpBuilder &b, Location loc, const Position &at, OpFoldResult start);
/// table[floor(i / rows), floor(j / keys)]; [R, C], [Hq, R, C] or [B, Hq, R, C].
Value blockSparse(OpBuilder &b, Location loc, const Position &at, Value table, OpFoldResult rows, OpFoldResult keys);
/// j < prefix, or ancestors[i - prefix, j - prefix] of a tree of `tokens`; [T, T] or [B, T, T].
Value tree(OpBuilder &b, Location loc, const Position &at, Value ancestors, OpFoldResult tokens, OpFoldResult prefix);
/// j < prefix, or bit j - prefix of words[i - prefix]; i64 [T] or [B, T], T at most 63.
Value treeBits(OpBuilder &b, Location loc, const Position &at, Value words, OpFoldResult tokens, OpFoldResult prefix);

} // namespace fovea::attn::masks

#endif
