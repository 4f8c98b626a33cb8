// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Modules with one attention, as text. Batch, heads and positions are always dynamic: one module serves many shapes.
#ifndef FOVEA_TEST_UNIT_INTEGRATION_MODULETEXT_H
#define FOVEA_TEST_UNIT_INTEGRATION_MODULETEXT_H

#include <cstdint>
#include <string>
#include <vector>

namespace fovea::test {

enum class Offset { None, Scalar, PerBatch };

/// Function arguments: %q, %k, %v, then %offset unless it is None, then `parameters`.
struct Spec {
  std::string layout = "bhnd";
  int64_t keySize = 64, valueSize = 64;
  Offset offset = Offset::None;
  std::string parameters; // "%w: index, %doc: tensor<?xi32>"
  std::string score;      // body of the region (%s, %b, %h, %i, %j), its attn.yield included; "": none
  std::string mask;       // body of the region (%b, %h, %i, %j); "": none
  std::string schedule;   // "": the target's
  std::string scale;      // "": the default
  bool lse = true;
};

std::string moduleText(const Spec &spec);

/// Register tiles of AVX-512, AVX2 and NEON, and an odd one. Any CPU runs all of them.
inline constexpr const char *kSchedules[] = {
    "query_tile = 64, key_block = 64, lanes = 16, panel = 32, micro_keys = 8",
    "query_tile = 72, key_block = 64, lanes = 8, panel = 24, micro_keys = 4",
    "query_tile = 60, key_block = 64, lanes = 4, panel = 12, micro_keys = 8",
    "query_tile = 64, key_block = 64, lanes = 4, panel = 8, micro_keys = 2",
};

/// A way from the text to machine code.
struct Variant {
  std::string name, target, schedule;
};
/// Scalar loops, the host's own schedule, the baseline of its architecture (on x86-64 4 lanes without FMA), and
/// kSchedules.
const std::vector<Variant> &variants();

} // namespace fovea::test

#endif
