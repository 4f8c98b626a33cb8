// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_SIMULATOR_CALLS_H
#define FOVEA_LIB_SIMULATOR_CALLS_H

#include "fovea/Simulator/Simulator.h"

/// A function that compiled code calls.
#define FOVEA_SYMBOL(NAME) {#NAME, reinterpret_cast<void *>(&NAME)}

namespace fovea::simulator {

/// Those of CallsAsync.cpp.
std::vector<Symbol> asyncSymbols();

} // namespace fovea::simulator

#endif
