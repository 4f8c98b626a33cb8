// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kinds of linear attention that tests go through, and sequences computed in parts.
#ifndef FOVEA_TEST_UNIT_INTEGRATION_LINEARKINDS_H
#define FOVEA_TEST_UNIT_INTEGRATION_LINEARKINDS_H

#include "LinearModule.h"

namespace fovea::test {

LinearSpec makeSpec(Gate gate, const std::string &feature = "", const std::string &normalizer = "", bool isFull = false,
                    bool hasInitial = false);
LinearSpec makeDelta(Gate gate, const std::string &normalizer = "", bool hasInitial = false);

struct LinearKind {
  std::string name;
  LinearSpec spec;
};

/// The first kCausalKinds are causal.
const std::vector<LinearKind> &kinds();
constexpr size_t kCausalKinds = 16;

/// Tokens up to `end`, from where the part before ends, in a form ("": as the compiler chooses).
struct Part {
  int64_t end;
  std::string form;
};

/// Each part starts from the state that the one before left, and is right by the reference of the whole.
void expectRightInParts(LinearSpec spec, int64_t tokens, llvm::ArrayRef<Part> parts);

} // namespace fovea::test

#endif
