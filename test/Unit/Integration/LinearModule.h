// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Modules with one linear attention, as text, and arguments for them.
#ifndef FOVEA_TEST_UNIT_INTEGRATION_LINEARMODULE_H
#define FOVEA_TEST_UNIT_INTEGRATION_LINEARMODULE_H

#include "Harness.h"

namespace fovea::test {

enum class Gate { None, PerHead, PerToken, PerChannel };

/// Function arguments: %q, %k, %v, then %g, %s0, %b and %n if there are any; results: the output and the final state.
struct LinearSpec {
  std::string layout = "bhnd";
  int64_t keySize = 32, valueSize = 32;
  bool isFull = false, hasInitial = false, isDelta = false, hasLengths = false;
  bool hasFinal = true;   // form parallel has none
  std::string normalizer; // "": none
  Gate gate = Gate::None;
  std::string feature;  // body of the region (%x), its attn.yield included; "": none
  std::string scale;    // "": the default
  std::string form;     // "": as the compiler chooses
  int64_t tokens = 0;   // 0: dynamic
  std::string schedule; // "": the target's

  int64_t stateColumns() const { return valueSize + !(normalizer.empty() || normalizer == "norm"); }
};

extern const char *const kElu1, *const kRelu, *const kSquare, *const kExp;

std::string linearText(const LinearSpec &spec);

/// Sizes of one linear attention; `queries` only differs from `keys` in direction full.
std::vector<TensorRef> linearInputs(const LinearSpec &spec, const Sizes &sizes, Random &random);

/// Positions [begin, end) of an array of `layout`: [B, H, N, ...] or [B, N, H, ...].
TensorRef slice(const HostTensor &tensor, const std::string &layout, int64_t begin, int64_t end);

/// Register tiles of AVX-512, AVX2 and odd ones. Any CPU runs all of them.
const std::vector<Variant> &linearVariants();

/// Runs the spec in every variant against the reference.
void expectLinearRight(const LinearSpec &spec, llvm::ArrayRef<TensorRef> inputs);

} // namespace fovea::test

#endif
