// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_PIPELINES_ELEMENT_TYPES_H
#define FOVEA_LIB_PIPELINES_ELEMENT_TYPES_H

#include <memory>

namespace mlir {
class Pass;
}

namespace fovea {

/// For CPU targets: refuses attention on 16-bit floats, which their lowerings do not compute on.
std::unique_ptr<mlir::Pass> createCheckElementTypes();

} // namespace fovea

#endif
