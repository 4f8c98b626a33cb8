// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every argument of the kernel: given, from the seed, or an output to be written.
#ifndef FOVEA_TOOLS_FOVEARUN_INPUTS_H
#define FOVEA_TOOLS_FOVEARUN_INPUTS_H

#include "Program.h"

namespace fovea::run {

struct Arguments {
  std::vector<reference::TensorRef> values; // by parameter; scalars have rank 0
  std::vector<std::string> origins;         // "q.npy", "seed 0", "" for outputs
  std::map<std::string, int64_t> sizes;     // named dimensions
};

/// `program` may be null: then only types and --dims say how large things are.
Arguments makeArguments(const Options &options, const Kernel &kernel, Program *program);

/// Normally distributed, the same on every machine; `stream` tells arguments apart.
void fillNormal(reference::HostTensor &tensor, uint64_t seed, uint64_t stream);

} // namespace fovea::run

#endif
