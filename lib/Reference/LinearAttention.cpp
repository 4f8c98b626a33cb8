// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The recurrence S_t = e^{g_t} S_{t-1} + k_t v_t^T, or its delta rule, a token at a time. z is one more column of S,
// for a value of 1.
#include "LinearAttention.h"

#include "Attention.h"

#include <cfloat>
#include <cmath>

using namespace mlir;
using namespace fovea::reference;

namespace {

/// Features of one head, [positions, columns].
using Features = std::vector<double>;

/// One state, and the same sums of absolute values: what rounding errors are relative to.
struct State {
  int64_t rows, columns; // Dk, Dv + 1
  std::vector<double> sums, sizes;
  std::vector<double> errors; // by the delta rule, of a column: F in the header
  int64_t tokens = 0;
  double decayed = 0; // the most that 64 tokens in a row have decayed, as a sum of |g|

  State(int64_t rows, int64_t columns)
      : rows(rows), columns(columns), sums(rows * columns), sizes(rows * columns), errors(columns) {}

  double length(int64_t column) const {
    double squares = 0;
    for (int64_t d = 0; d < rows; ++d)
      squares += sums[d * columns + column] * sums[d * columns + column];
    return std::sqrt(squares);
  }

  /// The error of an element relative to `sizes`, or to `errors`, which have the tokens in them. Chunks sum g: what a
  /// sum rounds off is relative to the sum.
  double relativeError(bool isDelta) const {
    constexpr double kFeature = 8; // of a feature map, and of exponentials
    double walk = isDelta ? 0 : std::sqrt(double(tokens));
    return kFloatEpsilon * (walk + std::sqrt(double(rows)) + kFeature + decayed);
  }
};

/// What is read with a query: sums, and what their errors are relative to.
struct Reading {
  std::vector<double> sums, sizes;
};

double rootMeanSquare(const double *x, int64_t count) {
  double squares = 0;
  for (int64_t k = 0; k < count; ++k)
    squares += x[k] * x[k];
  return std::sqrt(squares / double(count));
}

class Evaluator {
public:
  Evaluator(const LinearProblem &problem, Lookup lookup) : p(problem), op(problem.op), lookup(lookup) {}

  LogicalResult compile() {
    if (op.getFeature().empty())
      return success();
    FailureOr<RegionProgram> program = RegionProgram::compile(op.getFeature(), lookup);
    if (failed(program))
      return failure();
    feature = std::move(*program);
    return success();
  }

  FailureOr<Features> features(const TensorRef &array, int64_t b, int64_t h, int64_t positions);
  State initialState(int64_t b, int64_t h) const;
  void step(State &state, int64_t b, int64_t h, int64_t t, const double *key);
  void read(const State &state, int64_t b, int64_t h, int64_t t, const double *query, LinearResult &result) const;
  void readPadding(int64_t b, int64_t h, int64_t t, LinearResult &result) const;
  void store(const State &state, int64_t b, int64_t h, LinearResult &result) const;

private:
  double decayAt(int64_t b, int64_t h, int64_t t, int64_t d) const;
  void correct(State &state, int64_t b, int64_t h, int64_t t, const double *key, std::vector<double> &values) const;
  Reading product(const State &state, const double *query) const;
  void divide(Reading &reading) const;

  const LinearProblem &p;
  mutable fovea::attn::LinearAttentionOp op; // a handle, whose accessors are not const
  Lookup lookup;
  std::optional<RegionProgram> feature;
  std::vector<double> largest; // |g| of the tokens of a head, the largest over channels
};

FailureOr<Features> Evaluator::features(const TensorRef &array, int64_t b, int64_t h, int64_t positions) {
  Features result(positions * p.keyColumns);
  Strides strides(array->shape, op.getLayout());
  for (int64_t n = 0; n < positions; ++n)
    for (int64_t d = 0; d < p.keyColumns; ++d)
      result[n * p.keyColumns + d] = array->floatAt(b * strides.batch + h * strides.head + n * strides.position + d);
  if (!feature)
    return result;
  for (int64_t at = 0, size = int64_t(result.size()); at < size; at += RegionProgram::kBlock) {
    int64_t count = std::min(RegionProgram::kBlock, size - at);
    if (failed(feature->run({b, h, 0, 0, count}, &result[at])))
      return failure();
    std::copy_n(feature->floats(), count, &result[at]);
  }
  return result;
}

State Evaluator::initialState(int64_t b, int64_t h) const {
  State state(p.keyColumns, p.valueColumns + 1);
  if (!p.initial)
    return state;
  state.tokens = 1;
  int64_t columns = op.getStateColumns();
  for (int64_t d = 0; d < p.keyColumns; ++d)
    for (int64_t c = 0; c < columns; ++c) {
      double element = p.initial->floatAt(((b * p.kvHeads + h) * p.keyColumns + d) * columns + c);
      state.sums[d * state.columns + c] = element;
      state.sizes[d * state.columns + c] = std::fabs(element);
    }
  for (int64_t c = 0; c < state.columns; ++c)
    state.errors[c] = state.length(c);
  return state;
}

double Evaluator::decayAt(int64_t b, int64_t h, int64_t t, int64_t d) const {
  if (!p.decay)
    return 0;
  size_t rank = p.decay->shape.size();
  if (rank == 1)
    return p.decay->floatAt(h);
  bool bhnd = op.getLayout() == fovea::attn::Layout::BHND;
  int64_t token = bhnd ? (b * p.kvHeads + h) * p.keys + t : (b * p.keys + t) * p.kvHeads + h;
  return p.decay->floatAt(rank == 3 ? token : token * p.keyColumns + d);
}

/// v - R^T k, times beta: what the delta rule writes.
void Evaluator::correct(State &state, int64_t b, int64_t h, int64_t t, const double *key,
                        std::vector<double> &values) const {
  bool bhnd = op.getLayout() == fovea::attn::Layout::BHND;
  double beta = p.beta->floatAt(bhnd ? (b * p.kvHeads + h) * p.keys + t : (b * p.keys + t) * p.kvHeads + h);
  double length = std::sqrt(double(p.keyColumns)) * rootMeanSquare(key, p.keyColumns);
  double grows = std::max(1.0, std::fabs(1 - beta * length * length));
  for (int64_t c = 0; c < state.columns; ++c) {
    double recalled = 0, before = state.length(c);
    for (int64_t d = 0; d < p.keyColumns; ++d)
      recalled += key[d] * state.sums[d * state.columns + c];
    double own = before + std::fabs(beta) * length * (std::fabs(values[c]) + length * before);
    state.errors[c] = std::hypot(grows * state.errors[c], own);
    values[c] = beta * (values[c] - recalled);
  }
}

void Evaluator::step(State &state, int64_t b, int64_t h, int64_t t, const double *key) {
  constexpr int64_t kWindow = fovea::attn::kMaxParallelTokens; // no chunk is longer
  constexpr double kVanished = 104;                            // e^-104 is 0 in f32
  Strides strides(p.value->shape, op.getLayout());
  int64_t from = b * strides.batch + h * strides.head + t * strides.position;
  std::vector<double> values(state.columns, 1.0);
  for (int64_t c = 0; c < p.valueColumns; ++c)
    values[c] = p.value->floatAt(from + c);
  double most = 0, mostKept = 0;
  for (int64_t d = 0; d < p.keyColumns; ++d) {
    double g = decayAt(b, h, t, d), kept = std::exp(g);
    most = std::max(most, std::min(std::fabs(g), kVanished));
    mostKept = std::max(mostKept, kept);
    for (int64_t c = d * state.columns; p.decay && c < (d + 1) * state.columns; ++c) {
      state.sums[c] *= kept;
      state.sizes[c] *= kept;
    }
  }
  if (p.beta) {
    for (double &error : state.errors)
      error *= mostKept;
    correct(state, b, h, t, key, values);
  }
  for (int64_t d = 0; d < p.keyColumns; ++d)
    for (int64_t c = 0; c < state.columns; ++c) {
      state.sums[d * state.columns + c] += key[d] * values[c];
      state.sizes[d * state.columns + c] += std::fabs(key[d] * values[c]);
    }
  ++state.tokens;
  if (!p.decay)
    return;
  largest.resize(t);
  largest.push_back(most);
  double window = 0;
  for (int64_t k = std::max<int64_t>(0, t - kWindow); k <= t; ++k)
    window += largest[k];
  state.decayed = std::max(state.decayed, window);
}

/// The reference must come out the same where it is no number; fp32 may overflow where it is large.
double boundOf(double value, double relative, double size) {
  if (!std::isfinite(value))
    return kSmallestNormal;
  if (!(size <= FLT_MAX))
    return INFINITY;
  return kErrorFactor * (relative * size + kFloatEpsilon * std::fabs(value)) + kSmallestNormal;
}

Reading Evaluator::product(const State &state, const double *query) const {
  Reading reading{std::vector<double>(state.columns), std::vector<double>(state.columns)};
  bool dividesByZ =
      op.getNormalizer() == fovea::attn::Normalizer::Z || op.getNormalizer() == fovea::attn::Normalizer::NormZ;
  double epsilon = op.getEpsilon().convertToDouble(), norm = 1;
  if (op.getNormalizer() == fovea::attn::Normalizer::NormZ)
    norm = std::sqrt(std::pow(rootMeanSquare(query, p.keyColumns), 2) + epsilon);
  for (int64_t d = 0; d < p.keyColumns; ++d) {
    const double *sums = &state.sums[d * state.columns], *sizes = &state.sizes[d * state.columns];
    double divisor = dividesByZ ? norm * (sums[p.valueColumns] + epsilon) : 1, element = query[d] / divisor;
    double error = dividesByZ ? sizes[p.valueColumns] * norm / std::fabs(divisor) : 0; // of the divisor, relative
    for (int64_t c = 0; c < state.columns; ++c) {
      reading.sums[c] += element * sums[c];
      reading.sizes[c] += std::fabs(element) * (sizes[c] + error * std::fabs(sums[c]));
    }
  }
  double length = std::sqrt(double(p.keyColumns)) * rootMeanSquare(query, p.keyColumns);
  for (int64_t c = 0; p.beta && c < state.columns; ++c)
    reading.sizes[c] = length * state.errors[c];
  return reading;
}

/// The scale, or the division that comes after the product.
void Evaluator::divide(Reading &reading) const {
  double epsilon = op.getEpsilon().convertToDouble(), scale = op.getScale().convertToDouble();
  double divisor = 1 / scale, size = 0; // of the divisor
  if (op.getNormalizer() == fovea::attn::Normalizer::QZ) {
    divisor = reading.sums.back() + epsilon;
    size = reading.sizes.back();
  }
  if (op.getNormalizer() == fovea::attn::Normalizer::Norm) {
    divisor = std::sqrt(std::pow(rootMeanSquare(reading.sums.data(), p.valueColumns), 2) + epsilon);
    size = rootMeanSquare(reading.sizes.data(), p.valueColumns);
  }
  for (int64_t c = 0; c < p.valueColumns; ++c) {
    reading.sums[c] /= divisor;
    reading.sizes[c] = (reading.sizes[c] + std::fabs(reading.sums[c]) * size) / std::fabs(divisor);
  }
}

void Evaluator::read(const State &state, int64_t b, int64_t h, int64_t t, const double *query,
                     LinearResult &result) const {
  Reading reading = product(state, query);
  bool isNorm = op.getNormalizer() == fovea::attn::Normalizer::Norm;
  double all = isNorm ? *llvm::max_element(reading.sizes) : reading.sizes.back();
  std::vector<double> before = reading.sizes;
  divide(reading);
  Strides strides(result.output.value.shape, op.getLayout());
  int64_t to = b * strides.batch + h * strides.head + t * strides.position;
  for (int64_t c = 0; c < p.valueColumns; ++c) {
    result.output.value.data<double>()[to + c] = reading.sums[c];
    double size = std::max(before[c], all) > FLT_MAX ? INFINITY : reading.sizes[c];
    result.output.bound[to + c] = boundOf(reading.sums[c], state.relativeError(bool(p.beta)), size);
  }
}

/// 0, exactly.
void Evaluator::readPadding(int64_t b, int64_t h, int64_t t, LinearResult &result) const {
  Strides strides(result.output.value.shape, op.getLayout());
  int64_t to = b * strides.batch + h * strides.head + t * strides.position;
  std::fill_n(result.output.bound.begin() + to, p.valueColumns, kSmallestNormal);
}

void Evaluator::store(const State &state, int64_t b, int64_t h, LinearResult &result) const {
  int64_t columns = result.state.value.shape[3];
  for (int64_t d = 0; d < p.keyColumns; ++d)
    for (int64_t c = 0; c < columns; ++c) {
      int64_t to = ((b * p.kvHeads + h) * p.keyColumns + d) * columns + c, from = d * state.columns + c;
      result.state.value.data<double>()[to] = state.sums[from];
      result.state.bound[to] =
          boundOf(state.sums[from], state.relativeError(bool(p.beta)), p.beta ? state.errors[c] : state.sizes[from]);
    }
}

Output emptyOutput(ArrayRef<int64_t> shape) {
  Output output;
  output.value = HostTensor::zeros(DType::F64, shape);
  output.bound.assign(output.value.size(), -1);
  return output;
}

} // namespace

FailureOr<LinearResult> fovea::reference::evaluate(const LinearProblem &p, Lookup lookup,
                                                   const EvaluationOptions &options) {
  Evaluator evaluator(p, lookup);
  if (failed(evaluator.compile()))
    return failure();
  fovea::attn::LinearAttentionOp op = p.op;
  LinearResult result;
  result.output = emptyOutput(p.outputShape());
  result.state = emptyOutput(p.stateShape());
  // The state takes every token; only queries can be left out.
  double perRow = 2 * double(p.batches * p.heads * p.keyColumns) * double(p.valueColumns + 1);
  double affordable = perRow > 0 ? options.maxMultiplyAdds / perRow : double(p.queries);
  std::vector<int64_t> rows = sampleRows(p.queries, int64_t(std::min(affordable, double(p.queries))));
  result.rows = p.batches * p.heads * p.queries;
  result.evaluatedRows = p.batches * p.heads * int64_t(rows.size());

  int64_t group = p.kvHeads ? p.heads / p.kvHeads : 0;
  for (int64_t b = 0; b < p.batches; ++b)
    for (int64_t h = 0; h < p.kvHeads; ++h) {
      FailureOr<Features> keys = evaluator.features(p.key, b, h, p.keys);
      if (failed(keys))
        return failure();
      std::vector<Features> queries;
      for (int64_t member = 0; member < group; ++member) {
        FailureOr<Features> query = evaluator.features(p.query, b, h * group + member, p.queries);
        if (failed(query))
          return failure();
        queries.push_back(std::move(*query));
      }
      State state = evaluator.initialState(b, h);
      auto read = [&](int64_t t) {
        for (int64_t member = 0; member < group; ++member)
          evaluator.read(state, b, h * group + member, t, &queries[member][t * p.keyColumns], result);
      };
      auto next = rows.begin();
      for (int64_t t = 0; t < p.tokensOf(b); ++t) {
        evaluator.step(state, b, h, t, &(*keys)[t * p.keyColumns]);
        if (op.isCausal() && next != rows.end() && *next == t) {
          read(t);
          ++next;
        }
      }
      if (!op.isCausal())
        llvm::for_each(rows, read);
      for (; op.isCausal() && next != rows.end(); ++next)
        for (int64_t member = 0; member < group; ++member)
          evaluator.readPadding(b, h * group + member, *next, result);
      evaluator.store(state, b, h, result);
    }
  return result;
}
