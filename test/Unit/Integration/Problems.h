// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The masks and scores that people use, with arguments for any sizes.
#ifndef FOVEA_TEST_UNIT_INTEGRATION_PROBLEMS_H
#define FOVEA_TEST_UNIT_INTEGRATION_PROBLEMS_H

#include "Harness.h"

namespace fovea::test {

/// Region bodies as in Spec. `values` makes the arguments of `parameters`; positions are below `lastPosition`.
struct Problem {
  std::string name, parameters, mask, score;
  std::vector<TensorRef> (*values)(const Sizes &sizes, int64_t lastPosition, Random &random);
};

const std::vector<Problem> &problems();
const Problem &problem(const std::string &name);

/// The spec with the problem's regions and parameters.
Spec withProblem(Spec spec, const Problem &problem);
/// Query, key, value, offset and the problem's arguments. Offsets are what lets the last query see the last key, and
/// for Offset::PerBatch one less for every further sequence (never below 0).
std::vector<TensorRef> inputsOf(const Spec &spec, const Problem &problem, const Sizes &sizes, Random &random);

/// Which keys are visible, read off the reference: with zero queries and keys all weights are equal, and with one
/// value column per key the output of a row is not 0 exactly at the keys it sees. [b, row, j]; positions are rows: no
/// offset, and heads are alike.
std::vector<uint8_t> visibleKeys(const Problem &problem, const Sizes &sizes, const std::vector<TensorRef> &arguments);

} // namespace fovea::test

#endif
