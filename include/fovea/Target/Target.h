// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_TARGET_TARGET_H
#define FOVEA_TARGET_TARGET_H

#include "llvm/Support/Error.h"
#include <memory>
#include <string>

namespace llvm {
class TargetMachine;
}

namespace fovea {

/// What code is made for: `host`, `loops` (scalar code on the host) or `cpu:ARCH[+feature...]` with LLVM's names, for
/// example `cpu:x86-64-v4` or `cpu:x86-64-v3+avx512f`. Chosen by CPU feature, never by vendor.
struct Target {
  std::string name; // as given
  std::string triple;
  std::string cpu;      // LLVM's name of the processor
  std::string features; // LLVM's feature string
  bool loops = false;
  int64_t lanes = 8; // fp32 lanes: 16 with AVX-512, else the portable 8

  static llvm::Expected<Target> parse(llvm::StringRef text);

  /// Names the first instruction set that this machine lacks: running such code would end the process.
  llvm::Error checkRunsHere() const;

  /// Code generation at the level that gives full speed in the least time.
  std::unique_ptr<llvm::TargetMachine> createTargetMachine() const;
};

} // namespace fovea

#endif
