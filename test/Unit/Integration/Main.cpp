// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Harness.h"

namespace {

/// How close to its bound the worst result was: a bound that nothing comes near is too loose to find anything.
struct WorstRatio : testing::Environment {
  void TearDown() override {
    std::printf("worst error: %.3f of its bound\n", fovea::test::worstRatio());
    testing::Test::RecordProperty("worst_error_ratio", std::to_string(fovea::test::worstRatio()));
  }
};

} // namespace

int main(int argc, char **argv) {
  testing::InitGoogleTest(&argc, argv);
  testing::AddGlobalTestEnvironment(new WorstRatio);
  return RUN_ALL_TESTS();
}
