// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_PIPELINES_PHASE_MARK_H
#define FOVEA_LIB_PIPELINES_PHASE_MARK_H

#include "fovea/Pipelines/Ladder.h"
#include <memory>

namespace mlir {
class Pass;
}

namespace fovea {

/// Ends a phase: the module says so in `fovea.phase` and, with a directory, is written to DIRECTORY/NUMBER-NAME.mlir.
std::unique_ptr<mlir::Pass> createPhaseMark(Phase phase, llvm::StringRef dumpDirectory);

} // namespace fovea

#endif
