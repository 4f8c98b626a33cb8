// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_CONVERSION_ATTNTOHOPPER_CONSUMER_H
#define FOVEA_LIB_CONVERSION_ATTNTOHOPPER_CONSUMER_H

#include "../GpuCommon/Softmax.h"
#include "../GpuCommon/Task.h"
#include "WarpgroupMatmul.h"

namespace fovea {

/// The code of a consumer warpgroup: 64 query rows against every visible key block, as FlashAttention-3 (Shah et al.
/// 2024) orders it. The next block's scores and this block's P V are on their way together, and the softmax of those
/// scores runs while the tensor cores are busy with P V.
class Consumer {
public:
  Consumer(WarpEmitter &b, const Thread &thread, const HopperGeometry &geometry, Pipeline &pipeline,
           const Problem &problem, Task &task, const Softmax &softmax)
      : b(b), thread(thread), geometry(geometry), pipeline(pipeline), problem(problem), task(task), softmax(softmax),
        matmul(b, thread, geometry, pipeline) {}

  /// From the block at `first`, which may be past the end.
  State emit(mlir::Value first);

private:
  Values visible(mlir::Value first);
  Values addNonFinite(mlir::Value key, Slot slot, mlir::ValueRange weights, Values acc);
  Values takeNonFinite(const Thread &sharer, mlir::Value stage, mlir::ValueRange weights, Values acc);
  Values rest(mlir::Value first, State state, Values weights);
  Values scores(mlir::Value key, Values products);

  WarpEmitter &b;
  const Thread &thread;
  const HopperGeometry &geometry;
  Pipeline &pipeline;
  const Problem &problem;
  Task &task;
  const Softmax &softmax;
  WarpgroupMatmul matmul;
};

} // namespace fovea

#endif
