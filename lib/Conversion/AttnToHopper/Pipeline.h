// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How tiles get from the producer to the consumers: a ring of stages for keys and one for values, each stage with an
// mbarrier that says it is full and one that says it is empty.
#ifndef FOVEA_LIB_CONVERSION_ATTNTOHOPPER_PIPELINE_H
#define FOVEA_LIB_CONVERSION_ATTNTOHOPPER_PIPELINE_H

#include "../GpuCommon/Problem.h"
#include "HopperGeometry.h"

namespace fovea {

/// Of the global that stands for map `which` of the launch.
std::string tensorMapName(int64_t which);

enum class Source { Query = 0, Key = 1, Value = 2 };

/// Where a block is: `number` counts the blocks that are visited, in i32.
struct Slot {
  mlir::Value stage, parity;
};

class Pipeline {
public:
  Pipeline(WarpEmitter &b, const Thread &thread, const HopperGeometry &geometry, attn::Layout layout)
      : b(b), thread(thread), geometry(geometry), layout(layout) {}

  /// One thread initialises the barriers, all wait for it.
  void initialize();

  Slot slot(mlir::Value number);

  /// Producer, one thread: waits until the slot is empty (not for queries), then brings `rows` rows from `row` on.
  /// Rows that do not exist arrive as zeros.
  void produce(Source source, Slot slot, mlir::Value row, mlir::Value head, mlir::Value batch);
  /// Consumers, all threads: until the slot is full.
  void awaitFull(Source source, Slot slot);
  /// Consumers: this warpgroup reads the slot no longer.
  void release(Source source, Slot slot);

  /// Bytes from the start of shared memory, i32.
  mlir::Value offset(Source source, mlir::Value stage);

private:
  mlir::Value barrier(Source source, bool isFull, mlir::Value stage);
  void wait(mlir::Value barrier, mlir::Value parity);
  int64_t rowsOf(Source source) const { return source == Source::Query ? geometry.rows : geometry.keys; }

  WarpEmitter &b;
  const Thread &thread;
  const HopperGeometry &geometry;
  attn::Layout layout;
};

} // namespace fovea

#endif
