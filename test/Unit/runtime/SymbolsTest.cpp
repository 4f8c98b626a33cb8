// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the library exports is its promise: the functions of fovea.h and nothing else.
#include <gtest/gtest.h>

#include <cstdio>
#include <set>
#include <string>

TEST(Symbols, OnlyTheDoor) {
  FILE *pipe = popen("nm -D --defined-only --format=posix '" FOVEA_RUNTIME_LIBRARY "' 2>/dev/null", "r");
  ASSERT_TRUE(pipe);
  std::set<std::string> symbols;
  char line[1024], name[1024];
  while (std::fgets(line, sizeof line, pipe))
    if (std::sscanf(line, "%1023s", name) == 1)
      symbols.insert(name);
  if (pclose(pipe) != 0)
    GTEST_SKIP() << "nm is not installed";
  const std::set<std::string> promised = {"fovea_device_alloc",
                                          "fovea_device_close",
                                          "fovea_device_download",
                                          "fovea_device_free",
                                          "fovea_device_get_info",
                                          "fovea_device_open",
                                          "fovea_device_synchronize",
                                          "fovea_device_time",
                                          "fovea_device_upload",
                                          "fovea_error_create",
                                          "fovea_error_destroy",
                                          "fovea_error_location",
                                          "fovea_error_message",
                                          "fovea_kernel_name",
                                          "fovea_kernel_param",
                                          "fovea_kernel_param_count",
                                          "fovea_module_create",
                                          "fovea_module_kernel",
                                          "fovea_module_kernel_at",
                                          "fovea_module_kernel_count",
                                          "fovea_module_release",
                                          "fovea_module_retain",
                                          "fovea_plan_classify",
                                          "fovea_plan_create",
                                          "fovea_plan_destroy",
                                          "fovea_plan_get_stats",
                                          "fovea_plan_tasks",
                                          "fovea_plan_workspace",
                                          "fovea_run",
                                          "fovea_run_slot",
                                          "fovea_status_name",
                                          "fovea_workspace_init"};
  EXPECT_EQ(symbols, promised);
}
