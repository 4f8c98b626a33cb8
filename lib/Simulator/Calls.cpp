// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What compiled code calls, one function for each operation of PTX. --convert-nvvm-to-simulator declares them.
#include "Calls.h"
#include "Block.h"
#include "SixteenBits.h"
#include "fovea/fovea_abi.h"

#include <cstring>

using namespace fovea::simulator;

namespace {

struct MmaOperands {
  uint32_t a[4], b[2];
  float c[4];
};

/// D = A B + C; lane 4 g + t holds what PTX's fragment tables say.
template <bool isBFloat> void executeMma(Block::Warp &warp) {
  float a[16][16], b[16][8], c[16][8];
  auto low = [](uint32_t pair) { return widen(uint16_t(pair), isBFloat); };
  auto high = [](uint32_t pair) { return widen(uint16_t(pair >> 16), isBFloat); };
  for (int lane = 0; lane < kLanes; ++lane) {
    const auto &x = *static_cast<const MmaOperands *>(warp.in[lane]);
    int g = lane / 4, t = lane % 4 * 2;
    for (int part = 0; part < 4; ++part) {
      int row = g + part % 2 * 8, column = t + part / 2 * 8;
      a[row][column] = low(x.a[part]);
      a[row][column + 1] = high(x.a[part]);
      c[g + part / 2 * 8][t + part % 2] = x.c[part];
    }
    for (int part = 0; part < 2; ++part) {
      b[t + part * 8][g] = low(x.b[part]);
      b[t + part * 8 + 1][g] = high(x.b[part]);
    }
  }
  for (int row = 0; row < 16; ++row)
    for (int k = 0; k < 16; ++k)
      for (int column = 0; column < 8; ++column)
        c[row][column] += a[row][k] * b[k][column];
  for (int lane = 0; lane < kLanes; ++lane)
    for (int part = 0; part < 4; ++part)
      static_cast<float *>(warp.out[lane])[part] = c[lane / 4 + part / 2 * 8][lane % 4 * 2 + part % 2];
}

/// Four 8 x 8 matrices; lanes 8 m to 8 m + 7 point to the rows of matrix m.
template <bool isTransposed> void executeLdmatrix(Block::Warp &warp) {
  for (int matrix = 0; matrix < 4; ++matrix) {
    uint16_t m[8][8];
    for (int row = 0; row < 8; ++row)
      std::memcpy(m[row], warp.in[matrix * 8 + row], sizeof m[row]);
    for (int lane = 0; lane < kLanes; ++lane) {
      int g = lane / 4, t = lane % 4 * 2;
      uint32_t low = isTransposed ? m[t][g] : m[g][t], high = isTransposed ? m[t + 1][g] : m[g][t + 1];
      static_cast<uint32_t *>(warp.out[lane])[matrix] = low | high << 16;
    }
  }
}

struct ShuffleOperands {
  float value;
  int32_t lanes;
};

void executeShuffle(Block::Warp &warp) {
  for (int lane = 0; lane < kLanes; ++lane) {
    const auto &x = *static_cast<const ShuffleOperands *>(warp.in[lane]);
    *static_cast<float *>(warp.out[lane]) =
        static_cast<const ShuffleOperands *>(warp.in[(lane ^ x.lanes) % kLanes])->value;
  }
}

} // namespace

extern "C" {

typedef int32_t (*fovea_sim_body)(const fovea_value *, const fovea_task *, char *);

static int32_t fovea_sim_run(fovea_sim_body body, const fovea_value *values, const fovea_task *task, int32_t threads,
                             int64_t sharedBytes, int64_t seed, const char *name, const TensorTable *tensors,
                             const char *tensorNames) {
  currentBlock().tensors().reset(values, tensors, tensorNames);
  std::string block = std::string("kernel ") + name + ", block (" + std::to_string(task->index[0]) + ", " +
                      std::to_string(task->index[1]) + ", " + std::to_string(task->index[2]) + ")";
  return currentBlock().run([&] { body(values, task, nullptr); }, threads, sharedBytes, uint64_t(seed), block) ? 0 : 1;
}

static int32_t fovea_sim_thread_id() { return currentBlock().threadId(); }
static char *fovea_sim_shared() { return currentBlock().shared(); }
static void fovea_sim_cp_async(char *target, const char *source, int32_t bytes, int32_t valid, const char *where) {
  currentBlock().copyAsync(target, source, bytes, valid, where);
}
static void fovea_sim_global_read(const void *address, int64_t bytes, const char *where) {
  currentBlock().accessGlobal(address, bytes, /*isWrite=*/false, where);
}
static void fovea_sim_global_write(const void *address, int64_t bytes, const char *where) {
  currentBlock().accessGlobal(address, bytes, /*isWrite=*/true, where);
}
static void fovea_sim_shared_read(const char *address, int64_t bytes, const char *where) {
  currentBlock().accessShared(address, bytes, /*isWrite=*/false, where);
}
static void fovea_sim_shared_write(const char *address, int64_t bytes, const char *where) {
  currentBlock().accessShared(address, bytes, /*isWrite=*/true, where);
}
static void fovea_sim_commit_group() { currentBlock().commitGroup(); }
static void fovea_sim_wait_group(int32_t pending) { currentBlock().waitGroup(pending); }
static void fovea_sim_barrier(const char *where) { currentBlock().barrier(where); }
static int32_t fovea_sim_barrier_or(int32_t predicate, const char *where) {
  return currentBlock().barrierOr(predicate != 0, where);
}
static int32_t fovea_sim_barrier_of_some(int32_t barrier, int32_t threads, int32_t predicate, const char *where) {
  return currentBlock().barrierOfSome(barrier, threads, predicate != 0, where);
}
static int32_t fovea_sim_global_add(int32_t *address, int32_t value, const char *where) {
  return currentBlock().addGlobal(address, value, where);
}
static void fovea_sim_fence() { currentBlock().fence(); }

static float fovea_sim_shuffle_xor(float value, int32_t lanes, int32_t members, int32_t clamp, const char *where) {
  ShuffleOperands in{value, lanes};
  float out;
  if (members != -1 || clamp != kLanes - 1)
    currentBlock().require(std::string(where) +
                           ": a shuffle among some lanes of a warp; only one among all is simulated");
  currentBlock().collective(&in, &out, where, executeShuffle);
  return out;
}

static void fovea_sim_ldmatrix(const char *row, int32_t isTransposed, uint32_t *out, const char *where) {
  Block &block = currentBlock();
  block.read(row, where);
  block.collective(row, out, where, isTransposed ? executeLdmatrix<true> : executeLdmatrix<false>);
}

static void fovea_sim_mma(const MmaOperands *in, float *out, int32_t isBFloat, const char *where) {
  currentBlock().collective(in, out, where, isBFloat ? executeMma<true> : executeMma<false>);
}

static uint32_t fovea_sim_pack(float low, float high, int32_t isBFloat, const char *where) {
  currentBlock().usePair(low, high, where);
  return uint32_t(narrow(low, isBFloat)) | uint32_t(narrow(high, isBFloat)) << 16;
}
}

const std::vector<Symbol> &fovea::simulator::symbols() {
  static const std::vector<Symbol> all = [] {
    std::vector<Symbol> known = {FOVEA_SYMBOL(fovea_sim_run),
                                 FOVEA_SYMBOL(fovea_sim_thread_id),
                                 FOVEA_SYMBOL(fovea_sim_shared),
                                 FOVEA_SYMBOL(fovea_sim_cp_async),
                                 FOVEA_SYMBOL(fovea_sim_commit_group),
                                 FOVEA_SYMBOL(fovea_sim_wait_group),
                                 FOVEA_SYMBOL(fovea_sim_barrier),
                                 FOVEA_SYMBOL(fovea_sim_shuffle_xor),
                                 FOVEA_SYMBOL(fovea_sim_ldmatrix),
                                 FOVEA_SYMBOL(fovea_sim_mma),
                                 FOVEA_SYMBOL(fovea_sim_pack),
                                 FOVEA_SYMBOL(fovea_sim_global_read),
                                 FOVEA_SYMBOL(fovea_sim_global_write),
                                 FOVEA_SYMBOL(fovea_sim_global_add),
                                 FOVEA_SYMBOL(fovea_sim_barrier_or),
                                 FOVEA_SYMBOL(fovea_sim_fence),
                                 FOVEA_SYMBOL(fovea_sim_shared_read),
                                 FOVEA_SYMBOL(fovea_sim_shared_write),
                                 FOVEA_SYMBOL(fovea_sim_barrier_of_some)};
    for (const Symbol &symbol : asyncSymbols())
      known.push_back(symbol);
    return known;
  }();
  return all;
}
