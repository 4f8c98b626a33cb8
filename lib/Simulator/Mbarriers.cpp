// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Mbarriers.h"

using namespace fovea::simulator;

std::string Mbarrier::describe() const {
  auto several = [](int64_t n, const char *what) { return std::to_string(n) + " " + what + (n == 1 ? "" : "s"); };
  return "the mbarrier at byte " + std::to_string(offset) + " (phase " + std::to_string(phase) + ": " +
         several(missing, "arrival") + " and " + several(bytes, "byte") + " are missing)";
}

static std::string placeOf(int64_t offset, const char *where) {
  return std::string(where) + ": byte " + std::to_string(offset) + " of shared memory";
}

std::string Mbarriers::initialize(int64_t offset, int count, Step made) {
  const char *where = made.where;
  constexpr int64_t kBytes = 8;
  constexpr int kMaxCount = (1 << 20) - 1;
  if (offset % kBytes != 0)
    return placeOf(offset, where) + " is not a multiple of 8, as an mbarrier must be";
  if (count < 1 || count > kMaxCount)
    return std::string(where) + ": an mbarrier for " + std::to_string(count) + " arrivals";
  auto [found, isNew] = all.try_emplace(offset);
  if (!isNew)
    return placeOf(offset, where) + " is an mbarrier already (" + found->second.made.where + ")";
  if (int(all.size()) > kMaxMbarriers)
    return std::string(where) + ": more than " + std::to_string(kMaxMbarriers) + " mbarriers; no more are simulated";
  Mbarrier &barrier = found->second;
  barrier.index = int(all.size()) - 1;
  barrier.offset = offset;
  barrier.count = barrier.missing = count;
  barrier.made = made;
  return {};
}

std::string Mbarriers::find(int64_t offset, int warp, const VectorClock &now, const char *where, Mbarrier *&barrier) {
  auto found = all.find(offset);
  if (found == all.end())
    return placeOf(offset, where) + " is no mbarrier: nothing has initialised it";
  barrier = &found->second;
  if (barrier->made.actor != warp && !barrier->made.isSeenBy(now))
    return std::string(where) + ": race: warp " + std::to_string(warp) + " uses " + barrier->describe() +
           ", and nothing orders that behind its initialisation (" + barrier->made.where + ")";
  return {};
}

std::string Mbarriers::arrive(Mbarrier &barrier, const VectorClock &now, const char *where) {
  if (barrier.missing == 0)
    return std::string(where) + ": arrives too often: " + barrier.describe() + " counts " +
           std::to_string(barrier.count) + " in a phase";
  --barrier.missing;
  barrier.released[barrier.phase & 1].join(now);
  return {};
}

void Mbarriers::fenceInits() {
  for (auto &[offset, barrier] : all)
    barrier.isFenced = true;
}

bool Mbarriers::advance(Mbarrier &barrier) {
  if (barrier.missing != 0 || barrier.bytes != 0)
    return false;
  ++barrier.phase;
  barrier.missing = barrier.count;
  barrier.released[barrier.phase & 1] = VectorClock();
  return true;
}
