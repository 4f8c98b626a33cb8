// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One attention becomes tasks, and a task the code of one thread of a thread block: FlashAttention-2's kernel (Dao
// 2023) on mma.sync. The loop over key blocks runs `stages` deep: while one block is computed on, the next ones are on
// their way to shared memory.
#ifndef FOVEA_LIB_CONVERSION_ATTNTOGPU_KERNEL_EMITTER_H
#define FOVEA_LIB_CONVERSION_ATTNTOGPU_KERNEL_EMITTER_H

#include "Geometry.h"

namespace fovea {

/// In place of `op`, at the builder's insertion point. `mayPack`: few queries may make other tasks than tiles of one
/// head with all its keys (Packing.h).
void emitKernel(attn::AttentionOp op, const Geometry &geometry, bool mayPack, mlir::OpBuilder &builder);

} // namespace fovea

#endif
