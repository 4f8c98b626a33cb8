// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_TARGET_TARGET_H
#define FOVEA_TARGET_TARGET_H

#include "llvm/Support/Error.h"
#include <memory>
#include <optional>
#include <string>

namespace llvm {
class TargetMachine;
}

namespace fovea {

/// All that the lowering asks of a processor. The register tile follows from it, and nothing else does.
struct VectorUnit {
  int64_t lanes = 8;      // fp32 lanes of a register
  int64_t registers = 16; // that the instruction set names
};

/// What the lowering asks of a GPU.
struct GpuUnit {
  int64_t sharedBytes = 0;    // that one thread block may have
  bool hasWarpgroups = false; // wgmma, TMA and registers that warpgroups trade: sm_90a
  bool isSimulated = false;
  int64_t seed = 0; // of the order in which a simulated block's warps run; 0: in turn
};

/// What code is made for: `host`, `loops` (scalar code on the host) or `cpu:ARCH[+feature...]` with LLVM's names, for
/// example `cpu:x86-64-v4`, `cpu:x86-64-v3+avx512f` or `cpu:neoverse-n1`. Chosen by CPU feature, never by vendor.
/// `cuda:sm_80` and later is a GPU, `cuda:sm_90a` one with warpgroups; `sim:sm_80[+seed=N]` is the same code on the
/// host, in a simulator.
struct Target {
  std::string name; // as given
  std::string triple;
  std::string cpu;      // LLVM's name of the processor
  std::string features; // LLVM's feature string
  bool loops = false;
  VectorUnit vectors;
  std::optional<GpuUnit> gpu;

  /// A processor of another architecture than this machine's is welcome: code for it can be written, not run.
  static llvm::Expected<Target> parse(llvm::StringRef text);

  /// Names what this machine lacks, the architecture or the first instruction set: running such code would end the
  /// process.
  llvm::Error checkRunsHere() const;

  /// Code generation at the level that gives full speed in the least time.
  std::unique_ptr<llvm::TargetMachine> createTargetMachine() const;
};

} // namespace fovea

#endif
