// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_SIMULATOR_WGMMA_H
#define FOVEA_LIB_SIMULATOR_WGMMA_H

#include "Clock.h"

#include <deque>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

namespace fovea::simulator {

/// What wgmma.mma_async says besides its registers. Compiled code makes it: see --convert-nvvm-to-simulator.
struct ProductOperands {
  uint64_t a, b;        // matrix descriptors; a: if not from registers
  uint32_t fragment[4]; // of A, if from registers
  int32_t columns;
  int32_t isBFloat, isFromRegisters, isTransposed, adds; // isTransposed: the rows of B are the depth

  bool isLike(const ProductOperands &other) const;
};

/// A warpgroup's products on their way. A product is computed when someone waits for it, as late as possible, when all
/// 128 threads have issued it. Until then each of its accumulator registers holds a NaN that names it: whatever is
/// computed of that shows.
class Warpgroup {
public:
  static constexpr int kThreads = 128, kWarps = 4;

  /// Of one 16-byte chunk of shared memory that a product reads: checks, and says what is wrong, or nothing.
  struct Memory {
    const char *data;
    std::function<std::string(int64_t offset, const VectorClock *seen, const char *where)> read;
  };

  /// Thread `thread` of the warpgroup issues product `number`, the same number in every thread. `acc` has one value for
  /// each two columns, or null: then all of them are `first`. Gives back what the registers hold now.
  float issue(int thread, int number, const ProductOperands &operands, const float *acc, float first,
              const VectorClock &seen, const char *where, std::string &fault);
  /// All threads have issued the products before `end`.
  bool isIssued(int end) const;
  /// Products before this one are computed.
  int next() const { return done; }
  void computeNext(const Memory &memory, std::string &fault);
  /// `acc` as issue takes it, to `out`: of products that were computed; false if some of them is on its way.
  bool collect(int thread, const float *acc, float first, int count, float *out) const;

  /// Where the product was issued that an accumulator with this value waits for; null if it is a number.
  const char *pendingAt(float value) const;

private:
  struct Product {
    ProductOperands operands = {};
    int chain = 0, issued = 0;
    const char *where = nullptr;
    std::vector<std::array<uint32_t, 4>> fragments; // of each thread
    VectorClock seen[kWarps];
  };
  struct Chain { // of products that add to the same accumulators
    std::vector<float> values;
    int last = 0; // product
    const char *where = nullptr;
  };

  void compute(const Product &product, const Memory &memory, std::string &fault);

  std::deque<Product> products; // from number `done` on
  int done = 0;
  std::unordered_map<int, Chain> chains; // by the number of their first product
};

} // namespace fovea::simulator

#endif
