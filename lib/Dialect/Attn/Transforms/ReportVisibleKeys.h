// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_DIALECT_ATTN_TRANSFORMS_REPORT_VISIBLE_KEYS_H
#define FOVEA_LIB_DIALECT_ATTN_TRANSFORMS_REPORT_VISIBLE_KEYS_H

#include "fovea/Dialect/Attn/IR/Attn.h"

namespace fovea::attn {

/// As a remark: which keys the rows [i0, i1) of a task see, as formulas, and which parts of the mask the analysis
/// cannot see through. Does nothing without a remark engine.
void reportVisibleKeys(TileBoundsOp bounds);

} // namespace fovea::attn

#endif
