// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loaded by the fake driver where FOVEA_FAKE_SOURCE names a file: its launches execute that file's kernels.
#include "SimulatedKernels.h"
#include "fovea/fovea_compile.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

static fovea_module *compileSource() {
  std::ifstream file(std::getenv("FOVEA_FAKE_SOURCE"));
  std::stringstream text;
  text << file.rdbuf();
  fovea_compile_options options = {};
  options.struct_size = sizeof options;
  const char *arch = std::getenv("FOVEA_FAKE_ARCH");
  const std::string target = std::string("sim:") + (arch ? arch : "sm_80");
  options.target = target.c_str();
  fovea_module *module = nullptr;
  fovea_error *error = nullptr;
  if (fovea_compile(text.str().data(), text.str().size(), &options, &module, &error) != FOVEA_OK) {
    std::fprintf(stderr, "fake driver: %s\n", fovea_error_message(error));
    std::abort();
  }
  return module;
}

__attribute__((constructor)) static void install() {
  fovea::fake::onLaunch([](const fovea::fake::Launch &launch) {
    static fovea_module *module = compileSource();
    return fovea::fake::executeLaunch(module, launch);
  });
}
