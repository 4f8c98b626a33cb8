// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_ANALYSIS_UNIFORM_CODE_H
#define FOVEA_LIB_ANALYSIS_UNIFORM_CODE_H

#include "fovea/Analysis/MaskRange.h"
#include "mlir/IR/IRMapping.h"

namespace fovea {

/// Clones `op`, folded if possible. A division whose operands may make it trap becomes one by 1, a load outside its
/// array gives 0: a mask must not stop the program.
void cloneWithoutTraps(MaskRangeBuilder &builder, mlir::Operation &op, mlir::IRMapping &mapping);

} // namespace fovea

#endif
