// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_REFERENCE_ROPE_H
#define FOVEA_LIB_REFERENCE_ROPE_H

#include "fovea/Dialect/Attn/IR/Attn.h"
#include "fovea/Reference/HostTensor.h"
#include "fovea/Reference/RegionProgram.h"

namespace fovea::reference {

/// `rows` as attn.rope rotates it, in fp64. tables: cos, sin and perhaps positions; offsets: of each sequence's first
/// row where there are no positions. Errors are diagnostics at `op`.
mlir::FailureOr<TensorRef> rotate(mlir::Operation *op, const TensorRef &rows, mlir::ValueRange tables,
                                  attn::Pairing pairing, attn::Layout layout, llvm::ArrayRef<int64_t> offsets,
                                  Lookup lookup);

} // namespace fovea::reference

#endif
