// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_SIMULATOR_CLOCKED_MEMORY_H
#define FOVEA_LIB_SIMULATOR_CLOCKED_MEMORY_H

#include "Clock.h"

#include <string>
#include <vector>

namespace fovea::simulator {

/// A shadow of shared memory for code without a barrier of the whole block in its loop: of every 16 bytes, who wrote
/// them last and who has read them since. A read must have seen that write, a write all those reads. Each function says
/// what is wrong, or nothing.
class ClockedMemory {
public:
  static constexpr int64_t kGrainBytes = 16;

  void reset(char *memory, int64_t bytes, int warps);
  /// Some bytes within 16.
  std::string checkPlace(int64_t offset, int64_t bytes, const char *where);

  /// A warp starts a bulk copy, through the async proxy, to 16 bytes; they mean nothing until it lands, and are seen by
  /// those that have seen `landing`.
  std::string beginBulk(int64_t offset, int warp, const VectorClock &now, Step landing, const char *where);
  void land(int64_t offset, const char *bytes);
  /// A warp's product reads 16 bytes through the async proxy: it had seen `seen` when it began, and its reading is step
  /// `number` of the warp.
  std::string readAsync(int64_t offset, int warp, const VectorClock &seen, uint32_t number, const char *where);
  /// A thread of a warp reads or writes some bytes within 16.
  std::string read(int64_t offset, int64_t bytes, int warp, const VectorClock &now, const char *where);
  std::string write(int64_t offset, int64_t bytes, int warp, const VectorClock &now, const char *where);
  /// What the warp has written so far is there for the async proxy.
  void fenceProxy(int warp);

private:
  struct Grain {
    Step writer;
    const char *startedAt = nullptr; // of a bulk copy
    bool isPending = false, isDirty = false;
    const char *readAt = nullptr;
  };

  Grain *grainOf(int64_t offset, int64_t bytes, const char *where, std::string &fault);
  std::string checkRead(const Grain &grain, int64_t offset, int warp, const VectorClock &seen, const char *where) const;
  std::string checkWrite(const Grain &grain, int warp, const VectorClock &now, const char *where) const;
  uint32_t *readsOf(const Grain &grain) { return &reads[size_t(&grain - grains.data()) * size_t(warps)]; }
  const uint32_t *readsOf(const Grain &grain) const { return &reads[size_t(&grain - grains.data()) * size_t(warps)]; }

  char *memory = nullptr;
  int64_t size = 0;
  int warps = 0;
  std::vector<Grain> grains;
  std::vector<uint32_t> reads;            // the last of each warp, 0: none; `warps` for every grain
  std::vector<std::vector<size_t>> dirty; // grains that each warp wrote since its last fence
};

} // namespace fovea::simulator

#endif
