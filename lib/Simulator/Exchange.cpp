// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Exchange.h"

#include "fovea/Simulator/Simulator.h"

#include <algorithm>

using namespace fovea::simulator;

constexpr uintptr_t kWordBytes = 4;

Exchange &fovea::simulator::exchange() {
  static Exchange ofAll;
  return ofAll;
}

std::string Exchange::read(const void *address, int64_t bytes, const Moment &now, const Acquired &acquired,
                           const char *where) const {
  std::lock_guard<std::mutex> lock(mutex);
  auto begin = reinterpret_cast<uintptr_t>(address);
  for (uintptr_t word = begin; word < begin + uintptr_t(bytes); word += kWordBytes) {
    auto found = words.find(word);
    if (found == words.end())
      return std::string(where) + ": reads a partial result that no block has written";
    const Write &write = found->second;
    std::string writer = "what thread " + std::to_string(write.by.thread) + " (" + write.where + ")";
    if (write.by.block == now.block) {
      if (!write.by.isBefore(now))
        return std::string(where) + ": race: reads " + writer +
               " of its block has written, without a barrier in between";
      continue;
    }
    auto isSeen = [&](const Acquired::Pair &pair) {
      return write.by.isBefore(pair.released) && pair.acquired.isBefore(now);
    };
    if (!std::any_of(acquired.all.begin(), acquired.all.end(), isSeen))
      return std::string(where) + ": race: reads " + writer +
             " of another block has written: it was not released behind that, or is not acquired before this";
  }
  return {};
}

std::string Exchange::write(const void *address, int64_t bytes, const Moment &now, const char *where) {
  std::lock_guard<std::mutex> lock(mutex);
  auto begin = reinterpret_cast<uintptr_t>(address);
  for (uintptr_t word = begin; word < begin + uintptr_t(bytes); word += kWordBytes) {
    releases.erase(word); // a counter begins anew
    Write &write = words[word];
    if (write.where && write.by.block == now.block && !write.by.isBefore(now))
      return std::string(where) + ": race: overwrites what thread " + std::to_string(write.by.thread) + " (" +
             write.where + ") of its block has written, without a barrier in between";
    write = {now, where};
  }
  return {};
}

void Acquired::fence(const Moment &now) {
  fences[now.thread] = now;
  for (const Moment &moment : seen[now.thread])
    all.push_back({moment, now});
  seen[now.thread].clear();
}

int32_t Exchange::add(int32_t *address, int32_t value, const Moment &now, Acquired &acquired, const char *where) {
  std::lock_guard<std::mutex> lock(mutex);
  auto at = reinterpret_cast<uintptr_t>(address);
  std::vector<Moment> &released = releases[at], &seen = acquired.seen[now.thread];
  seen.insert(seen.end(), released.begin(), released.end());
  if (auto fence = acquired.fences.find(now.thread); fence != acquired.fences.end())
    released.push_back(fence->second);
  words[at] = {now, where};
  return __atomic_fetch_add(address, value, __ATOMIC_ACQ_REL);
}

void Exchange::forget() {
  std::lock_guard<std::mutex> lock(mutex);
  words.clear();
  releases.clear();
}

void fovea::simulator::forgetExchanges() { exchange().forget(); }
