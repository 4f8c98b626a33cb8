// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "RowSum.h"

using namespace fovea::test;

extern "C" int foveaStatusFromC(void);

TEST(Error, HoldsMessageAndLocation) {
  fovea_error *error = fovea_error_create(FOVEA_INVALID, "no such op", "a.mlir:3:4");
  EXPECT_STREQ(fovea_error_message(error), "no such op");
  EXPECT_STREQ(fovea_error_location(error), "a.mlir:3:4");
  fovea_error_destroy(error);
}

TEST(Error, NullIsEmpty) {
  EXPECT_STREQ(fovea_error_message(nullptr), "");
  EXPECT_STREQ(fovea_error_location(nullptr), "");
  fovea_error_destroy(nullptr);
  fovea_error *error = fovea_error_create(FOVEA_INVALID, nullptr, nullptr);
  EXPECT_STREQ(fovea_error_message(error), "");
  EXPECT_STREQ(fovea_error_location(error), "");
  fovea_error_destroy(error);
}

TEST(Error, NamesEveryStatus) {
  const char *const names[] = {"OK",        "INVALID",   "UNSUPPORTED", "OUT_OF_RANGE", "NO_DEVICE",
                               "NO_MEMORY", "CANCELLED", "CORRUPT",     "INTERNAL"};
  for (int status = FOVEA_OK; status <= FOVEA_INTERNAL; ++status)
    EXPECT_STREQ(fovea_status_name(fovea_status(status)), names[status]);
  EXPECT_STREQ(fovea_status_name(fovea_status(15)), "UNKNOWN");
}

TEST(Error, IsOptional) { EXPECT_EQ(fovea_module_create(nullptr, nullptr, nullptr, nullptr, nullptr), FOVEA_INVALID); }

TEST(Error, ReachesC) { EXPECT_EQ(foveaStatusFromC(), FOVEA_INVALID); }
