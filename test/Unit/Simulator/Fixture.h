// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One attention on 16-bit floats: its text, its inputs, the simulator's outputs, the reference's.
#ifndef FOVEA_TEST_UNIT_SIMULATOR_FIXTURE_H
#define FOVEA_TEST_UNIT_SIMULATOR_FIXTURE_H

#include "fovea/Reference/Reference.h"
#include "fovea/fovea.h"
#include "gtest/gtest.h"

#include <functional>
#include <string>
#include <vector>

namespace fovea::test {

/// Sizes are dynamic but for those of heads. Function arguments: query, key, value, offset: index, then `parameters`.
struct Case {
  std::string element = "bf16", output = "bf16", layout = "bhnd";
  int64_t keySize = 64, valueSize = 64;
  int64_t batches = 1, heads = 2, kvHeads = 1, queries = 65, keys = 130, offset = 0;
  std::string score, mask;                  // regions' bodies, as in text; "": none
  std::string parameters;                   // "%w: index, %doc: tensor<?xi32>"
  std::vector<reference::TensorRef> values; // of those
  std::string scale, schedule;
  bool lse = true;
  float size = 1;                                                 // of the inputs' elements, about
  bool isRepeated = false;                                        // all sequences hold what the first one does,
  bool isShared = false;                                          // and query, key and value step over none: stride 0
  std::function<void(std::vector<reference::TensorRef> &)> spoil; // changes the inputs

  std::string text() const;
  std::vector<reference::TensorRef> inputs() const;
  /// Of an operand, in elements; empty: dense.
  std::vector<int64_t> strides(size_t operand, const std::vector<int64_t> &shape) const;
};

/// i >= j
extern const char *const kCausal;
/// 0 <= i - j < 40
extern const char *const kWindow;
/// j < 4, or 0 <= i - j < 40: blocks in between are EMPTY
extern const char *const kSinks;
/// 30 tanh(s / 30)
extern const char *const kSoftcap;

struct Outcome {
  std::string error;   // of the compiler or the run, "" if it went well
  std::string reports; // of the simulator, a line each
  std::vector<reference::HostTensor> outputs;
  fovea_plan_stats stats = {};
};

struct Way {
  std::string target = "sim:sm_80";
  std::string from;   // the phase that the text is in; "": import
  uint32_t slots = 1; // that run tasks, each on a thread of its own
  int runs = 1;       // in the same workspace; the outputs are those of the last one
};
/// `text` with the case's inputs.
Outcome simulate(const Case &c, const std::string &text, const Way &way = {});

reference::Evaluation evaluate(const Case &c);

/// The worst ratio of error to bound over all outputs.
double worstRatio(const reference::Evaluation &expected, const Outcome &run);

/// No report, no error, all within the bound.
void expectRight(const Case &c, const Way &way = {});

} // namespace fovea::test

#endif
