// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Plan.h"

extern "C" fovea_status fovea_plan_classify(const fovea_plan *plan, int64_t b, int64_t h, int64_t row_begin,
                                            int64_t row_end, int64_t key_begin, int64_t key_end, int32_t *result) {
  if (!plan || !result)
    return FOVEA_INVALID;
  const int32_t answer =
      plan->kernel->table->classify(plan->values.data(), b, h, row_begin, row_end, key_begin, key_end);
  if (answer < 0)
    return FOVEA_OUT_OF_RANGE;
  if (answer > FOVEA_TILE_FULL)
    return FOVEA_INTERNAL;
  *result = answer;
  return FOVEA_OK;
}
