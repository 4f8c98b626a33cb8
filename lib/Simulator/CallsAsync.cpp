// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What compiled code for sm_90a calls beside Calls.cpp.
#include "Block.h"
#include "Calls.h"
#include "fovea/Simulator/Simulator.h"
#include "fovea/fovea_abi.h"

using namespace fovea::simulator;

extern "C" {

static void fovea_sim_add_tensor_map(const fovea_value *tensor, const int64_t *box, int64_t swizzleBytes) {
  currentBlock().addTensorMap(*tensor, {box[0], box[1], box[2], box[3]}, swizzleBytes);
}

static int32_t fovea_sim_drop_refused_maps() { return currentBlock().dropRefusedMaps(); }

static const void *fovea_sim_tensor_map(int32_t which, const char *where) {
  return currentBlock().tensorMap(which, where);
}

static void fovea_sim_mbarrier_init(const char *barrier, int32_t count, const char *where) {
  Block &block = currentBlock();
  block.initializeMbarrier(block.offsetOf(barrier), count, where);
}

static void fovea_sim_fence_mbarrier_init() { currentBlock().fenceMbarrierInits(); }

static void fovea_sim_mbarrier_arrive(const char *barrier, int32_t bytes, const char *where) {
  Block &block = currentBlock();
  block.arrive(block.offsetOf(barrier), bytes, where);
}

static void fovea_sim_mbarrier_wait(const char *barrier, int32_t parity, const char *where) {
  Block &block = currentBlock();
  block.awaitPhase(block.offsetOf(barrier), parity, where);
}

/// Coordinates as PTX has them, the innermost first.
static void fovea_sim_copy_tensor(const char *target, const void *map, int32_t x, int32_t y, int32_t z, int32_t w,
                                  const char *barrier, const char *where) {
  Block &block = currentBlock();
  block.copyTensor(block.offsetOf(target), *static_cast<const TensorMap *>(map), {w, z, y, x}, block.offsetOf(barrier),
                   where);
}

static float fovea_sim_wgmma(const ProductOperands *operands, const float *acc, float first, const char *where) {
  return currentBlock().issueProduct(*operands, acc, first, where);
}

static void fovea_sim_wgmma_commit() { currentBlock().commitProducts(); }

static void fovea_sim_wgmma_wait(int32_t pending, const float *acc, float first, int32_t count, float *out,
                                 const char *where) {
  // Lanes of a warp wait together: their clock is one, and no lane may be past the wait when another is not there yet.
  currentBlock().collective(nullptr, nullptr, where, [](Block::Warp &) {});
  currentBlock().awaitProducts(pending, acc, first, count, out, where);
}

static void fovea_sim_wgmma_fence() { currentBlock().fenceRegisters(); }
static void fovea_sim_fence_proxy() { currentBlock().fenceProxy(); }

static void fovea_sim_set_registers(int32_t count, int32_t isIncrease, const char *where) {
  currentBlock().setRegisters(count, isIncrease, where);
}

static void fovea_sim_touch(const char *address, int64_t bytes, int32_t writes, const char *where) {
  Block &block = currentBlock();
  block.touch(block.offsetOf(address), bytes, writes, where);
}
}

std::vector<Symbol> fovea::simulator::asyncSymbols() {
  return {FOVEA_SYMBOL(fovea_sim_add_tensor_map),
          FOVEA_SYMBOL(fovea_sim_drop_refused_maps),
          FOVEA_SYMBOL(fovea_sim_tensor_map),
          FOVEA_SYMBOL(fovea_sim_mbarrier_init),
          FOVEA_SYMBOL(fovea_sim_fence_mbarrier_init),
          FOVEA_SYMBOL(fovea_sim_mbarrier_arrive),
          FOVEA_SYMBOL(fovea_sim_mbarrier_wait),
          FOVEA_SYMBOL(fovea_sim_copy_tensor),
          FOVEA_SYMBOL(fovea_sim_wgmma),
          FOVEA_SYMBOL(fovea_sim_wgmma_commit),
          FOVEA_SYMBOL(fovea_sim_wgmma_wait),
          FOVEA_SYMBOL(fovea_sim_wgmma_fence),
          FOVEA_SYMBOL(fovea_sim_fence_proxy),
          FOVEA_SYMBOL(fovea_sim_set_registers),
          FOVEA_SYMBOL(fovea_sim_touch)};
}
