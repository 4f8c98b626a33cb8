// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which keys can a set of rows see? A mask's comparisons, solved for the key.
//
// The classifier (MaskClassifier.h) answers for a given tile. Here the question is turned around: over rows with known
// ranges, `i >= j` holds for some row where j <= max i, and `i - j < w` where j > min i - w. Comparisons are inverted
// op by op, from the result inwards, as in interval constraint propagation (Benhamou et al., Revising hull and box
// consistency, 1999):
//
//   u + x <= c    x <= c - min u        x // d <= c    x <= (c + 1) d - 1        min(x, y) <= c    x <= c or y <= c
//   u - x <= c    x >= min u - c        x // d >= c    x >= c d                  |x| <= c          x <= c and x >= -c
//
// `and` intersects the solutions and `or` unites them, so that a mask becomes a union of a few ranges of keys, in a few
// operations, however long the sequence is. They fold to constants where everything is static. What cannot be inverted
// (j mod d, a load by j) restricts nothing, which is sound; the set then says that it is not exact, and that asking the
// classifier step by step would find more.
#ifndef FOVEA_ANALYSIS_VISIBLE_KEYS_H
#define FOVEA_ANALYSIS_VISIBLE_KEYS_H

#include "fovea/Analysis/MaskClassifier.h"

namespace fovea {

/// Keys in [begin, end), if `condition` holds. Null: no limit on that side, or no condition. May be empty.
struct KeyRange {
  mlir::Value begin, end, condition;
};

/// A union of ranges, in any order; they may overlap.
struct KeySet {
  static constexpr unsigned kMaxRanges = 4;

  llvm::SmallVector<KeyRange, kMaxRanges> ranges;
  bool isExact = true; // no: the classifier may find more keys invisible

  static KeySet all() { return {{KeyRange{}}, true}; }
  static KeySet none() { return {}; }
};

/// Emits the keys that some row of the classifier's tile may see. The classifier has emitted symbols and rows, and the
/// keys within which the answer is wanted; the answer holds where the classifier's assumptions do. `unsolved` gets the
/// ops that could not be inverted.
KeySet emitVisibleKeys(MaskRangeBuilder &builder, const MaskClassifier &classifier,
                       llvm::SmallVectorImpl<mlir::Operation *> *unsolved = nullptr);

/// Keys [begin, end) in steps of `step`, counted from begin; the last step may be short.
struct KeyGrid {
  mlir::Value begin, end;
  int64_t step;
};

/// The whole steps that a key set touches: they lie in [begin, end), the end cut at the grid's; `visited` is their
/// number. Nothing visible: begin = end = the grid's begin.
struct KeySteps {
  mlir::Value begin, end, visited;
};

/// Where `assumption` (null: always true) does not hold, every step counts as touched.
KeySteps emitKeySteps(MaskRangeBuilder &builder, const KeySet &keys, const KeyGrid &grid, mlir::Value assumption);

} // namespace fovea

#endif
