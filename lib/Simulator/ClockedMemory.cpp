// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ClockedMemory.h"

#include <cstring>

using namespace fovea::simulator;

void ClockedMemory::reset(char *newMemory, int64_t bytes, int newWarps) {
  memory = newMemory;
  size = bytes;
  warps = newWarps;
  size_t count = size_t((bytes + kGrainBytes - 1) / kGrainBytes);
  grains.assign(count, Grain());
  reads.assign(count * size_t(warps), 0);
  dirty.assign(size_t(warps), {});
}

ClockedMemory::Grain *ClockedMemory::grainOf(int64_t offset, int64_t bytes, const char *where, std::string &fault) {
  std::string place = std::string(where) + ": byte " + std::to_string(offset) + " of shared memory";
  if (offset < 0 || offset + bytes > size)
    fault = place + ", of which there are " + std::to_string(size);
  else if (offset / kGrainBytes != (offset + bytes - 1) / kGrainBytes || offset % bytes != 0)
    fault = place + " is not a multiple of " + std::to_string(bytes);
  return fault.empty() ? &grains[size_t(offset / kGrainBytes)] : nullptr;
}

std::string ClockedMemory::checkPlace(int64_t offset, int64_t bytes, const char *where) {
  std::string fault;
  grainOf(offset, bytes, where, fault);
  return fault;
}

static std::string raceOf(const char *where, int warp, const std::string &what) {
  return std::string(where) + ": race: warp " + std::to_string(warp) + " " + what;
}

std::string ClockedMemory::checkRead(const Grain &grain, int64_t offset, int warp, const VectorClock &seen,
                                     const char *where) const {
  if (grain.writer.actor < 0)
    return std::string(where) + ": byte " + std::to_string(offset) +
           " of shared memory is read, and nothing has written it";
  if (grain.startedAt && (grain.isPending || !grain.writer.isSeenBy(seen)))
    return raceOf(where, warp,
                  std::string("reads what a bulk copy (") + grain.startedAt + ") " +
                      (grain.writer.isSeenBy(seen) ? "has not brought yet: its mbarrier expects too few bytes"
                                                   : "brings, and has not waited for its mbarrier"));
  if (!grain.startedAt && grain.writer.actor != warp && !grain.writer.isSeenBy(seen))
    return raceOf(where, warp,
                  "reads what warp " + std::to_string(grain.writer.actor) + " writes (" + grain.writer.where +
                      "), and nothing orders the two");
  return {};
}

std::string ClockedMemory::checkWrite(const Grain &grain, int warp, const VectorClock &now, const char *where) const {
  for (int reader = 0; reader < warps; ++reader)
    if (reader != warp && readsOf(grain)[reader] > now[reader])
      return raceOf(where, warp,
                    "overwrites what warp " + std::to_string(reader) + " reads (" + grain.readAt +
                        "), and nothing says that it is done");
  if (grain.isPending || (grain.writer.actor != warp && !grain.writer.isSeenBy(now)))
    return raceOf(where, warp,
                  std::string("overwrites what ") + (grain.startedAt ? "a bulk copy brings (" : "is written (") +
                      (grain.startedAt ? grain.startedAt : grain.writer.where) + "), and has not waited for it");
  return {};
}

std::string ClockedMemory::beginBulk(int64_t offset, int warp, const VectorClock &now, Step landing,
                                     const char *where) {
  std::string fault;
  Grain *grain = grainOf(offset, kGrainBytes, where, fault);
  if (!grain)
    return fault;
  fault = checkWrite(*grain, warp, now, where);
  if (!fault.empty())
    return fault;
  grain->writer = landing;
  grain->startedAt = where;
  grain->isPending = true;
  grain->isDirty = false;
  constexpr int kPoison = 0xFF; // a NaN of either 16-bit float
  std::memset(memory + offset, kPoison, size_t(kGrainBytes));
  return {};
}

void ClockedMemory::land(int64_t offset, const char *bytes) {
  grains[size_t(offset / kGrainBytes)].isPending = false;
  std::memcpy(memory + offset, bytes, size_t(kGrainBytes));
}

std::string ClockedMemory::readAsync(int64_t offset, int warp, const VectorClock &seen, uint32_t number,
                                     const char *where) {
  std::string fault;
  Grain *grain = grainOf(offset, kGrainBytes, where, fault);
  if (!grain)
    return fault;
  fault = checkRead(*grain, offset, warp, seen, where);
  if (fault.empty() && grain->isDirty)
    fault = raceOf(where, warp,
                   std::string("reads through the async proxy what was written (") + grain->writer.where +
                       ") without a fence.proxy.async behind it");
  readsOf(*grain)[warp] = number;
  grain->readAt = where;
  return fault;
}

std::string ClockedMemory::read(int64_t offset, int64_t bytes, int warp, const VectorClock &now, const char *where) {
  std::string fault;
  Grain *grain = grainOf(offset, bytes, where, fault);
  if (!grain)
    return fault;
  readsOf(*grain)[warp] = now[warp];
  grain->readAt = where;
  return checkRead(*grain, offset, warp, now, where);
}

std::string ClockedMemory::write(int64_t offset, int64_t bytes, int warp, const VectorClock &now, const char *where) {
  std::string fault;
  Grain *grain = grainOf(offset, bytes, where, fault);
  if (!grain)
    return fault;
  fault = checkWrite(*grain, warp, now, where);
  grain->writer = {warp, now[warp], where};
  grain->startedAt = nullptr;
  if (!grain->isDirty)
    dirty[size_t(warp)].push_back(size_t(grain - grains.data()));
  grain->isDirty = true;
  return fault;
}

void ClockedMemory::fenceProxy(int warp) {
  for (size_t grain : dirty[size_t(warp)])
    grains[grain].isDirty = false;
  dirty[size_t(warp)].clear();
}
