// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_CONVERSION_ATTNTILETOVECTOR_VECTORIZE_REGION_H
#define FOVEA_LIB_CONVERSION_ATTNTILETOVECTOR_VECTORIZE_REGION_H

#include "VectorEmitter.h"
#include "mlir/IR/IRMapping.h"

namespace fovea {

/// A score or mask region as code for `lanes` queries at once. What depends on scalars only stays scalar: code of batch
/// and head alone is emitted once, by the constructor, and code of the key once per key. Reads become gathers; an
/// element outside its array is read as zero, never from memory. The verifier has made sure that every op is
/// elementwise.
class VectorizedRegion {
public:
  /// An empty region stands for a score that stays as it is, or a mask that hides nothing: `at` must not be called.
  /// Without a head each lane has its own.
  VectorizedRegion(VectorEmitter &b, mlir::Region &region, mlir::Value batch, mlir::Value head);

  /// The region's value for one key and each vector of `queries`; `heads` one vector for each of them if lanes have
  /// their own; `scores`, one per vector, for a score region.
  Values at(mlir::Value key, mlir::ValueRange queries, mlir::ValueRange heads, mlir::ValueRange scores = {}) const;

private:
  /// What code depends on, from nothing but batch and head to the lanes.
  enum Level { Invariant, Key, Lanes };
  struct Step {
    mlir::Operation *op;
    Level level;
  };

  VectorEmitter &b;
  mlir::Region &region;
  llvm::SmallVector<Step> steps;
  mlir::IRMapping invariants;
};

/// A region of numbers alone, a feature map, for a vector of them.
mlir::Value vectorizeRegion(VectorEmitter &b, mlir::Region &region, mlir::ValueRange arguments);

} // namespace fovea

#endif
