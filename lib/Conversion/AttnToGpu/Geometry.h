// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Who computes what, and where tiles lie in shared memory.
#ifndef FOVEA_LIB_CONVERSION_ATTNTOGPU_GEOMETRY_H
#define FOVEA_LIB_CONVERSION_ATTNTOGPU_GEOMETRY_H

#include "../GpuCommon/WarpEmitter.h"
#include "fovea/Dialect/Attn/IR/Attn.h"

namespace fovea {

/// Rows of 16-bit elements in shared memory, in chunks of 16 bytes. The eight rows that an ldmatrix matrix takes from
/// one column of chunks must lie in different banks, of which 128 bytes have all: rows of a multiple of 128 bytes are
/// swizzled, chunk c of row r at c xor (r mod 8); others get an odd number of chunks.
struct SharedTile {
  int64_t base = 0; // bytes from the start of shared memory, or of the stage
  int64_t rows = 0, columns = 0;

  int64_t chunks() const { return columns / kChunkElements; }
  bool isSwizzled() const { return chunks() % 8 == 0; }
  int64_t pitch() const { return (isSwizzled() ? chunks() : chunks() | 1) * kChunkBytes; }
  int64_t bytes() const { return rows * pitch(); }
};

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
