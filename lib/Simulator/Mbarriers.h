// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_SIMULATOR_MBARRIERS_H
#define FOVEA_LIB_SIMULATOR_MBARRIERS_H

#include "Clock.h"

#include <map>
#include <string>

namespace fovea::simulator {

/// An object in shared memory that counts arrivals and bytes: a phase is over when both are complete.
struct Mbarrier {
  int index = 0; // among those of the block
  int64_t offset = 0;
  int count = 0, missing = 0; // arrivals
  int64_t bytes = 0;          // expected, less those that came
  uint32_t phase = 0;         // phases that are over
  VectorClock released[2];    // what those that arrived had seen, for phases of either parity
  bool isFenced = false;      // the async proxy sees it
  Step made;

  /// Whether the last phase of this parity is over; before phase 0, one of parity 1 is.
  bool isOver(int parity) const { return int(phase & 1) != parity; }
  /// "the mbarrier at byte 1024 (phase 3: 1 arrival and 8192 bytes are missing)"
  std::string describe() const;
};

/// Those of a block, by their place in shared memory.
class Mbarriers {
public:
  void reset() { all.clear(); }
  /// Each says what is wrong, or nothing. With a `barrier` that is not null then.
  std::string initialize(int64_t offset, int count, Step made);
  std::string find(int64_t offset, int warp, const VectorClock &now, const char *where, Mbarrier *&barrier);
  std::string arrive(Mbarrier &barrier, const VectorClock &now, const char *where);
  void fenceInits();

  /// Ends the phase if nothing is missing; whether it did.
  static bool advance(Mbarrier &barrier);

private:
  std::map<int64_t, Mbarrier> all;
};

} // namespace fovea::simulator

#endif
