// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Happens-before (Lamport 1978; Mattern 1989): every warp counts its own steps, and knows how far it has seen the
// others'. An mbarrier is an actor too: its steps are phases, and what bulk copies bring belongs to the phase that they
// complete.
#ifndef FOVEA_LIB_SIMULATOR_CLOCK_H
#define FOVEA_LIB_SIMULATOR_CLOCK_H

#include <algorithm>
#include <array>
#include <cstdint>

namespace fovea::simulator {

inline constexpr int kMaxWarps = 32, kMaxMbarriers = 64;
inline int mbarrierActor(int index) { return kMaxWarps + index; }

/// The last step of every actor that someone has seen.
class VectorClock {
public:
  uint32_t &operator[](int actor) { return steps[size_t(actor)]; }
  uint32_t operator[](int actor) const { return steps[size_t(actor)]; }
  void join(const VectorClock &other) {
    for (size_t actor = 0; actor < steps.size(); ++actor)
      steps[actor] = std::max(steps[actor], other.steps[actor]);
  }

private:
  std::array<uint32_t, kMaxWarps + kMaxMbarriers> steps{};
};

/// A step of an actor, and where in the source.
struct Step {
  int actor = -1;
  uint32_t number = 0;
  const char *where = nullptr;

  bool isSeenBy(const VectorClock &clock) const { return actor < 0 || clock[actor] >= number; }
};

} // namespace fovea::simulator

#endif
