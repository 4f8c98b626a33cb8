// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_TOOLS_FOVEARUN_OPTIONS_H
#define FOVEA_TOOLS_FOVEARUN_OPTIONS_H

#include <cstdint>
#include <string>
#include <vector>

namespace fovea::run {

struct Options {
  std::string file;      // "-": standard input
  std::string reference; // empty: `file` itself
  std::string function;  // empty: the only one
  std::vector<std::string> inputs, outputs, dims;
  uint64_t seed = 0;
  unsigned threads = 0; // 0: one per hardware thread
  std::string target, fromPhase, dumpDirectory;
  bool check = false, bench = false, json = false, explain = false;
  std::string map; // where to draw the tiles; empty: nowhere
};

/// Ends the program on a bad command line and after --help.
Options parseOptions(int argc, char **argv);

} // namespace fovea::run

#endif
