/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Queries, keys and values for gpu-means.mlir, in bf16. */
#ifndef GPU_MEANS_H
#define GPU_MEANS_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { kHeads = 2, kKeys = 5, kSize = 64, kElements = kHeads * kKeys * kSize, kTensors = 4 };
static uint16_t data[kTensors][kElements]; /* query, key, value, out */

/* Exact for the small numbers here: the upper half of a float. */
static uint16_t narrow(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return (uint16_t)(bits >> 16);
}
static float widen(uint16_t value) {
  uint32_t bits = (uint32_t)value << 16;
  float result;
  memcpy(&result, &bits, sizeof result);
  return result;
}

static void fill(void) {
  for (int e = 0; e < kElements; ++e)
    data[2][e] = narrow((float)(e / kSize % kKeys)); /* value row j is j */
}

static void print(void) {
  for (int row = 0; row < kHeads * kKeys; ++row)
    printf("%.1f ", (double)widen(data[3][row * kSize + kSize - 1]));
  printf("\n");
}

#endif
