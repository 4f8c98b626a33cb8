// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_TOOLS_FOVEARUN_FAIL_H
#define FOVEA_TOOLS_FOVEARUN_FAIL_H

#include "llvm/ADT/Twine.h"

namespace fovea::run {

enum ExitCode { kRight = 0, kBadInput = 1, kCheckFailed = 2, kUnsupported = 3 };

/// Prints "fovea-run: error: MESSAGE" and ends the program.
[[noreturn]] void fail(const llvm::Twine &message, ExitCode code = kBadInput);

} // namespace fovea::run

#endif
