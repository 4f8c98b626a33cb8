// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "SharedMemory.h"

#include <cstring>

using namespace fovea::simulator;

void SharedMemory::reset(int64_t newBytes) {
  // Descriptors and swizzles take the low bits of an address: they are those of the offset. 256 KiB is more than any
  // block has.
  constexpr size_t kAlignment = 256 << 10;
  if (newBytes != bytes) {
    bytes = newBytes;
    memory.reset(
        static_cast<char *>(std::aligned_alloc(kAlignment, (size_t(bytes) + kAlignment) / kAlignment * kAlignment)));
  }
  std::memset(memory.get(), kPoison, size_t(bytes));
  grains.assign(size_t((bytes + kGrainBytes - 1) / kGrainBytes), Grain());
  epoch = 0;
}

SharedMemory::Grain *SharedMemory::grainOf(const char *address, Access access, std::string &fault) {
  int64_t offset = address - memory.get();
  if (offset < 0 || offset + kGrainBytes > bytes)
    fault = std::string(access.where) + ": byte " + std::to_string(offset) + " of shared memory, of which there are " +
            std::to_string(bytes);
  else if (offset % kGrainBytes != 0)
    fault =
        std::string(access.where) + ": byte " + std::to_string(offset) + " of shared memory is not a multiple of 16";
  return fault.empty() ? &grains[size_t(offset / kGrainBytes)] : nullptr;
}

static std::string raceOf(Access access, const std::string &what) {
  return std::string(access.where) + ": race: thread " + std::to_string(access.thread) + " of warp " +
         std::to_string(access.warp()) + " " + what;
}

static int firstOf(uint32_t warps) { return __builtin_ctz(warps); }

SharedMemory::Grain *SharedMemory::beginWrite(const char *target, Access access, std::string &fault) {
  Grain *grain = grainOf(target, access, fault);
  if (!grain)
    return nullptr;
  uint32_t others = grain->readEpoch == epoch ? grain->readWarps & ~(1u << access.warp()) : 0;
  bool isFresh = grain->isPending || (grain->writeEpoch == epoch && grain->writer != access.thread);
  if (others)
    fault = raceOf(access, "overwrites what warp " + std::to_string(firstOf(others)) +
                               " has read since the last barrier (" + grain->readAt + ")");
  else if (grain->writer >= 0 && isFresh)
    fault = raceOf(access, "overwrites what thread " + std::to_string(grain->writer) +
                               " has written since the last barrier (" + grain->writtenAt + ")");
  if (!fault.empty())
    return nullptr;
  grain->writer = access.thread;
  grain->writtenAt = access.where;
  return grain;
}

std::string SharedMemory::beginCopy(const char *target, Access access) {
  std::string fault;
  if (Grain *grain = beginWrite(target, access, fault)) {
    grain->isPending = true;
    std::memset(const_cast<char *>(target), kPoison, size_t(kGrainBytes));
  }
  return fault;
}

std::string SharedMemory::write(const char *target, Access access) {
  std::string fault;
  if (Grain *grain = beginWrite(target, access, fault))
    grain->writeEpoch = epoch;
  return fault;
}

void SharedMemory::land(const char *target, const char *content) {
  Grain &grain = grains[size_t((target - memory.get()) / kGrainBytes)];
  grain.isPending = false;
  grain.writeEpoch = epoch;
  std::memcpy(const_cast<char *>(target), content, size_t(kGrainBytes));
}

std::string SharedMemory::read(const char *source, Access access) {
  std::string fault;
  Grain *grain = grainOf(source, access, fault);
  if (!grain)
    return fault;
  if (grain->writer < 0)
    return std::string(access.where) + ": byte " + std::to_string(source - memory.get()) +
           " of shared memory is read, and nothing has written it";
  std::string writer = "thread " + std::to_string(grain->writer) + " (" + grain->writtenAt + ")";
  if (grain->isPending)
    return raceOf(access, "reads what an asynchronous copy of " + writer +
                              " has not been waited for to bring: cp.async.wait_group is missing or waits for too few");
  if (grain->writeEpoch == epoch && grain->writer != access.thread)
    return raceOf(access, "reads what " + writer + " has written, without a barrier in between");
  if (grain->readEpoch != epoch) {
    grain->readEpoch = epoch;
    grain->readWarps = 0;
  }
  grain->readWarps |= 1u << access.warp();
  grain->readAt = access.where;
  return {};
}
