// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What this machine can do at best, measured in the same minute as the kernel.
#ifndef FOVEA_TOOLS_FOVEARUN_PEAK_H
#define FOVEA_TOOLS_FOVEARUN_PEAK_H

#include <optional>

namespace fovea::run {

/// fp32 fused multiply-adds of independent chains on `threads` threads for about `seconds`, in GFLOP/s. Nothing on
/// processors whose widest instruction we do not know.
std::optional<double> measurePeak(unsigned threads, double seconds);

} // namespace fovea::run

#endif
