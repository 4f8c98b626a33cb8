// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A thread block of a GPU on one thread of this machine. --convert-nvvm-to-simulator makes calls of a kernel's nvvm
// operations; this library answers them. Every CUDA thread is a fiber; a warp's collective operation is executed when
// its last lane arrives.
//
// What it watches, and reports with the operation's place in the source:
// - cp.async lands no earlier than its wait: until then its target holds NaN, and reading it is a race;
// - what one thread wrote, another sees behind a barrier only; what one warp reads, another may overwrite behind a
//   barrier only;
// - for sm_90a, with a vector clock for every warp and one for every mbarrier: what a bulk copy brings is seen by those
//   that waited for its mbarrier, and what a product of a warpgroup reads is overwritten behind an mbarrier that says
//   it is read; products that read registers without a fence, accumulators that are read before they are waited for;
//   mbarriers that are counted wrongly; ordinary stores that the async proxy reads without a fence;
// - lanes of a warp at different collective operations, threads that a barrier, of all or of some, waits for in vain;
// - shared memory out of bounds or never written, addresses that are not multiples of 16 bytes;
// - global memory that is no tensor of the kernel, or is written and an input.
//
// Bulk copies land late, and products are computed when they are waited for. Warps run in turn or, with a seed, in a
// random order that the seed decides, and so do copies land: what depends on luck shows. It does not know the time, the
// rounding inside a tensor core, or ptxas.
#ifndef FOVEA_SIMULATOR_SIMULATOR_H
#define FOVEA_SIMULATOR_SIMULATOR_H

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace fovea::simulator {

/// Gets what is wrong with a kernel, instead of standard error, one report at a time. Called by the thread that runs
/// the block, which is given up then. Not to be changed while a kernel runs.
void setReportHandler(std::function<void(const std::string &)> handler);

/// The seed of the order in which warps run, in place of those that kernels were compiled with; none: theirs. Not to be
/// changed while a kernel runs.
void setSeed(std::optional<uint64_t> seed);

/// Whatever blocks have exchanged through memory is as if not written: for a new workspace, which may be where an old
/// one was. Not to be called while a kernel runs.
void forgetExchanges();

/// What compiled code calls, by name, for whoever links it.
struct Symbol {
  const char *name;
  void *address;
};
const std::vector<Symbol> &symbols();

} // namespace fovea::simulator

#endif
