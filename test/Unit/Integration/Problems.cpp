// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Problems.h"

#include <cmath>
#include <stdexcept>

using namespace fovea::test;

namespace {

using Values = std::vector<TensorRef>;

Values nothing(const Sizes &, int64_t, Random &) { return {}; }

/// A window of 20 and a smaller second number.
Values oneInteger(const Sizes &, int64_t, Random &) { return {integer(20)}; }
Values twoIntegers(const Sizes &, int64_t, Random &) { return {integer(20), integer(3)}; }

Values perBatch(const Sizes &s, Random &random, int64_t highest) {
  std::vector<int32_t> values(s.batches);
  for (int32_t &value : values)
    value = int32_t(random.between(0, highest));
  return {ints({s.batches}, values)};
}
Values lengths(const Sizes &s, int64_t, Random &random) { return perBatch(s, random, s.keys); }
Values starts(const Sizes &s, int64_t, Random &random) { return perBatch(s, random, s.keys / 2); }

/// Documents of 1 to 40 positions.
Values documents(const Sizes &s, int64_t lastPosition, Random &random) {
  std::vector<int32_t> ids(std::max(lastPosition, s.keys));
  int32_t id = 0;
  for (size_t begin = 0; begin < ids.size(); ++id)
    for (size_t end = begin + random.between(1, 40); begin < std::min(end, ids.size()); ++begin)
      ids[begin] = id;
  return {ints({int64_t(ids.size())}, ids)};
}

Values slopes(const Sizes &s, int64_t, Random &) {
  std::vector<float> values;
  for (int64_t h = 0; h < s.heads; ++h)
    values.push_back(float(std::exp2(-8.0 * double(h + 1) / double(s.heads))));
  return {floats({s.heads}, values)};
}

Values biasTable(const Sizes &s, int64_t, Random &random) { return {normal({s.heads, 33}, random)}; }

const char *const kCausal = "      %keep = arith.cmpi sge, %i, %j : index\n      attn.yield %keep : i1\n";

std::vector<Problem> makeProblems() {
  return {
      {"none", "", "", "", nothing},
      {"causal", "", kCausal, "", nothing},
      {"causal_shifted", "%w: index", R"(
      %at = arith.addi %i, %w : index
      %keep = arith.cmpi sge, %at, %j : index
      attn.yield %keep : i1
)",
       "", oneInteger},
      {"window", "%w: index", R"(
      %causal = arith.cmpi sge, %i, %j : index
      %age = arith.subi %i, %j : index
      %near = arith.cmpi slt, %age, %w : index
      %keep = arith.andi %causal, %near : i1
      attn.yield %keep : i1
)",
       "", oneInteger},
      {"window_sinks", "%w: index, %sinks: index", R"(
      %causal = arith.cmpi sge, %i, %j : index
      %age = arith.subi %i, %j : index
      %near = arith.cmpi slt, %age, %w : index
      %sink = arith.cmpi slt, %j, %sinks : index
      %either = arith.ori %near, %sink : i1
      %keep = arith.andi %causal, %either : i1
      attn.yield %keep : i1
)",
       "", twoIntegers},
      {"prefix_lm", "%p: index", R"(
      %causal = arith.cmpi sge, %i, %j : index
      %prefix = arith.cmpi slt, %j, %p : index
      %keep = arith.ori %causal, %prefix : i1
      attn.yield %keep : i1
)",
       "", oneInteger},
      {"longformer", "%w: index, %g: index", R"(
      %age = arith.subi %i, %j : index
      %distance = math.absi %age : index
      %band = arith.cmpi sle, %distance, %w : index
      %row = arith.cmpi slt, %i, %g : index
      %key = arith.cmpi slt, %j, %g : index
      %global = arith.ori %row, %key : i1
      %keep = arith.ori %band, %global : i1
      attn.yield %keep : i1
)",
       "", twoIntegers},
      {"dilated_causal", "", R"(
      %four = arith.constant 4 : index
      %zero = arith.constant 0 : index
      %causal = arith.cmpi sge, %i, %j : index
      %age = arith.subi %i, %j : index
      %phase = arith.remsi %age, %four : index
      %hit = arith.cmpi eq, %phase, %zero : index
      %keep = arith.andi %causal, %hit : i1
      attn.yield %keep : i1
)",
       "", nothing},
      {"block_diagonal", "", R"(
      %size = arith.constant 37 : index
      %row = arith.floordivsi %i, %size : index
      %key = arith.floordivsi %j, %size : index
      %keep = arith.cmpi eq, %row, %key : index
      attn.yield %keep : i1
)",
       "", nothing},
      {"chunked_causal", "", R"(
      %size = arith.constant 48 : index
      %causal = arith.cmpi sge, %i, %j : index
      %row = arith.floordivsi %i, %size : index
      %key = arith.floordivsi %j, %size : index
      %same = arith.cmpi eq, %row, %key : index
      %keep = arith.andi %causal, %same : i1
      attn.yield %keep : i1
)",
       "", nothing},
      {"padding", "%len: tensor<?xi32>", R"(
      %loaded = tensor.extract %len[%b] : tensor<?xi32>
      %length = arith.index_cast %loaded : i32 to index
      %keep = arith.cmpi slt, %j, %length : index
      attn.yield %keep : i1
)",
       "", lengths},
      {"left_padding_causal", "%start: tensor<?xi32>", R"(
      %loaded = tensor.extract %start[%b] : tensor<?xi32>
      %first = arith.index_cast %loaded : i32 to index
      %causal = arith.cmpi sge, %i, %j : index
      %inside = arith.cmpi sge, %j, %first : index
      %keep = arith.andi %causal, %inside : i1
      attn.yield %keep : i1
)",
       "", starts},
      {"documents", "%doc: tensor<?xi32>", R"(
      %row = tensor.extract %doc[%i] : tensor<?xi32>
      %key = tensor.extract %doc[%j] : tensor<?xi32>
      %keep = arith.cmpi eq, %row, %key : i32
      attn.yield %keep : i1
)",
       "", documents},
      {"neighbourhood", "", R"(
      %width = arith.constant 12 : index
      %radius = arith.constant 2 : index
      %xi = arith.remui %i, %width : index
      %yi = arith.divui %i, %width : index
      %xj = arith.remui %j, %width : index
      %yj = arith.divui %j, %width : index
      %dx = arith.subi %xi, %xj : index
      %dy = arith.subi %yi, %yj : index
      %ax = math.absi %dx : index
      %ay = math.absi %dy : index
      %inX = arith.cmpi sle, %ax, %radius : index
      %inY = arith.cmpi sle, %ay, %radius : index
      %keep = arith.andi %inX, %inY : i1
      attn.yield %keep : i1
)",
       "", nothing},
      {"softcap", "", kCausal, R"(
      %cap = arith.constant 2.0 : f32
      %small = arith.divf %s, %cap : f32
      %bent = math.tanh %small : f32
      %t = arith.mulf %bent, %cap : f32
      attn.yield %t : f32
)",
       nothing},
      {"alibi", "%slopes: tensor<?xf32>", kCausal, R"(
      %slope = tensor.extract %slopes[%h] : tensor<?xf32>
      %age = arith.subi %j, %i : index
      %age32 = arith.index_cast %age : index to i32
      %distance = arith.sitofp %age32 : i32 to f32
      %bias = arith.mulf %slope, %distance : f32
      %t = arith.addf %s, %bias : f32
      attn.yield %t : f32
)",
       slopes},
      {"relative_bias", "%table: tensor<?x33xf32>", "", R"(
      %zero = arith.constant 0 : index
      %middle = arith.constant 16 : index
      %last = arith.constant 32 : index
      %age = arith.subi %j, %i : index
      %shifted = arith.addi %age, %middle : index
      %low = arith.maxsi %shifted, %zero : index
      %at = arith.minsi %low, %last : index
      %bias = tensor.extract %table[%h, %at] : tensor<?x33xf32>
      %t = arith.addf %s, %bias : f32
      attn.yield %t : f32
)",
       biasTable},
  };
}

} // namespace

const std::vector<Problem> &fovea::test::problems() {
  static const std::vector<Problem> all = makeProblems();
  return all;
}

const Problem &fovea::test::problem(const std::string &name) {
  for (const Problem &problem : problems())
    if (problem.name == name)
      return problem;
  throw std::out_of_range(name);
}

Spec fovea::test::withProblem(Spec spec, const Problem &problem) {
  spec.parameters = problem.parameters;
  spec.mask = problem.mask;
  spec.score = problem.score;
  return spec;
}

std::vector<TensorRef> fovea::test::inputsOf(const Spec &spec, const Problem &problem, const Sizes &s, Random &random) {
  std::vector<TensorRef> inputs = normalInputs(spec, s, random);
  int64_t offset = spec.offset == Offset::None ? 0 : std::max<int64_t>(s.keys - s.queries, 0);
  if (spec.offset == Offset::Scalar)
    inputs.push_back(integer(offset));
  if (spec.offset == Offset::PerBatch) {
    std::vector<int32_t> offsets;
    for (int64_t b = 0; b < s.batches; ++b)
      offsets.push_back(int32_t(std::max<int64_t>(offset - b, 0)));
    inputs.push_back(ints({s.batches}, offsets));
  }
  for (TensorRef &value : problem.values(s, offset + s.queries, random))
    inputs.push_back(std::move(value));
  return inputs;
}
