// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "LinearKinds.h"

using namespace fovea::test;
using fovea::reference::Evaluation;

LinearSpec fovea::test::makeSpec(Gate gate, const std::string &feature, const std::string &normalizer, bool isFull,
                                 bool hasInitial) {
  LinearSpec spec;
  spec.gate = gate;
  spec.feature = feature;
  spec.normalizer = normalizer;
  spec.isFull = isFull;
  spec.hasInitial = hasInitial;
  return spec;
}

LinearSpec fovea::test::makeDelta(Gate gate, const std::string &normalizer, bool hasInitial) {
  LinearSpec spec = makeSpec(gate, "", normalizer, false, hasInitial);
  spec.isDelta = true;
  return spec;
}

const std::vector<LinearKind> &fovea::test::kinds() {
  static const std::vector<LinearKind> all = [] {
    std::vector<LinearKind> kinds = {{"plain", makeSpec(Gate::None)},
                                     {"elu1_normalized", makeSpec(Gate::None, kElu1, "qz")},
                                     {"relu_state", makeSpec(Gate::None, kRelu, "", false, true)},
                                     {"retnet", makeSpec(Gate::PerHead)},
                                     {"mamba2", makeSpec(Gate::PerToken, "", "", false, true)},
                                     {"gated_normalized", makeSpec(Gate::PerToken, kElu1, "qz", false, true)},
                                     {"gla", makeSpec(Gate::PerChannel, "", "", false, true)},
                                     {"gla_normalized", makeSpec(Gate::PerChannel, kSquare, "qz")},
                                     {"z", makeSpec(Gate::None, kExp, "z")},
                                     {"gated_z", makeSpec(Gate::PerToken, kElu1, "z", false, true)},
                                     {"gla_norm_z", makeSpec(Gate::PerChannel, kElu1, "norm_z", false, true)},
                                     {"transnormer", makeSpec(Gate::PerHead, kElu1, "norm")},
                                     {"delta", makeDelta(Gate::None)},
                                     {"gated_delta", makeDelta(Gate::PerToken, "", true)},
                                     {"gated_delta_norm", makeDelta(Gate::PerHead, "norm")},
                                     {"kda", makeDelta(Gate::PerChannel, "", true)},
                                     {"full", makeSpec(Gate::None, "", "", true)},
                                     {"full_elu1_normalized", makeSpec(Gate::None, kElu1, "qz", true, true)},
                                     {"full_norm_z", makeSpec(Gate::None, kElu1, "norm_z", true, true)},
                                     {"full_norm", makeSpec(Gate::None, kRelu, "norm", true)}};
    kinds[0].spec.scale = "0.17677669529663687";
    kinds[3].spec.scale = "-0.5";
    return kinds;
  }();
  return all;
}

/// Rows [begin, end) of the output of all tokens.
static Evaluation rowsOf(const Evaluation &whole, int64_t begin, int64_t end) {
  const auto &all = whole.outputs[0];
  Shape shape = all.value.shape;
  int64_t tokens = shape[2];
  shape[2] = end - begin;
  fovea::reference::Output part;
  part.value = HostTensor::zeros(DType::F64, shape);
  for (int64_t k = 0; k < part.value.size(); ++k) {
    std::vector<int64_t> at = fovea::reference::unravel(k, shape);
    int64_t from = ((at[0] * shape[1] + at[1]) * tokens + at[2] + begin) * shape[3] + at[3];
    part.value.data<double>()[k] = all.value.data<double>()[from];
    part.bound.push_back(all.bound[from]);
  }
  Evaluation evaluation;
  evaluation.outputs.push_back(std::move(part));
  return evaluation;
}

void fovea::test::expectRightInParts(LinearSpec spec, int64_t tokens, llvm::ArrayRef<Part> parts) {
  spec.hasInitial = true;
  Random random(5);
  std::vector<TensorRef> inputs = linearInputs(spec, {2, 4, 2, tokens, tokens}, random);
  size_t stateAt = inputs.size() - 1 - spec.isDelta;
  Evaluation whole = Oracle(linearText(spec)).evaluate(inputs);
  TensorRef state = inputs[stateAt];
  int64_t begin = 0;
  for (const Part &part : parts) {
    spec.form = part.form;
    std::vector<TensorRef> given;
    for (auto [number, input] : llvm::enumerate(inputs)) {
      bool hasTokens = number != stateAt && input->shape.size() >= 3;
      given.push_back(number == stateAt ? state : hasTokens ? slice(*input, spec.layout, begin, part.end) : input);
    }
    Evaluation expected = rowsOf(whole, begin, part.end);
    Call call(compiled(linearText(spec)), given, {expected.outputs[0].value.shape, whole.outputs[1].value.shape});
    ASSERT_TRUE(execute(call));
    EXPECT_TRUE(matches(expected, {call.output(0)}));
    state = std::make_shared<HostTensor>(call.output(1));
    begin = part.end;
  }
  Evaluation last;
  last.outputs.push_back(whole.outputs[1]);
  EXPECT_TRUE(matches(last, {*state}));
}
