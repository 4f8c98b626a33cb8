// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_CONVERSION_ATTNTILETOVECTOR_VECTORIZE_REGION_H
#define FOVEA_LIB_CONVERSION_ATTNTILETOVECTOR_VECTORIZE_REGION_H

#include "VectorEmitter.h"

namespace fovea {

/// Evaluates a score or mask region for `lanes` queries at once. Arguments are scalars (the same for all lanes) or
/// vectors; what depends on scalars only stays scalar. Reads become gathers; an element outside its array is read as
/// zero, never from memory. The verifier has made sure that every op is elementwise.
mlir::Value vectorizeRegion(VectorEmitter &b, mlir::Region &region, mlir::ValueRange arguments);

} // namespace fovea

#endif
