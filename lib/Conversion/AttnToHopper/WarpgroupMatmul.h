// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The two products of attention as wgmma.m64nNk16 with f32 accumulators. A warpgroup issues them and computes on: an
// accumulator means nothing before `await`. LLVM knows nothing of that, so wait and fence take the accumulators and
// give them back, and no read can move across. All of it is inline assembly, the text of PTX: NVVM's own wgmma op takes
// no A from registers, and its wait no accumulators.
#ifndef FOVEA_LIB_CONVERSION_ATTNTOHOPPER_WARPGROUP_MATMUL_H
#define FOVEA_LIB_CONVERSION_ATTNTOHOPPER_WARPGROUP_MATMUL_H

#include "HopperGeometry.h"
#include "Pipeline.h"

namespace fovea {

/// Accumulators are in fragments as those of mma.m16n8k16, 16 rows for each warp of the warpgroup.
class WarpgroupMatmul {
public:
  WarpgroupMatmul(WarpEmitter &b, const Thread &thread, const HopperGeometry &geometry, Pipeline &pipeline);

  /// Starts Q K^T of the key block in `stage`: this warpgroup's rows, four values for each 8 keys.
  Values startKeys(mlir::Value stage);
  /// Starts acc + P V. `weights` are A fragments, four registers for each 16 keys.
  Values startValues(mlir::ValueRange weights, mlir::Value stage, Values acc);

  /// What this thread did to registers before comes before the products that it starts after; `acc` are those that the
  /// next ones add to.
  Values fence(Values acc);
  /// Until all but the last `pending` products are there. `acc`: of those that are.
  Values await(int64_t pending, Values acc);

private:
  mlir::Value descriptor(mlir::Value offset, int64_t leadingBytes);
  Values product(int64_t columns, mlir::ValueRange a, mlir::Value b, mlir::ValueRange acc, bool isTransposed);
  Values passThrough(llvm::StringRef instruction, Values acc);
  void commit();

  WarpEmitter &b;
  const HopperGeometry &geometry;
  Pipeline &pipeline;
  mlir::Value shared; // address of shared memory, i32
  mlir::Value query;  // descriptor of this warpgroup's rows
};

} // namespace fovea

#endif
