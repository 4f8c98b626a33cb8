// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which query rows a tile holds, and which keys a task of it has.
//
// Prefill: rows of one query head. With few queries a tile would be nearly empty, and every query head would read keys
// and values again: all rows of the query heads that share a kv head are packed into one tile then, head by head, if
// they fit. And there would be few tasks: the keys of a tile that is the only one of its head are cut into splits,
// which meet in partial results (split-KV). Both depend on the sizes of one sequence alone, so that no bit depends on
// the batch or the device.
#ifndef FOVEA_LIB_CONVERSION_ATTNTOGPU_PACKING_H
#define FOVEA_LIB_CONVERSION_ATTNTOGPU_PACKING_H

#include "../GpuCommon/Problem.h"
#include "Geometry.h"

namespace fovea {

/// Of the whole kernel.
struct Packing {
  mlir::Value group;       // query heads of a tile; null: always 1
  mlir::Value splits;      // of a tile's keys; null: always 1
  mlir::Value splitLength; // keys of one: whole key blocks

  Packing() = default;
  Packing(WarpEmitter &b, const Problem &problem, const Geometry &geometry);
  bool isPlain() const { return !group && !splits; }
  /// The keys [begin, end) of a split.
  std::pair<mlir::Value, mlir::Value> keysOf(WarpEmitter &b, mlir::Value split, mlir::Value keys) const;
};

} // namespace fovea

#endif
