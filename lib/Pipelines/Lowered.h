// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_PIPELINES_LOWERED_H
#define FOVEA_LIB_PIPELINES_LOWERED_H

#include <memory>

namespace mlir {
class Pass;
}

namespace fovea {

/// Booleans in memory are bytes: loads them as such, because MLIR's conversion to LLVM loads nothing smaller.
std::unique_ptr<mlir::Pass> createLoadBooleans();

/// Calls libm for math that LLVM has no intrinsic for; does nothing without such math.
std::unique_ptr<mlir::Pass> createCallLibm();

/// Fails at the first op that is not in the LLVM dialect, or in NVVM, which translates to LLVM by itself.
std::unique_ptr<mlir::Pass> createCheckLowered();

} // namespace fovea

#endif
