// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_ANALYSIS_KEY_SET_ALGEBRA_H
#define FOVEA_LIB_ANALYSIS_KEY_SET_ALGEBRA_H

#include "fovea/Analysis/VisibleKeys.h"

namespace fovea {

/// All keys where `condition` holds, else none.
KeySet keySetIf(mlir::Value condition);

/// With more than kMaxRanges ranges the result is wider, and not exact.
KeySet unite(const KeySet &x, const KeySet &y);
KeySet intersect(MaskRangeBuilder &b, const KeySet &x, const KeySet &y);

} // namespace fovea

#endif
