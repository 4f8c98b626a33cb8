// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Problems.h"

#include <algorithm>
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

/// The same, another numbering for each sequence, in 64 bits.
Values documentsOfBatches(const Sizes &s, int64_t lastPosition, Random &random) {
  int64_t positions = std::max(lastPosition, s.keys);
  auto ids = std::make_shared<HostTensor>(HostTensor::zeros(DType::I64, {s.batches, positions}));
  for (int64_t b = 0; b < s.batches; ++b) {
    const Values one = documents(s, lastPosition, random);
    for (int64_t k = 0; k < positions; ++k)
      ids->data<int64_t>()[b * positions + k] = one[0]->intAt(k);
  }
  return {ids};
}
/// Where the document of each position starts.
Values documentStarts(const Sizes &s, int64_t lastPosition, Random &random) {
  const Values ids = documents(s, lastPosition, random);
  std::vector<int32_t> starts(ids[0]->size());
  for (size_t k = 0; k < starts.size(); ++k)
    starts[k] = k && ids[0]->intAt(int64_t(k)) == ids[0]->intAt(int64_t(k) - 1) ? starts[k - 1] : int32_t(k);
  return {ints({int64_t(starts.size())}, starts)};
}

TensorRef booleans(Shape shape) {
  return std::make_shared<HostTensor>(HostTensor::zeros(DType::Bool, std::move(shape)));
}
/// Runs of up to 150, true and false in turn.
void fillRuns(uint8_t *row, int64_t size, Random &random) {
  uint8_t value = random.chance(50);
  for (int64_t begin = 0; begin < size; value = !value)
    for (int64_t end = begin + random.between(1, 150); begin < std::min(end, size); ++begin)
      row[begin] = value;
}
/// Rectangles of true, in planes of rows and columns.
void fillRectangles(uint8_t *plane, int64_t rows, int64_t columns, Random &random) {
  for (int rectangle = 0; rectangle < 3 && rows && columns; ++rectangle) {
    int64_t x = random.below(rows), y = random.below(columns), right = y + random.between(1, columns);
    for (int64_t last = x + random.between(1, rows); x < std::min(last, rows); ++x)
      std::fill(plane + x * columns + y, plane + x * columns + std::min(right, columns), uint8_t(1));
  }
}

Values validKeys(const Sizes &s, int64_t, Random &random) {
  TensorRef valid = booleans({s.batches, s.keys});
  for (int64_t b = 0; b < s.batches; ++b)
    fillRuns(valid->data<uint8_t>() + b * s.keys, s.keys, random);
  return {valid};
}
Values dense(const Sizes &s, int64_t lastPosition, Random &random) {
  TensorRef plane = booleans({lastPosition, s.keys});
  fillRectangles(plane->data<uint8_t>(), lastPosition, s.keys, random);
  return {plane};
}
Values denseBytes(const Sizes &s, int64_t lastPosition, Random &random) {
  auto planes = std::make_shared<HostTensor>(HostTensor::zeros(DType::I8, {s.batches, lastPosition, s.keys}));
  for (int64_t b = 0; b < s.batches; ++b)
    fillRectangles(planes->data<uint8_t>() + b * lastPosition * s.keys, lastPosition, s.keys, random);
  return {planes};
}
Values blockTable(const Sizes &s, int64_t lastPosition, Random &random) {
  TensorRef table = booleans({(lastPosition + 31) / 32, (s.keys + 31) / 32});
  for (int64_t k = 0; k < table->size(); ++k)
    table->data<uint8_t>()[k] = random.chance(40);
  return {table};
}
Values byDistance(const Sizes &s, int64_t lastPosition, Random &random) {
  TensorRef table = booleans({lastPosition + s.keys});
  fillRuns(table->data<uint8_t>(), table->size(), random);
  return {table, integer(s.keys)};
}
/// -inf where a boolean is false, else a normal number.
Values biasOf(const Values &shown, Random &random) {
  TensorRef bias = normal(shown[0]->shape, random);
  for (int64_t k = 0; k < bias->size(); ++k)
    if (!shown[0]->data<uint8_t>()[k])
      bias->data<float>()[k] = -INFINITY;
  return {bias};
}
Values denseBias(const Sizes &s, int64_t lastPosition, Random &random) {
  return biasOf(dense(s, lastPosition, random), random);
}
Values paddingBias(const Sizes &s, int64_t lastPosition, Random &random) {
  return biasOf(validKeys(s, lastPosition, random), random);
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
      {"documents_of_batches", "%doc: tensor<?x?xi64>", R"(
      %row = tensor.extract %doc[%b, %i] : tensor<?x?xi64>
      %key = tensor.extract %doc[%b, %j] : tensor<?x?xi64>
      %same = arith.cmpi eq, %row, %key : i64
      %causal = arith.cmpi sge, %i, %j : index
      %keep = arith.andi %causal, %same : i1
      attn.yield %keep : i1
)",
       "", documentsOfBatches},
      {"document_starts", "%start: tensor<?xi32> {attn.sorted}", R"(
      %loaded = tensor.extract %start[%i] : tensor<?xi32>
      %first = arith.index_cast %loaded : i32 to index
      %causal = arith.cmpi sge, %i, %j : index
      %inside = arith.cmpi sge, %j, %first : index
      %keep = arith.andi %causal, %inside : i1
      attn.yield %keep : i1
)",
       "", documentStarts},
      {"ragged", "%len: tensor<?xi32>", R"(
      %loaded = tensor.extract %len[%b] : tensor<?xi32>
      %length = arith.index_cast %loaded : i32 to index
      %row = arith.cmpi slt, %i, %length : index
      %key = arith.cmpi slt, %j, %length : index
      %keep = arith.andi %row, %key : i1
      attn.yield %keep : i1
)",
       "", lengths},
      {"valid_keys", "%valid: tensor<?x?xi1>", R"(
      %keep = tensor.extract %valid[%b, %j] : tensor<?x?xi1>
      attn.yield %keep : i1
)",
       "", validKeys},
      {"dense", "%bits: tensor<?x?xi1>", R"(
      %keep = tensor.extract %bits[%i, %j] : tensor<?x?xi1>
      attn.yield %keep : i1
)",
       "", dense},
      {"dense_bytes", "%bytes: tensor<?x?x?xi8>", R"(
      %zero = arith.constant 0 : i8
      %byte = tensor.extract %bytes[%b, %i, %j] : tensor<?x?x?xi8>
      %keep = arith.cmpi ne, %byte, %zero : i8
      attn.yield %keep : i1
)",
       "", denseBytes},
      {"block_sparse", "%blocks: tensor<?x?xi1>", R"(
      %size = arith.constant 32 : index
      %row = arith.divui %i, %size : index
      %key = arith.divui %j, %size : index
      %keep = tensor.extract %blocks[%row, %key] : tensor<?x?xi1>
      attn.yield %keep : i1
)",
       "", blockTable},
      {"by_distance", "%table: tensor<?xi1>, %shift: index", R"(
      %age = arith.subi %i, %j : index
      %at = arith.addi %age, %shift : index
      %seen = tensor.extract %table[%at] : tensor<?xi1>
      %causal = arith.cmpi sge, %i, %j : index
      %keep = arith.andi %causal, %seen : i1
      attn.yield %keep : i1
)",
       "", byDistance},
      {"mask_bias", "%bias: tensor<?x?xf32> {attn.mask_bias}", "", R"(
      %x = tensor.extract %bias[%i, %j] : tensor<?x?xf32>
      %t = arith.addf %s, %x : f32
      attn.yield %t : f32
)",
       denseBias},
      {"padding_bias", "%bias: tensor<?x?xf32> {attn.mask_bias}", kCausal, R"(
      %x = tensor.extract %bias[%b, %j] : tensor<?x?xf32>
      %t = arith.addf %x, %s : f32
      attn.yield %t : f32
)",
       paddingBias},
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

std::vector<uint8_t> fovea::test::visibleKeys(const Problem &problem, const Sizes &s,
                                              const std::vector<TensorRef> &arguments) {
  constexpr int64_t kColumns = 512;
  Spec spec;
  spec.keySize = 1;
  spec.valueSize = kColumns;
  spec.lse = false;
  spec = withProblem(spec, problem);
  auto zeros = [](Shape shape) { return std::make_shared<HostTensor>(HostTensor::zeros(DType::F32, shape)); };
  std::vector<TensorRef> inputs = {zeros({s.batches, 1, s.queries, 1}), zeros({s.batches, 1, s.keys, 1}),
                                   zeros({s.batches, 1, s.keys, kColumns})};
  for (int64_t b = 0; b < s.batches; ++b)
    for (int64_t j = 0; j < s.keys; ++j)
      inputs[2]->data<float>()[(b * s.keys + j) * kColumns + j] = 1;
  inputs.insert(inputs.end(), arguments.begin(), arguments.end());
  fovea::reference::Evaluation evaluation = Oracle(moduleText(spec)).evaluate(inputs);
  std::vector<uint8_t> visible;
  const double *out = evaluation.outputs[0].value.data<double>();
  for (int64_t row = 0; row < s.batches * s.queries; ++row)
    for (int64_t j = 0; j < s.keys; ++j)
      visible.push_back(out[row * kColumns + j] != 0);
  return visible;
}
