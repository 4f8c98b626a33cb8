// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Peak.h"

#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

namespace {

struct FmaLoop {
  void (*run)(int64_t iterations);
  double flopsPerIteration;
};

constexpr float kFactor = 0.999f, kAddend = 1e-6f; // the chains stay near 1e-3: no denormals, no infinities

#if defined(__x86_64__)
// Fourteen chains hide a latency of up to seven cycles at two per cycle. Registers are named in the text, so that the
// file needs no -mavx512f; xmm names in the clobber list cover their wide forms.
#define FOVEA_CHAINS(R)                                                                                                \
  "vfmadd231ps %%" R "15, %%" R "14, %%" R "0\n vfmadd231ps %%" R "15, %%" R "14, %%" R "1\n"                          \
  "vfmadd231ps %%" R "15, %%" R "14, %%" R "2\n vfmadd231ps %%" R "15, %%" R "14, %%" R "3\n"                          \
  "vfmadd231ps %%" R "15, %%" R "14, %%" R "4\n vfmadd231ps %%" R "15, %%" R "14, %%" R "5\n"                          \
  "vfmadd231ps %%" R "15, %%" R "14, %%" R "6\n vfmadd231ps %%" R "15, %%" R "14, %%" R "7\n"                          \
  "vfmadd231ps %%" R "15, %%" R "14, %%" R "8\n vfmadd231ps %%" R "15, %%" R "14, %%" R "9\n"                          \
  "vfmadd231ps %%" R "15, %%" R "14, %%" R "10\n vfmadd231ps %%" R "15, %%" R "14, %%" R "11\n"                        \
  "vfmadd231ps %%" R "15, %%" R "14, %%" R "12\n vfmadd231ps %%" R "15, %%" R "14, %%" R "13\n"
#define FOVEA_FMA_LOOP(NAME, R)                                                                                        \
  void NAME(int64_t iterations) {                                                                                      \
    asm volatile("vbroadcastss %1, %%" R "14\n vbroadcastss %2, %%" R "15\n"                                           \
                 "vxorps %%xmm0, %%xmm0, %%xmm0\n vxorps %%xmm1, %%xmm1, %%xmm1\n vxorps %%xmm2, %%xmm2, %%xmm2\n"     \
                 "vxorps %%xmm3, %%xmm3, %%xmm3\n vxorps %%xmm4, %%xmm4, %%xmm4\n vxorps %%xmm5, %%xmm5, %%xmm5\n"     \
                 "vxorps %%xmm6, %%xmm6, %%xmm6\n vxorps %%xmm7, %%xmm7, %%xmm7\n vxorps %%xmm8, %%xmm8, %%xmm8\n"     \
                 "vxorps %%xmm9, %%xmm9, %%xmm9\n vxorps %%xmm10, %%xmm10, %%xmm10\n"                                  \
                 "vxorps %%xmm11, %%xmm11, %%xmm11\n vxorps %%xmm12, %%xmm12, %%xmm12\n"                               \
                 "vxorps %%xmm13, %%xmm13, %%xmm13\n"                                                                  \
                 ".p2align 5\n1:\n" FOVEA_CHAINS(R) FOVEA_CHAINS(R) "dec %0\n jnz 1b\n vzeroupper\n"                   \
                 : "+r"(iterations)                                                                                    \
                 : "m"(kFactor), "m"(kAddend)                                                                          \
                 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",   \
                   "xmm12", "xmm13", "xmm14", "xmm15", "cc");                                                          \
  }
FOVEA_FMA_LOOP(fmaLoop512, "zmm")
FOVEA_FMA_LOOP(fmaLoop256, "ymm")

FmaLoop widestLoop() {
  constexpr double kFmas = 28; // per iteration; a multiply-add is two operations
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f"))
    return {fmaLoop512, kFmas * 16 * 2};
  if (__builtin_cpu_supports("fma"))
    return {fmaLoop256, kFmas * 8 * 2};
  return {nullptr, 0};
}
#elif defined(__aarch64__)
#define FOVEA_CHAIN(N) "fmla v" #N ".4s, v30.4s, v31.4s\n"
void fmaLoopNeon(int64_t iterations) {
  asm volatile("ld1r {v30.4s}, [%1]\n ld1r {v31.4s}, [%2]\n 1:\n"                                            //
               FOVEA_CHAIN(0) FOVEA_CHAIN(1) FOVEA_CHAIN(2) FOVEA_CHAIN(3) FOVEA_CHAIN(4) FOVEA_CHAIN(5)     //
               FOVEA_CHAIN(6) FOVEA_CHAIN(7) FOVEA_CHAIN(16) FOVEA_CHAIN(17) FOVEA_CHAIN(18) FOVEA_CHAIN(19) //
               FOVEA_CHAIN(20) FOVEA_CHAIN(21) FOVEA_CHAIN(22) FOVEA_CHAIN(23) FOVEA_CHAIN(24)               //
               FOVEA_CHAIN(25) FOVEA_CHAIN(26) FOVEA_CHAIN(27)                                               //
               "subs %0, %0, #1\n b.ne 1b\n"
               : "+r"(iterations)
               : "r"(&kFactor), "r"(&kAddend)
               : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23",
                 "v24", "v25", "v26", "v27", "v30", "v31", "cc", "memory");
}
FmaLoop widestLoop() { return {fmaLoopNeon, 20 * 4 * 2}; }
#else
FmaLoop widestLoop() { return {nullptr, 0}; }
#endif

double secondsOf(const FmaLoop &loop, unsigned threads, int64_t iterations) {
  auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> others;
  for (unsigned t = 1; t < threads; ++t)
    others.emplace_back(loop.run, iterations);
  loop.run(iterations);
  for (std::thread &other : others)
    other.join();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

} // namespace

std::optional<double> fovea::run::measurePeak(unsigned threads, double seconds) {
  static const FmaLoop loop = widestLoop();
  if (!loop.run)
    return std::nullopt;
  constexpr int64_t kProbe = 20000;
  static const double perIteration = secondsOf(loop, 1, kProbe) / double(kProbe);
  int64_t iterations = int64_t(seconds / perIteration) + 1;
  double taken = secondsOf(loop, threads, iterations);
  return double(threads) * double(iterations) * loop.flopsPerIteration / taken * 1e-9;
}
