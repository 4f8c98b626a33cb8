// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Peak.h"

#include "gtest/gtest.h"

TEST(Peak, isThatOfAProcessor) {
  auto peak = fovea::run::measurePeak(1, 1e-3);
  if (!peak)
    GTEST_SKIP() << "no multiply-add instruction that we know";
  EXPECT_GT(*peak, 0.5);
  EXPECT_LT(*peak, 5000);
}
