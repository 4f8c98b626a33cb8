// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What sm_90 does beside its threads: mbarriers, bulk copies of tensors, products of warpgroups.
#include "Block.h"

#include <cstring>

using namespace fovea::simulator;

static std::string at(const char *where, const std::string &what) { return std::string(where) + ": " + what; }

void Block::resetAsync(int64_t sharedBytes) {
  size_t warpCount = warps.size(), warpgroups = (warpCount + Warpgroup::kWarps - 1) / Warpgroup::kWarps;
  maps = std::move(nextMaps);
  nextMaps.clear();
  for (std::string *fault : {&mapFault, &refusal}) {
    if (!fault->empty())
      fail(*fault);
    fault->clear();
  }
  if (!maps.empty()) // the shadow is large, and only code with bulk copies has use for it
    clocked.reset(memory.data(), sharedBytes, int(warpCount));
  clocks.assign(warpCount, VectorClock());
  for (size_t warp = 0; warp < warpCount; ++warp)
    clocks[warp][int(warp)] = 1;
  mbarriers.reset();
  copies.clear();
  products.clear();
  products.resize(warpgroups);
  registers.assign(warpCount, 0);
}

void Block::joinClocks(const std::vector<int> &of) {
  VectorClock all;
  for (int warp : of)
    all.join(clocks[size_t(warp)]);
  for (int warp : of) {
    clocks[size_t(warp)] = all;
    ++clocks[size_t(warp)][warp];
  }
}

void Block::addTensorMap(const fovea_value &tensor, std::array<int64_t, 4> box, int64_t swizzleBytes) {
  nextMaps.emplace_back(box, swizzleBytes);
  auto note = [&](const std::string &fault, std::string &first) {
    if (!fault.empty() && first.empty())
      first = "tensor map " + std::to_string(nextMaps.size() - 1) + " cannot be made: " + fault;
  };
  note(nextMaps.back().checkBox(), mapFault);
  note(nextMaps.back().encode(tensor), refusal);
}

bool Block::dropRefusedMaps() {
  if (refusal.empty())
    return false;
  nextMaps.clear();
  refusal.clear();
  return true;
}

const TensorMap *Block::tensorMap(int which, const char *where) {
  if (which < 0 || size_t(which) >= maps.size())
    require(at(where, "there is no tensor map " + std::to_string(which)));
  return &maps[size_t(which)];
}

void Block::initializeMbarrier(int64_t offset, int arrivals, const char *where) {
  constexpr int64_t kBytes = 8;
  int warp = running / kLanes;
  if (!maps.empty())
    require(clocked.checkPlace(offset, kBytes, where));
  require(mbarriers.initialize(offset, arrivals, {warp, clock()[warp], where}));
}

Mbarrier *Block::findMbarrier(int64_t offset, const char *where) {
  Mbarrier *barrier = nullptr;
  require(mbarriers.find(offset, running / kLanes, clock(), where, barrier));
  return barrier;
}

void Block::wake(Status status, const std::function<bool(const Thread &)> &isConcerned) {
  for (int id = 0; id < count; ++id)
    if (threads[size_t(id)].status == status && isConcerned(threads[size_t(id)]))
      threads[size_t(id)].status = Status::Ready;
}

void Block::advance(Mbarrier &barrier) {
  if (Mbarriers::advance(barrier))
    wake(Status::AtMbarrier, [&](const Thread &thread) { return thread.awaited == &barrier; });
}

void Block::arrive(int64_t offset, int64_t bytes, const char *where) {
  Mbarrier *barrier = findMbarrier(offset, where);
  require(mbarriers.arrive(*barrier, clock(), where));
  barrier->bytes += bytes;
  ++clock()[running / kLanes]; // what follows is not released
  advance(*barrier);
}

void Block::awaitPhase(int64_t offset, int parity, const char *where) {
  Mbarrier *barrier = findMbarrier(offset, where);
  if (parity != 0 && parity != 1)
    require(at(where, "a parity of " + std::to_string(parity)));
  while (!barrier->isOver(parity)) {
    threads[size_t(running)].awaited = barrier;
    pause(Status::AtMbarrier, where);
  }
  clock().join(barrier->released[parity]);
  uint32_t &seen = clock()[mbarrierActor(barrier->index)];
  seen = std::max(seen, barrier->phase);
}

void Block::copyTensor(int64_t target, const TensorMap &map, std::array<int64_t, 4> place, int64_t barrierOffset,
                       const char *where) {
  constexpr int64_t kAlignment = 128;
  Mbarrier *barrier = findMbarrier(barrierOffset, where);
  if (!barrier->isFenced)
    require(at(where, "the async proxy does not see " + barrier->describe() +
                          ": fence.mbarrier_init is missing behind its initialisation (" + barrier->made.where + ")"));
  if (target % kAlignment != 0)
    require(at(where, "byte " + std::to_string(target) + " of shared memory is not a multiple of 128"));
  Step landing{mbarrierActor(barrier->index), barrier->phase + 1, where};
  int warp = running / kLanes;
  map.forEachChunk(target, place, [&](int64_t offset, const char *) {
    require(clocked.beginBulk(offset, warp, clock(), landing, where));
  });
  copies.push_back({target, &map, place, barrier, where});
}

void Block::landCopy(size_t which) {
  TensorCopy copy = copies[which];
  copies.erase(copies.begin() + ptrdiff_t(which));
  static const char zeros[TensorMap::kChunkBytes] = {};
  copy.map->forEachChunk(copy.target, copy.at,
                         [&](int64_t offset, const char *source) { clocked.land(offset, source ? source : zeros); });
  copy.barrier->bytes -= copy.map->bytes();
  hasMoved = true;
  advance(*copy.barrier);
}

float Block::issueProduct(const ProductOperands &operands, const float *acc, float first, const char *where) {
  Thread &thread = threads[size_t(running)];
  if (thread.hasTouchedRegisters)
    require(at(where, "thread " + std::to_string(running) +
                          " has changed registers of products, or what becomes one, since its last wgmma.fence"));
  Products &group = products[size_t(running / Warpgroup::kThreads)];
  std::string fault;
  float name =
      group.unit.issue(running % Warpgroup::kThreads, thread.products++, operands, acc, first, clock(), where, fault);
  require(fault);
  if (group.unit.isIssued(thread.products))
    wake(Status::AtProducts,
         [&](const Thread &other) { return other.id / Warpgroup::kThreads == running / Warpgroup::kThreads; });
  return name;
}

void Block::commitProducts() {
  Thread &thread = threads[size_t(running)];
  thread.committed.push_back(thread.products);
}

/// Those before `end`, each with a step of its own in the clocks of the warps that read for it.
void Block::computeProducts(int warpgroup, int end) {
  Products &group = products[size_t(warpgroup)];
  int firstWarp = warpgroup * Warpgroup::kWarps;
  std::string fault;
  Warpgroup::Memory source{memory.data(), [&](int64_t offset, const VectorClock *seen, const char *where) {
                             std::string found;
                             for (int k = 0; k < Warpgroup::kWarps && found.empty(); ++k)
                               found = clocked.readAsync(offset, firstWarp + k, seen[k],
                                                         clocks[size_t(firstWarp + k)][firstWarp + k], where);
                             return found;
                           }};
  while (group.unit.next() < end && fault.empty()) {
    std::array<uint32_t, Warpgroup::kWarps> steps;
    for (int k = 0; k < Warpgroup::kWarps; ++k)
      steps[size_t(k)] = ++clocks[size_t(firstWarp + k)][firstWarp + k];
    group.steps.push_back(steps);
    group.unit.computeNext(source, fault);
  }
  require(fault);
}

void Block::awaitProducts(int pending, const float *acc, float first, int values, float *out, const char *where) {
  Thread &thread = threads[size_t(running)];
  int warpgroup = running / Warpgroup::kThreads;
  Products &group = products[size_t(warpgroup)];
  int groups = int(thread.committed.size());
  int end = groups > pending ? thread.committed[size_t(groups - 1 - pending)] : 0;
  while (!group.unit.isIssued(end))
    pause(Status::AtProducts, where);
  computeProducts(warpgroup, end);
  if (end > 0) // a product is over when it is so for the whole warpgroup
    for (int k = 0; k < Warpgroup::kWarps; ++k) {
      uint32_t &seen = clock()[warpgroup * Warpgroup::kWarps + k];
      seen = std::max(seen, group.steps[size_t(end - 1)][size_t(k)]);
    }
  thread.hasTouchedRegisters = true;
  if (!group.unit.collect(running % Warpgroup::kThreads, acc, first, values, out))
    require(at(where, "waits for too little: products that these accumulators are of may be on their way with " +
                          std::to_string(pending) + " groups pending"));
}

void Block::usePair(float low, float high, const char *where) {
  Thread &thread = threads[size_t(running)];
  thread.hasTouchedRegisters = true;
  const Warpgroup &unit = products[size_t(running / Warpgroup::kThreads)].unit;
  for (float value : {low, high})
    if (const char *product = unit.pendingAt(value))
      require(at(where, std::string("reads an accumulator of a product (") + product +
                            ") that no wgmma.wait_group has waited for"));
}

void Block::touch(int64_t offset, int64_t bytes, bool writes, const char *where) {
  if (maps.empty())
    return; // nothing is watched
  int warp = running / kLanes;
  require(writes ? clocked.write(offset, bytes, warp, clock(), where)
                 : clocked.read(offset, bytes, warp, clock(), where));
}

void Block::setRegisters(int wanted, bool isIncrease, const char *where) {
  constexpr int kUnit = 8, kLeast = 24, kMost = 256, kAll = 64 << 10;
  int launched = std::min(kAll / count / kUnit * kUnit, kMost - 1), &own = registers[size_t(running / kLanes)];
  if (wanted % kUnit != 0 || wanted < kLeast || wanted > kMost)
    require(at(where, std::to_string(wanted) + " registers; multiples of 8 from 24 to 256 are possible"));
  int before = own ? own : launched;
  if (own != wanted && (isIncrease ? wanted < before : wanted > before))
    require(at(where, "from " + std::to_string(before) + " registers to " + std::to_string(wanted) + " is no " +
                          (isIncrease ? "increase" : "decrease")));
  own = wanted;
}

void Block::checkEnd() {
  if (!copies.empty())
    return fail(at(copies.front().where, "this copy is still on its way when the block ends"));
  constexpr int kAll = 64 << 10;
  int used = 0, launched = kAll / count / 8 * 8;
  bool isTraded = false;
  for (int own : registers) {
    used += kLanes * (own ? own : launched);
    isTraded |= own != 0;
  }
  if (isTraded && used > kAll)
    fail("its warpgroups ask for " + std::to_string(used) + " registers, and there are 65536");
}
