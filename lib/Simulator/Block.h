// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_SIMULATOR_BLOCK_H
#define FOVEA_LIB_SIMULATOR_BLOCK_H

#include "Exchange.h"
#include "Fiber.h"
#include "GlobalMemory.h"
#include "SharedMemory.h"

#include <functional>

namespace fovea::simulator {

inline constexpr int kLanes = 32, kMaxThreads = 1024;

/// A thread block while it runs. All of it belongs to one thread of this machine.
class Block {
public:
  using Body = std::function<void()>;

  /// Runs `body` once for every thread; false, and reported, when something is wrong with it. `name` is what reports
  /// begin with.
  bool run(const Body &body, int threads, int64_t sharedBytes, uint64_t seed, std::string name);

  /// Those of the kernel that runs next.
  GlobalMemory &tensors() { return global; }

  // For the running thread:
  int threadId() const { return running; }
  char *shared() { return memory.data(); }
  void copyAsync(char *target, const char *source, int bytes, int valid, const char *where);
  void commitGroup();
  void waitGroup(int pending);
  void barrier(const char *where);
  /// A barrier that tells all threads whether `predicate` is true in one of them.
  bool barrierOr(bool predicate, const char *where);
  void read(const char *source, const char *where) { require(memory.read(source, {running, where})); }
  void accessShared(const char *address, int64_t bytes, bool isWrite, const char *where);
  void accessGlobal(const void *address, int64_t bytes, bool isWrite, const char *where);
  int32_t addGlobal(int32_t *address, int32_t value, const char *where);
  void fence() { acquired.fence(now()); }

  /// An operation of a whole warp: the last lane to arrive executes it for all.
  struct Warp {
    int arrived = 0;
    const char *where = nullptr;
    const void *in[kLanes];
    void *out[kLanes];
  };
  void collective(const void *in, void *out, const char *where, void (*execute)(Warp &));

  /// The block is given up if `fault` says something. Does not return then.
  void require(const std::string &fault);

private:
  enum class Status { Ready, AtCollective, AtBarrier, Done };
  struct Copy {
    char *target;
    char bytes[SharedMemory::kGrainBytes];
  };
  struct Thread {
    Block *block = nullptr;
    int id = 0;
    Status status = Status::Done;
    const char *waitsAt = nullptr;
    std::unique_ptr<Fiber> fiber;
    std::vector<Copy> open;                // not yet in a group
    std::vector<std::vector<Copy>> groups; // not yet waited for, the oldest first
  };

  static void enter(void *thread);
  void runWarp(int warp);
  void pause(Status status, const char *where);
  void release(int first, int count);
  bool isOver() const;
  void explainStandstill();
  void fail(const std::string &what);
  Moment now() const { return {number, running, memory.barriers()}; }

  const Body *body = nullptr;
  std::string name;
  std::vector<Thread> threads; // those of the block first; kept for their stacks
  std::vector<Warp> warps;
  SharedMemory memory;
  GlobalMemory global;
  int count = 0, running = 0, atBarrier = 0;
  bool hasFailed = false, hasMoved = false;
  bool predicates[2] = {false, false}; // of this barrier and the last one, in turn
  uint64_t number = 0;                 // of the block that runs, among all
  Acquired acquired;
};

/// The one of this thread of the machine.
Block &currentBlock();

} // namespace fovea::simulator

#endif
