// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a thread's state to memory.
#ifndef FOVEA_LIB_CONVERSION_GPUCOMMON_OUTPUT_H
#define FOVEA_LIB_CONVERSION_GPUCOMMON_OUTPUT_H

#include "Softmax.h"
#include "TileRows.h"

namespace fovea {

/// acc / l and m + ln l of the rows that exist.
void storeOutput(WarpEmitter &b, const Problem &problem, const Softmax &softmax, const Thread &thread,
                 const TileRows &rows, const State &state);

} // namespace fovea

#endif
