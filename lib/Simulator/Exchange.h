// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory through which the blocks of one launch exchange results. What a block has written, another may read if a fence
// and then an atomic operation stand behind the write, and the other block's operation on the same address, and then a
// fence, before the read; within a block, a barrier stands between the accesses and the fence, unless one thread does
// both. The code runs on this machine's threads, whose order would hide what is missing: so every word remembers who
// wrote it.
#ifndef FOVEA_LIB_SIMULATOR_EXCHANGE_H
#define FOVEA_LIB_SIMULATOR_EXCHANGE_H

#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace fovea::simulator {

/// A thread of a block, between two of its barriers.
struct Moment {
  uint64_t block = 0; // every run of a block has another number
  int thread = 0, epoch = 0;

  /// Whether what the thread does then is behind this one, as the block's barriers order them.
  bool isBefore(const Moment &later) const {
    return block == later.block && (epoch < later.epoch || thread == later.thread);
  }
};

/// What one block has released and acquired by its fences.
class Acquired {
public:
  void clear() { *this = {}; }
  /// A thread's earlier writes may be released by its next atomic operations; what those saw so far is acquired.
  void fence(const Moment &now);

private:
  friend class Exchange;
  struct Pair {
    Moment released, acquired;
  };
  std::vector<Pair> all;
  std::unordered_map<int, Moment> fences;            // the last one of a thread
  std::unordered_map<int, std::vector<Moment>> seen; // by a thread, since then
};

/// Of all blocks. Each function says what is wrong, or nothing.
class Exchange {
public:
  std::string read(const void *address, int64_t bytes, const Moment &now, const Acquired &acquired,
                   const char *where) const;
  std::string write(const void *address, int64_t bytes, const Moment &now, const char *where);
  /// What was there before.
  int32_t add(int32_t *address, int32_t value, const Moment &now, Acquired &acquired, const char *where);
  void forget();

private:
  struct Write {
    Moment by;
    const char *where = nullptr;
  };
  mutable std::mutex mutex;
  std::unordered_map<uintptr_t, Write> words;
  std::unordered_map<uintptr_t, std::vector<Moment>> releases; // by the address of the atomic operation
};

Exchange &exchange();

} // namespace fovea::simulator

#endif
