// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ranges of the values of a mask region over a tile, as IR.
//
// A mask is code (b, h, i, j) -> i1. Evaluated on intervals instead of points it answers for a whole tile: an integer value
// becomes [lo, hi], a boolean becomes (must, may): true everywhere, true somewhere. Rules, exact for one op and sound for
// their composition (Moore, Interval Analysis, 1966):
//
//   a + b      [a.lo + b.lo, a.hi + b.hi]            a < b      must = a.hi < b.lo     may = a.lo < b.hi
//   a - b      [a.lo - b.hi, a.hi - b.lo]            a == b     may = ranges overlap   must = both one value, the same
//   min, max   of the ends                           a and b    (a.must and b.must, a.may and b.may)
//   a // d     [a.lo // d, a.hi // d], d > 0         a mod d    as a - d * (a.lo // d) if that quotient is the same at both ends,
//                                                               else [0, d - 1], d > 0
//
// Anything else is unknown: an unknown boolean is (false, true), an unknown integer poisons every comparison it reaches. That
// is always sound: the tile is then computed with the mask code.
//
// Overflow. Mask code computes with wrap-around, ranges must not. Every range therefore carries static bounds, valid
// as long as each symbol (a value that depends on neither i nor j) lies within kSymbolLimit and positions below kPositionLimit;
// an op whose static bounds leave its type is unknown. `assumption` collects the run-time checks of the symbols.
#ifndef FOVEA_ANALYSIS_MASK_RANGE_H
#define FOVEA_ANALYSIS_MASK_RANGE_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/Value.h"

namespace fovea {

constexpr int64_t kPositionLimit = int64_t(1) << 31; // positions are in [0, kPositionLimit)
constexpr int64_t kSymbolLimit = int64_t(1) << 40;   // symbols are in [-kSymbolLimit, kSymbolLimit], checked at run time

/// The range of one value over a tile. Null values: unknown.
struct MaskRange {
  mlir::Value lo, hi; // index-typed for integers of any width (signed value); for i1: must, may
  int64_t min = 0;    // static bounds of an integer
  int64_t max = 0;

  bool isKnown() const { return static_cast<bool>(lo); }
  static MaskRange unknown() { return {}; }
};

} // namespace fovea

#include "fovea/Analysis/MaskRangeOpInterface.h.inc"

#endif
