// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_ENGINE_REMARKS_H
#define FOVEA_LIB_ENGINE_REMARKS_H

#include "fovea/fovea_compile.h"

#include <functional>
#include <string>

namespace mlir {
class Location;
class MLIRContext;
} // namespace mlir

namespace fovea {

/// "FILE:LINE:COL", or "" for a location without one.
std::string formatLocation(mlir::Location location);

/// From now on, remarks of Fovea's passes in this context go to `remark`.
void forwardRemarks(mlir::MLIRContext &context, std::function<void(const fovea_remark &)> remark);

} // namespace fovea

#endif
