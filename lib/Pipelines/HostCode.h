// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_PIPELINES_HOST_CODE_H
#define FOVEA_LIB_PIPELINES_HOST_CODE_H

#include <memory>

namespace mlir {
class Pass;
}

namespace fovea {

/// Of a GPU's module after phase 7, what the host runs: the plan and classify functions of every kernel, and no tasks.
std::unique_ptr<mlir::Pass> createKeepHostCode();

} // namespace fovea

#endif
