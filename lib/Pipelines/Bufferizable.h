// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_PIPELINES_BUFFERIZABLE_H
#define FOVEA_LIB_PIPELINES_BUFFERIZABLE_H

#include <memory>

namespace mlir {
class Pass;
}

namespace fovea {

/// Fails at the first op on tensors that has no place in a kernel.
std::unique_ptr<mlir::Pass> createCheckBufferizable();

} // namespace fovea

#endif
