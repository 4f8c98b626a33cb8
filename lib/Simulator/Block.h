// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_SIMULATOR_BLOCK_H
#define FOVEA_LIB_SIMULATOR_BLOCK_H

#include "ClockedMemory.h"
#include "Exchange.h"
#include "Fiber.h"
#include "GlobalMemory.h"
#include "Mbarriers.h"
#include "SharedMemory.h"
#include "TensorMap.h"
#include "Wgmma.h"

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
  /// A barrier of `threads` of its threads, with a number of its own.
  bool barrierOfSome(int barrier, int threads, bool predicate, const char *where);
  /// 16 bytes of shared memory.
  void read(const char *source, const char *where);
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

  // The rest is in BlockAsync.cpp: what sm_90 does on its own, beside its threads. Shared memory by its offset.
  int64_t offsetOf(const char *address) { return address - memory.data(); }
  /// For the next block that runs.
  void addTensorMap(const fovea_value &tensor, std::array<int64_t, 4> box, int64_t swizzleBytes);
  /// Whether TMA refuses one of their tensors: then that block has none.
  bool dropRefusedMaps();
  const TensorMap *tensorMap(int which, const char *where);
  void initializeMbarrier(int64_t offset, int count, const char *where);
  void fenceMbarrierInits() { mbarriers.fenceInits(); }
  /// After `bytes` more are expected.
  void arrive(int64_t offset, int64_t bytes, const char *where);
  void awaitPhase(int64_t offset, int parity, const char *where);
  /// `at`: the tensor's order of dimensions, the innermost last.
  void copyTensor(int64_t target, const TensorMap &map, std::array<int64_t, 4> at, int64_t barrier, const char *where);
  float issueProduct(const ProductOperands &operands, const float *acc, float first, const char *where);
  void commitProducts();
  void awaitProducts(int pending, const float *acc, float first, int count, float *out, const char *where);
  void fenceRegisters() { threads[size_t(running)].hasTouchedRegisters = false; }
  /// Two numbers that a pair of registers is made of.
  void usePair(float low, float high, const char *where);
  void fenceProxy() { clocked.fenceProxy(running / kLanes); }
  /// A thread reads or writes shared memory by itself.
  void touch(int64_t offset, int64_t bytes, bool writes, const char *where);
  void setRegisters(int registers, bool isIncrease, const char *where);

  /// The block is given up if `fault` says something. Does not return then.
  void require(const std::string &fault);

private:
  enum class Status { Ready, AtCollective, AtBarrier, AtMbarrier, AtProducts, Done };
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
    Mbarrier *awaited = nullptr;
    bool told = false;               // by the last barrier of some
    int products = 0;                // that it has issued
    std::vector<int> committed;      // how many it had when each group ended
    bool hasTouchedRegisters = true; // since its last fence: those of products, or what becomes one
  };
  struct BarrierOfSome {
    int expected = 0;
    bool any = false;
    const char *where = nullptr;
    std::vector<int> waiting; // threads
  };
  struct TensorCopy {
    int64_t target;
    const TensorMap *map;
    std::array<int64_t, 4> at;
    Mbarrier *barrier;
    const char *where;
  };
  struct Products { // of a warpgroup
    Warpgroup unit;
    std::vector<std::array<uint32_t, Warpgroup::kWarps>> steps; // of each warp, when it had read for a product
  };

  static void enter(void *thread);
  void runWarp(int warp);
  void pause(Status status, const char *where);
  void release(int first, int count);
  bool isOver() const;
  void explainStandstill();
  void fail(const std::string &what);
  Moment now() const { return {number, running, memory.barriers()}; }

  void resetAsync(int64_t sharedBytes);
  VectorClock &clock() { return clocks[size_t(running / kLanes)]; }
  /// Of a barrier that these warps have passed: each has seen what all have done.
  void joinClocks(const std::vector<int> &of);
  Mbarrier *findMbarrier(int64_t offset, const char *where);
  void advance(Mbarrier &barrier);
  void wake(Status status, const std::function<bool(const Thread &)> &isConcerned);
  void landCopy(size_t which);
  void computeProducts(int warpgroup, int end);
  void checkEnd();

  const Body *body = nullptr;
  std::string name;
  std::vector<Thread> threads; // those of the block first; kept for their stacks
  std::vector<Warp> warps;
  SharedMemory memory;
  ClockedMemory clocked;
  std::vector<VectorClock> clocks; // of the warps
  Mbarriers mbarriers;
  std::vector<TensorMap> nextMaps, maps;
  std::string mapFault, refusal;  // of those for the next block: the code's fault, the tensor's
  std::vector<TensorCopy> copies; // on their way
  std::vector<Products> products; // of each warpgroup
  std::vector<int> registers;     // of each warp's threads, 0: as launched
  GlobalMemory global;
  int count = 0, running = 0, atBarrier = 0;
  bool hasFailed = false, hasMoved = false;
  std::array<BarrierOfSome, 16> some;
  bool predicates[2] = {false, false}; // of this barrier and the last one, in turn
  uint64_t number = 0;                 // of the block that runs, among all
  Acquired acquired;
};

/// The one of this thread of the machine.
Block &currentBlock();

} // namespace fovea::simulator

#endif
