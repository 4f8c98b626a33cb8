// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Block.h"

#include "fovea/Simulator/Simulator.h"

#include <atomic>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <numeric>
#include <optional>

using namespace fovea::simulator;

static std::function<void(const std::string &)> reportHandler = [](const std::string &text) {
  std::fprintf(stderr, "simulator: %s\n", text.c_str());
};

void fovea::simulator::setReportHandler(std::function<void(const std::string &)> handler) {
  reportHandler = std::move(handler);
}

static std::optional<uint64_t> seedOfAll;

void fovea::simulator::setSeed(std::optional<uint64_t> seed) { seedOfAll = seed; }

Block &fovea::simulator::currentBlock() {
  static thread_local Block block;
  return block;
}

void Block::fail(const std::string &what) {
  static std::mutex oneAtATime; // blocks run on many threads
  std::lock_guard<std::mutex> lock(oneAtATime);
  if (!hasFailed)
    reportHandler(name + ": " + what);
  hasFailed = true;
}

void Block::require(const std::string &fault) {
  if (fault.empty())
    return;
  fail(fault);
  threads[size_t(running)].fiber->suspend(); // for good
}

void Block::enter(void *argument) {
  auto &thread = *static_cast<Thread *>(argument);
  (*thread.block->body)();
  thread.status = Status::Done;
}

bool Block::run(const Body &newBody, int newCount, int64_t sharedBytes, uint64_t seed, std::string newName) {
  body = &newBody;
  name = std::move(newName);
  count = newCount;
  running = atBarrier = 0;
  static std::atomic<uint64_t> numbers{0};
  number = ++numbers;
  acquired.clear();
  predicates[0] = predicates[1] = false;
  some.fill(BarrierOfSome());
  hasFailed = false;
  if (int(threads.size()) < count)
    threads.resize(size_t(count));
  warps.assign(size_t((count + kLanes - 1) / kLanes), Warp());
  memory.reset(sharedBytes);
  resetAsync(sharedBytes);
  for (int id = 0; id < count; ++id) {
    Thread &thread = threads[size_t(id)];
    if (!thread.fiber)
      thread.fiber = std::make_unique<Fiber>();
    thread.block = this;
    thread.id = id;
    thread.status = Status::Ready;
    thread.open.clear();
    thread.groups.clear();
    thread.products = 0;
    thread.committed.clear();
    thread.hasTouchedRegisters = true;
    thread.fiber->start(enter, &thread);
  }
  seed = seedOfAll.value_or(seed);
  uint64_t state = seed;
  auto random = [&](size_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return size_t(state >> 33) % below;
  };
  while (!hasFailed && !isOver()) {
    hasMoved = false;
    for (size_t turn = 0; turn < warps.size() && !hasFailed; ++turn) {
      size_t drawn = random(warps.size());
      runWarp(int(seed ? drawn : turn));
      if (seed && !copies.empty() && !hasFailed && random(8) == 0)
        landCopy(random(copies.size()));
    }
    if (!seed && !copies.empty() && !hasFailed) // one a round: they are slow
      landCopy(0);
    // A random order may have left out those that can run.
    for (size_t warp = 0; warp < warps.size() && !hasMoved && !hasFailed; ++warp)
      runWarp(int(warp));
    if (!hasMoved && !hasFailed && !copies.empty())
      landCopy(seed ? random(copies.size()) : 0);
    if (!hasMoved && !hasFailed)
      explainStandstill();
  }
  if (!hasFailed)
    checkEnd();
  return !hasFailed;
}

bool Block::isOver() const {
  for (int id = 0; id < count; ++id)
    if (threads[size_t(id)].status != Status::Done)
      return false;
  return true;
}

void Block::runWarp(int warp) {
  for (int id = warp * kLanes; id < std::min((warp + 1) * kLanes, count) && !hasFailed; ++id)
    if (threads[size_t(id)].status == Status::Ready) {
      hasMoved = true;
      running = id;
      threads[size_t(id)].fiber->resume();
    }
}

/// Every place once: what waits longest says the least.
void Block::explainStandstill() {
  std::string text;
  const char *last = nullptr;
  for (int id = 0; id < count; ++id) {
    const Thread &thread = threads[size_t(id)];
    if (thread.status == Status::Ready || thread.status == Status::Done || thread.waitsAt == last)
      continue;
    last = thread.waitsAt;
    std::string what = thread.status == Status::AtMbarrier   ? thread.awaited->describe()
                       : thread.status == Status::AtBarrier  ? "the others at this barrier"
                       : thread.status == Status::AtProducts ? "the rest of its warpgroup to start these products"
                                                             : "the rest of its warp at this operation";
    text += (text.empty() ? "" : "; ") + std::string(last) + ": thread " + std::to_string(id) + " waits forever for " +
            what;
  }
  fail(text);
}

void Block::pause(Status status, const char *where) {
  Thread &thread = threads[size_t(running)];
  thread.status = status;
  thread.waitsAt = where;
  thread.fiber->suspend();
}

void Block::release(int first, int howMany) {
  for (int id = first; id < std::min(first + howMany, count); ++id)
    threads[size_t(id)].status = Status::Ready;
}

void Block::barrier(const char *where) {
  if (++atBarrier < count)
    return pause(Status::AtBarrier, where);
  for (int id = 0; id < count; ++id)
    if (id != running && threads[size_t(id)].waitsAt != where)
      return require(std::string(where) + ": thread " + std::to_string(running) + " is at this barrier, and thread " +
                     std::to_string(id) + " at another (" + threads[size_t(id)].waitsAt + ")");
  atBarrier = 0;
  memory.passBarrier();
  std::vector<int> all(clocks.size());
  std::iota(all.begin(), all.end(), 0);
  joinClocks(all);
  release(0, count);
}

bool Block::barrierOr(bool predicate, const char *where) {
  // Whoever passes this barrier reads its own; the next one is another.
  bool &any = predicates[memory.barriers() % 2];
  if (atBarrier == 0)
    any = false;
  any |= predicate;
  barrier(where);
  return any;
}

bool Block::barrierOfSome(int which, int expected, bool predicate, const char *where) {
  auto at = [&] { return std::string(where) + ": thread " + std::to_string(running); };
  if (which < 1 || which >= int(some.size()))
    require(at() + " is at barrier " + std::to_string(which) + "; those of some threads are 1 to 15");
  if (expected <= 0 || expected % kLanes != 0)
    require(at() + " is at a barrier of " + std::to_string(expected) + " threads, which are no whole warps");
  BarrierOfSome &barrier = some[size_t(which)];
  if (barrier.waiting.empty())
    barrier = {expected, false, where, {}};
  if (barrier.expected != expected || barrier.where != where)
    require(at() + " is at this barrier, and thread " + std::to_string(barrier.waiting.front()) + " at another (" +
            barrier.where + ")");
  barrier.any |= predicate;
  barrier.waiting.push_back(running);
  if (int(barrier.waiting.size()) < expected) {
    pause(Status::AtBarrier, where);
    return threads[size_t(running)].told;
  }
  std::vector<int> passed;
  for (int id : barrier.waiting) {
    threads[size_t(id)].told = barrier.any;
    threads[size_t(id)].status = Status::Ready;
    if (passed.empty() || passed.back() != id / kLanes)
      passed.push_back(id / kLanes);
  }
  joinClocks(passed);
  barrier.waiting.clear();
  return barrier.any;
}

/// Where bulk copies bring what is read, clocks say who has seen it.
void Block::read(const char *source, const char *where) {
  if (maps.empty())
    return require(memory.read(source, {running, where}));
  touch(offsetOf(source), SharedMemory::kGrainBytes, /*writes=*/false, where);
}

void Block::accessShared(const char *address, int64_t bytes, bool isWrite, const char *where) {
  if (bytes != SharedMemory::kGrainBytes)
    require(std::string(where) + ": loads or stores " + std::to_string(bytes) +
            " bytes of shared memory; only whole 16 are simulated");
  require(isWrite ? memory.write(address, {running, where}) : memory.read(address, {running, where}));
}

void Block::accessGlobal(const void *address, int64_t bytes, bool isWrite, const char *where) {
  require(global.access(address, bytes, isWrite, where));
  if (global.isExchanged(address))
    require(isWrite ? exchange().write(address, bytes, now(), where)
                    : exchange().read(address, bytes, now(), acquired, where));
}

int32_t Block::addGlobal(int32_t *address, int32_t value, const char *where) {
  require(global.access(address, sizeof(int32_t), /*isWrite=*/true, where));
  return exchange().add(address, value, now(), acquired, where);
}

void Block::collective(const void *in, void *out, const char *where, void (*execute)(Warp &)) {
  Warp &warp = warps[size_t(running / kLanes)];
  if (warp.arrived && warp.where != where)
    require(std::string(where) + ": the lanes of warp " + std::to_string(running / kLanes) +
            " diverge: others are at " + warp.where);
  warp.where = where;
  warp.in[running % kLanes] = in;
  warp.out[running % kLanes] = out;
  if (++warp.arrived < kLanes)
    return pause(Status::AtCollective, where);
  execute(warp);
  warp.arrived = 0;
  release(running / kLanes * kLanes, kLanes);
}

void Block::copyAsync(char *target, const char *source, int bytes, int valid, const char *where) {
  if (bytes != SharedMemory::kGrainBytes || valid < 0 || valid > bytes)
    require(std::string(where) + ": copies " + std::to_string(valid) + " of " + std::to_string(bytes) +
            " bytes; only whole 16 are simulated");
  if (valid > 0 && reinterpret_cast<uintptr_t>(source) % SharedMemory::kGrainBytes != 0)
    require(std::string(where) + ": the address in global memory is not a multiple of 16");
  if (valid > 0)
    accessGlobal(source, valid, /*isWrite=*/false, where);
  require(memory.beginCopy(target, {running, where}));
  Copy copy{target, {}};
  std::memcpy(copy.bytes, source, size_t(valid));
  threads[size_t(running)].open.push_back(copy);
}

void Block::commitGroup() {
  Thread &thread = threads[size_t(running)];
  thread.groups.push_back(std::move(thread.open));
  thread.open.clear();
}

void Block::waitGroup(int pending) {
  auto &groups = threads[size_t(running)].groups;
  while (int(groups.size()) > pending) {
    for (const Copy &copy : groups.front())
      memory.land(copy.target, copy.bytes);
    groups.erase(groups.begin());
  }
}
