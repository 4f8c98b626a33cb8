// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `fovea.launches` of a module: how a block of each kernel is launched, and the shared memory that its code names.
#ifndef FOVEA_LIB_CONVERSION_GPUCOMMON_LAUNCHES_H
#define FOVEA_LIB_CONVERSION_GPUCOMMON_LAUNCHES_H

#include "fovea/Dialect/Attn/IR/Attn.h"
#include "fovea/Dialect/Attn/Utils/Fallback.h"
#include "mlir/IR/BuiltinOps.h"

namespace fovea {

/// The start of shared memory: an array without a size, because the launch says how large it is.
inline constexpr llvm::StringLiteral kSharedName = "fovea_shared";

/// Before a number: global variables that stand for the tensor maps of a launch. The last phase puts the maps in their
/// place.
inline constexpr llvm::StringLiteral kTensorMapPrefix = "fovea_tensor_map_";

/// What `fovea.launches` says of one kernel.
struct Launch {
  int64_t threads, sharedBytes;
  mlir::DenseI64ArrayAttr aligned;     // parameters
  int64_t blocksPerMultiprocessor = 0; // at least so many must fit; 0: whatever fits
  mlir::ArrayAttr tensorMaps = {};
};

/// Parameters that are copied 16 bytes at a time: a plan checks their strides, but addresses are those of a run.
mlir::DenseI64ArrayAttr alignedParams(attn::AttentionOp op);

class Launches {
public:
  /// With what another conversion has recorded before.
  explicit Launches(mlir::ModuleOp module);

  void add(llvm::StringRef kernel, const Launch &launch);
  /// What runs the tasks of a kernel that was added before where TMA refuses an argument. `aligned` is the kernel's.
  mlir::LogicalResult addFallback(llvm::StringRef kernel, const Launch &launch);
  /// Writes what was added to the module and declares its shared memory, aligned at least so; if nothing was added,
  /// nothing.
  void record(uint64_t alignment);

private:
  mlir::ModuleOp module;
  mlir::NamedAttrList launches;
  bool isChanged = false;
};

} // namespace fovea

#endif
