// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Who computes what, and where tiles lie in shared memory.
#ifndef FOVEA_LIB_CONVERSION_ATTNTOGPU_GEOMETRY_H
#define FOVEA_LIB_CONVERSION_ATTNTOGPU_GEOMETRY_H

#include "../GpuCommon/SharedTile.h"
#include "fovea/Dialect/Attn/IR/Attn.h"

namespace fovea {

/// A thread block: `rows` query rows of one head, 16 for each warp, against `keys` keys at a time. Keys and values of
/// `stages` blocks are in shared memory or on their way to it.
struct Geometry {
  int64_t rows, keys, stages;
  mlir::Type element;
  SharedTile query, key, value; // key and value: within a stage
  int64_t stageBase, stageBytes;

  Geometry(attn::ScheduleAttr schedule, int64_t stages, int64_t keySize, int64_t valueSize, mlir::Type element);
  int64_t threads() const { return rows / kWarpRows * kWarpLanes; }
  int64_t sharedBytes() const { return stageBase + stages * stageBytes; }
  /// How many blocks the registers of a multiprocessor should do for; 0: the assembler may choose. Up to a head size of
  /// 64 a thread needs 168 registers at most, and takes more if it may.
  int64_t blocksPerMultiprocessor() const {
    return std::max(query.columns, value.columns) <= 64 && keys <= 64 && threads() <= 128 ? 3 : 0;
  }
};

} // namespace fovea

#endif
