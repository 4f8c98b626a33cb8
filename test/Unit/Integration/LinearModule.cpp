// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "LinearModule.h"

#include <cmath>

using namespace fovea::test;
using fovea::reference::Evaluation;

namespace fovea::test {

const char *const kElu1 = R"(
      %zero = arith.constant 0.0 : f32
      %one = arith.constant 1.0 : f32
      %positive = arith.cmpf ogt, %x, %zero : f32
      %line = arith.addf %x, %one : f32
      %curve = math.exp %x : f32
      %phi = arith.select %positive, %line, %curve : f32
      attn.yield %phi : f32
)";
const char *const kRelu = R"(
      %zero = arith.constant 0.0 : f32
      %phi = arith.maximumf %x, %zero : f32
      attn.yield %phi : f32
)";
const char *const kSquare = R"(
      %phi = arith.mulf %x, %x : f32
      attn.yield %phi : f32
)";
const char *const kExp = R"(
      %phi = math.exp %x : f32
      attn.yield %phi : f32
)";

} // namespace fovea::test

static std::string positionsOf(const LinearSpec &spec) { return spec.tokens ? std::to_string(spec.tokens) : "?"; }

/// `?x?xN`, the positions where the layout has them.
static std::string tokensType(const LinearSpec &spec) {
  return spec.layout == "bnhd" ? "?x" + positionsOf(spec) + "x?" : "?x?x" + positionsOf(spec);
}

static std::string decayType(const LinearSpec &spec) {
  switch (spec.gate) {
  case Gate::None:
    return "";
  case Gate::PerHead:
    return "tensor<?xf32>";
  case Gate::PerToken:
    return "tensor<" + tokensType(spec) + "xf32>";
  case Gate::PerChannel:
    return "tensor<" + tokensType(spec) + "x" + std::to_string(spec.keySize) + "xf32>";
  }
  return "";
}

std::string fovea::test::linearText(const LinearSpec &spec) {
  auto type = [&](int64_t columns) { return "tensor<" + tokensType(spec) + "x" + std::to_string(columns) + "xf32>"; };
  std::string key = type(spec.keySize), value = type(spec.valueSize);
  std::string state =
      "tensor<?x?x" + std::to_string(spec.keySize) + "x" + std::to_string(spec.stateColumns()) + "xf32>";
  std::string arguments = "%q: " + key + ", %k: " + key + ", %v: " + value, types = key + ", " + key + ", " + value;
  std::string clauses;
  if (spec.gate != Gate::None) {
    arguments += ", %g: " + decayType(spec);
    types += ", " + decayType(spec);
    clauses += " decay %g";
  }
  if (spec.hasInitial) {
    arguments += ", %s0: " + state;
    types += ", " + state;
    clauses += " initial_state %s0";
  }
  if (spec.isDelta) {
    std::string beta = "tensor<" + tokensType(spec) + "xf32>";
    arguments += ", %b: " + beta;
    types += ", " + beta;
    clauses += " beta %b";
  }
  if (spec.hasLengths) {
    arguments += ", %n: tensor<?xi64>";
    types += ", tensor<?xi64>";
    clauses += " lengths %n";
  }
  clauses += spec.isDelta ? " rule <delta>" : "";
  clauses += spec.isFull ? " direction <full>" : "";
  clauses += spec.normalizer.empty() ? "" : " normalizer <" + spec.normalizer + ">";
  clauses += spec.scale.empty() ? "" : " scale " + spec.scale;
  clauses += " layout <" + spec.layout + ">";
  clauses += spec.form.empty() ? "" : " form <" + spec.form + ">";
  clauses += spec.schedule.empty() ? "" : " schedule <" + spec.schedule + ">";
  clauses += spec.feature.empty() ? "" : " feature (%x) {" + spec.feature + "    }";
  std::string results = spec.hasFinal ? "(" + value + ", " + state + ")" : "(" + value + ")";
  std::string returned = spec.hasFinal ? "%o#0, %o#1 : " + value + ", " + state : "%o#0 : " + value;
  return "func.func @main(" + arguments + ") -> " + results + " {\n  %o:" + (spec.hasFinal ? "2" : "1") +
         " = attn.linear_attention %q, %k, %v" + clauses + " : (" + types + ") -> " + results + "\n  return " +
         returned + "\n}\n";
}

static Shape shapeOf(const LinearSpec &spec, Shape bhn, int64_t columns) {
  if (spec.layout == "bnhd")
    std::swap(bhn[1], bhn[2]);
  if (columns)
    bhn.push_back(columns);
  return bhn;
}

std::vector<TensorRef> fovea::test::linearInputs(const LinearSpec &spec, const Sizes &s, Random &random) {
  Shape queries = {s.batches, s.heads, s.queries}, keys = {s.batches, s.kvHeads, s.keys};
  std::vector<TensorRef> inputs = {normal(shapeOf(spec, queries, spec.keySize), random),
                                   normal(shapeOf(spec, keys, spec.keySize), random),
                                   normal(shapeOf(spec, keys, spec.valueSize), random)};
  if (spec.gate != Gate::None) {
    Shape shape = spec.gate == Gate::PerHead ? Shape{s.kvHeads}
                                             : shapeOf(spec, keys, spec.gate == Gate::PerChannel ? spec.keySize : 0);
    inputs.push_back(normal(shape, random));
    for (int64_t k = 0; k < inputs.back()->size(); ++k) {
      float &g = inputs.back()->data<float>()[k];
      g = -0.3f * std::fabs(g);
    }
  }
  if (spec.hasInitial) {
    int64_t columns = spec.stateColumns();
    inputs.push_back(normal({s.batches, s.kvHeads, spec.keySize, columns}, random));
    for (int64_t k = columns - 1; columns > spec.valueSize && k < inputs.back()->size(); k += columns) {
      float &z = inputs.back()->data<float>()[k];
      z = std::fabs(z); // a sum of features
    }
  }
  if (spec.isDelta) {
    inputs.push_back(normal(shapeOf(spec, keys, 0), random));
    for (int64_t k = 0; k < inputs.back()->size(); ++k) {
      float &beta = inputs.back()->data<float>()[k];
      beta = 2 / (1 + std::exp(-beta)); // 0 to 2
    }
    HostTensor &key = *inputs[1];
    for (int64_t row = 0; row < key.size(); row += spec.keySize) { // to length 1
      double squares = 0;
      for (int64_t d = 0; d < spec.keySize; ++d)
        squares += std::pow(key.floatAt(row + d), 2);
      for (int64_t d = 0; d < spec.keySize; ++d)
        key.data<float>()[row + d] /= float(std::sqrt(squares));
    }
  }
  if (spec.hasLengths) {
    inputs.push_back(std::make_shared<HostTensor>(HostTensor::zeros(DType::I64, {s.batches})));
    const int64_t lengths[] = {s.keys / 2, s.keys + 5, 0, -3, s.keys};
    for (int64_t sequence = 0; sequence < s.batches; ++sequence)
      inputs.back()->data<int64_t>()[sequence] = lengths[sequence % 5];
  }
  return inputs;
}

TensorRef fovea::test::slice(const HostTensor &tensor, const std::string &layout, int64_t begin, int64_t end) {
  size_t dim = layout == "bnhd" ? 1 : 2;
  Shape shape = tensor.shape;
  shape[dim] = end - begin;
  auto part = std::make_shared<HostTensor>(HostTensor::zeros(tensor.dtype, shape));
  for (int64_t k = 0; k < part->size(); ++k) {
    std::vector<int64_t> at = reference::unravel(k, shape);
    at[dim] += begin;
    int64_t from = 0;
    for (size_t d = 0; d < at.size(); ++d)
      from = from * tensor.shape[d] + at[d];
    part->data<float>()[k] = tensor.data<float>()[from];
  }
  return part;
}

const std::vector<Variant> &fovea::test::linearVariants() {
  static const std::vector<Variant> all = {
      {"loops", "loops", ""},
      {"host", "host", ""},
#if defined(__x86_64__)
      {"baseline", "cpu:x86-64", ""},
#endif
      {"lanes16", "host", "query_tile = 32, key_block = 32, lanes = 16, panel = 32, micro_keys = 8"},
      {"lanes8", "host", "query_tile = 48, key_block = 48, lanes = 8, panel = 24, micro_keys = 6"},
      {"odd", "host", "query_tile = 20, key_block = 18, lanes = 4, panel = 4, micro_keys = 3"}};
  return all;
}

void fovea::test::expectLinearRight(const LinearSpec &spec, llvm::ArrayRef<TensorRef> inputs) {
  Evaluation expected = Oracle(linearText(spec)).evaluate(inputs);
  for (const Variant &variant : linearVariants()) {
    SCOPED_TRACE(variant.name);
    LinearSpec scheduled = spec;
    scheduled.schedule = variant.schedule;
    const Kernel &kernel = compiled(linearText(scheduled), variant.target);
    if (!kernel)
      continue;
    Call call(kernel, inputs, outputShapes(expected));
    expectMatch(call, expected);
  }
}
