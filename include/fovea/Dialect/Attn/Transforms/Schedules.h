// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_DIALECT_ATTN_TRANSFORMS_SCHEDULES_H
#define FOVEA_DIALECT_ATTN_TRANSFORMS_SCHEDULES_H

#include "fovea/Dialect/Attn/IR/Attn.h"

namespace fovea::attn {

/// Tile sizes for fp32 lanes, vector registers and static head sizes; nothing else may enter, or results would depend
/// on it.
ScheduleAttr chooseSchedule(mlir::MLIRContext *context, int64_t lanes, int64_t registers, int64_t keyHeadSize,
                            int64_t valueHeadSize);

/// The rows of a call that share a tile: those of decoding.
struct FewRows {
  int64_t rows, ofHead; // more than one head's where all of them read the same keys
  bool isPacked() const { return rows != ofHead; }
};

/// Nothing where types do not say that rows are few. Heads stay apart where a mask or weights of additive scores tell
/// them apart.
std::optional<FewRows> fewRows(AttentionOp op);

} // namespace fovea::attn

#endif
