// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The forms of linear attention: each is right, and a state that one leaves another continues.
#include "LinearKinds.h"

using namespace fovea::test;

namespace {

struct LinearForms : testing::TestWithParam<size_t> {};

TEST_P(LinearForms, RecurrentEqualsTheReference) {
  LinearSpec spec = kinds()[GetParam()].spec;
  spec.form = "recurrent";
  for (int64_t tokens : {1, 3, 40}) {
    Sizes sizes{2, 4, 2, tokens, tokens};
    SCOPED_TRACE(describe(sizes));
    Random random(tokens);
    expectLinearRight(spec, linearInputs(spec, sizes, random));
  }
}

/// The pass chooses recurrent for two tokens with states, parallel for any number without.
TEST_P(LinearForms, StaticNumbersOfTokensEqualTheReference) {
  LinearSpec spec = kinds()[GetParam()].spec;
  for (int64_t tokens : {1, 2, 37, 100, 128})
    for (bool hasStates : {true, false}) {
      spec.tokens = tokens;
      spec.hasInitial = spec.hasFinal = hasStates;
      spec.form = hasStates || tokens < 100 ? "" : "parallel";
      Sizes sizes{2, 4, 2, tokens, tokens};
      SCOPED_TRACE(describe(sizes));
      Random random(tokens);
      std::vector<TensorRef> inputs = linearInputs(spec, sizes, random);
      auto expected = Oracle(linearText(spec)).evaluate(inputs);
      for (const char *target : {"loops", "host"}) {
        Call call(compiled(linearText(spec), target), inputs, outputShapes(expected));
        expectMatch(call, expected);
      }
    }
}

TEST_P(LinearForms, FormsContinueEachOther) {
  LinearSpec spec = kinds()[GetParam()].spec;
  for (int64_t cut : {1, 5, 36, 50}) {
    SCOPED_TRACE(cut);
    expectRightInParts(spec, 60, {{cut, "recurrent"}, {60, "chunked"}});
    expectRightInParts(spec, 60, {{cut, "chunked"}, {cut + 1, "recurrent"}, {cut + 2, "recurrent"}, {60, "chunked"}});
  }
}

std::string nameOf(const testing::TestParamInfo<size_t> &info) { return kinds()[info.param].name; }
INSTANTIATE_TEST_SUITE_P(Kinds, LinearForms, testing::Range(size_t(0), kCausalKinds), nameOf);

} // namespace
