// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scores by name: each function emits scalar code at the insertion point and returns a new f32 score. They compose by
// application:
//
//   setScore(op, [&](OpBuilder &b, Location loc, Value s, const Position &at) {
//     return scores::alibi(b, loc, scores::softcap(b, loc, s, b.getF32FloatAttr(30)), at, slopes);
//   });
//
// Numbers are attributes (constants) or values, index or f32. Tables are tensors or memrefs of f32. docs/masks.md has
// the sources. A learned sink is not a score: it enters after the kernel, out * sigmoid(lse - sink).
#ifndef FOVEA_DIALECT_ATTN_LIBRARY_SCORES_H
#define FOVEA_DIALECT_ATTN_LIBRARY_SCORES_H

#include "fovea/Dialect/Attn/Library/Position.h"

namespace fovea::attn::scores {

using mlir::Location;
using mlir::OpBuilder;
using mlir::OpFoldResult;
using mlir::Value;

/// cap tanh(s / cap).
Value softcap(OpBuilder &b, Location loc, Value s, OpFoldResult cap);
/// s / value.
Value temperature(OpBuilder &b, Location loc, Value s, OpFoldResult value);
/// s - slopes[h] (i - j), or with |i - j|.
Value alibi(OpBuilder &b, Location loc, Value s, const Position &at, Value slopes, bool isBidirectional = false);

// A temperature that depends on the position. n is `length` if given, else i + 1.

/// s max(1, ln n / ln trainLength).
Value logN(OpBuilder &b, Location loc, Value s, const Position &at, OpFoldResult trainLength, OpFoldResult length = {});
/// s ln n / ln trainLength.
Value entropyScaling(OpBuilder &b, Location loc, Value s, const Position &at, OpFoldResult trainLength,
                     OpFoldResult length = {});
/// s weight ln n.
Value scalableSoftmax(OpBuilder &b, Location loc, Value s, const Position &at, OpFoldResult weight,
                      OpFoldResult length = {});
/// s (1 + weight ln(1 + floor((i + 1) / step))).
Value positionTemperature(OpBuilder &b, Location loc, Value s, const Position &at, OpFoldResult step,
                          OpFoldResult weight);

// An element of a table is added.

/// bias[b, h, i - offset, j]; [Nq, Nk], [Hq, Nq, Nk] or [B, Hq, Nq, Nk], axes of static size 1 are broadcast.
Value denseBias(OpBuilder &b, Location loc, Value s, const Position &at, Value bias, OpFoldResult offset = {});
/// table[h, clamp(j - i, -reach, reach) + reach]; [2 reach + 1] or [Hq, 2 reach + 1].
Value relativeBias(OpBuilder &b, Location loc, Value s, const Position &at, Value table, int64_t reach);
/// table[(y_i - y_j + height - 1) (2 width - 1) + x_i - x_j + width - 1, h], with x = i mod width, y = i / width.
Value relativeBias2D(OpBuilder &b, Location loc, Value s, const Position &at, Value table, int64_t height,
                     int64_t width);
/// table[bucket(j - i), h]; [buckets, Hq].
Value t5Bias(OpBuilder &b, Location loc, Value s, const Position &at, Value table, int64_t buckets,
             bool isBidirectional = true, int64_t maxDistance = 128);

/// The distances at which the buckets after n / 2 begin, from integers alone; n per direction.
llvm::SmallVector<int64_t> t5BucketStarts(int64_t n, int64_t maxDistance);

} // namespace fovea::attn::scores

#endif
