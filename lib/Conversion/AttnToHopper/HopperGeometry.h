// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Who computes what, and where tiles and barriers lie in shared memory.
#ifndef FOVEA_LIB_CONVERSION_ATTNTOHOPPER_HOPPER_GEOMETRY_H
#define FOVEA_LIB_CONVERSION_ATTNTOHOPPER_HOPPER_GEOMETRY_H

#include "../GpuCommon/SharedTile.h"
#include "fovea/Dialect/Attn/IR/Attn.h"

namespace fovea {

inline constexpr int64_t kWarpgroupThreads = 128, kWarpgroupRows = 64; // rows of one wgmma
inline constexpr int64_t kSwizzleBytes = 128;                          // of a row in shared memory
inline constexpr int64_t kPanelColumns = 64;                           // what these bytes hold
inline constexpr int64_t kBarrierBytes = 8;                            // of an mbarrier
/// The swizzle is a function of address bits 7 to 9, so tiles start at multiples of eight rows.
inline constexpr uint64_t kTileAlignment = 8 * kSwizzleBytes;

/// A block: one producer warpgroup, which brings tiles by TMA, and a consumer warpgroup for each 64 query rows. Every
/// tile is cut into panels of 64 columns, each contiguous, because that is as wide as a swizzled row can be. Keys and
/// values have `stages` buffers each.
struct HopperGeometry {
  int64_t rows, keys, columns, stages;
  mlir::Type element;

  HopperGeometry(attn::ScheduleAttr schedule, int64_t stages, int64_t headSize, mlir::Type element)
      : rows(schedule.getQueryTile()), keys(schedule.getKeyBlock()), columns(headSize), stages(stages),
        element(element) {}

  int64_t panels() const { return columns / kPanelColumns; }
  int64_t queryBytes() const { return rows * panels() * kSwizzleBytes; }
  int64_t blockBytes() const { return keys * panels() * kSwizzleBytes; } // keys of a stage, or values
  int64_t keyBase() const { return queryBytes(); }
  int64_t valueBase() const { return keyBase() + stages * blockBytes(); }
  int64_t barrierBase() const { return valueBase() + stages * blockBytes(); }
  int64_t barriers() const { return 1 + 4 * stages; } // queries; keys and values of each stage, full and empty
  int64_t sharedBytes() const { return barrierBase() + barriers() * kBarrierBytes; }
  int64_t consumers() const { return rows / kWarpgroupRows; }
  int64_t consumerThreads() const { return consumers() * kWarpgroupThreads; }
  int64_t threads() const { return kWarpgroupThreads + consumerThreads(); }
  /// Of the values of a stage, as threads see them.
  SharedTile valuePanel(int64_t panel) const { return {panel * keys * kSwizzleBytes, keys, kPanelColumns}; }
};

} // namespace fovea

#endif
