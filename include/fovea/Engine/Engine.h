// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Text to callable code in one process: parse, climb the ladder, emit, link.
#ifndef FOVEA_ENGINE_ENGINE_H
#define FOVEA_ENGINE_ENGINE_H

#include "fovea/fovea_compile.h"
#include "llvm/ADT/StringRef.h"
#include <functional>
#include <string>

namespace fovea {

/// Why a compilation failed: what a fovea_error is made of.
struct CompileError {
  fovea_status status = FOVEA_INTERNAL;
  std::string message;
  std::string location; // "NAME:LINE:COL" or ""
};

struct CompileOptions {
  std::string target = "host";
  std::string sourceName = "<mlir>";
  std::string fromPhase; // "": what the module says, or import
  std::string dumpDirectory;
  std::function<void(const fovea_remark &)> remark; // empty: nothing is proven just to be said
};

/// Null on failure, with the reason in `error`. The module owns its machine code.
fovea_module *compile(llvm::StringRef text, const CompileOptions &options, fovea_compile_times &times,
                      CompileError &error);

} // namespace fovea

#endif
