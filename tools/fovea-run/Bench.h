// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_TOOLS_FOVEARUN_BENCH_H
#define FOVEA_TOOLS_FOVEARUN_BENCH_H

#include "Kernel.h"

#include <optional>

namespace fovea::run {

struct Timing {
  int64_t runs = 0;
  double medianMs = 0, minimumMs = 0, maximumMs = 0;
  std::optional<double> gflops, peakGflops, shareOfPeak; // medians; the share is the median of each run's own
};

/// On a GPU: by events on the device, which does nothing else meanwhile.
Timing benchmarkOnDevice(Execution &execution, std::optional<double> flops);

/// Times many runs, each between two measurements of the peak: clocks and neighbours change from second to second.
/// `flops` of one run, when known.
Timing benchmark(Execution &execution, unsigned threads, std::optional<double> flops);

} // namespace fovea::run

#endif
