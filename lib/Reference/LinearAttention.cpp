// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The recurrence S_t = e^{g_t} S_{t-1} + k_t v_t^T, a token at a time. z is one more column of S, for a value of 1.
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
  int64_t tokens = 0;
  double decayed = 0; // the most that 64 tokens in a row have decayed, as a sum of |g|

  State(int64_t rows, int64_t columns) : rows(rows), columns(columns), sums(rows * columns), sizes(rows * columns) {}

  /// The error of an element relative to `sizes`. Chunks sum g: what a sum rounds off is relative to the sum.
  double relativeError() const {
    constexpr double kFeature = 8; // of a feature map, and of exponentials
    return kFloatEpsilon * (std::sqrt(double(tokens)) + std::sqrt(double(rows)) + kFeature + decayed);
  }
};

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
  void store(const State &state, int64_t b, int64_t h, LinearResult &result) const;

private:
  double decayAt(int64_t b, int64_t h, int64_t t, int64_t d) const;

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
  int64_t columns = op.isNormalized() ? p.valueColumns + 1 : p.valueColumns;
  for (int64_t d = 0; d < p.keyColumns; ++d)
    for (int64_t c = 0; c < columns; ++c) {
      double element = p.initial->floatAt(((b * p.kvHeads + h) * p.keyColumns + d) * columns + c);
      state.sums[d * state.columns + c] = element;
      state.sizes[d * state.columns + c] = std::fabs(element);
    }
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

void Evaluator::step(State &state, int64_t b, int64_t h, int64_t t, const double *key) {
  constexpr int64_t kWindow = 64;   // tokens; no chunk is longer
  constexpr double kVanished = 104; // e^-104 is 0 in f32
  Strides strides(p.value->shape, op.getLayout());
  int64_t from = b * strides.batch + h * strides.head + t * strides.position;
  std::vector<double> values(state.columns, 1.0);
  for (int64_t c = 0; c < p.valueColumns; ++c)
    values[c] = p.value->floatAt(from + c);
  double most = 0;
  for (int64_t d = 0; d < p.keyColumns; ++d) {
    double g = decayAt(b, h, t, d), kept = std::exp(g);
    most = std::max(most, std::min(std::fabs(g), kVanished));
    double *sums = &state.sums[d * state.columns], *sizes = &state.sizes[d * state.columns];
    for (int64_t c = 0; c < state.columns; ++c) {
      sums[c] = kept * sums[c] + key[d] * values[c];
      sizes[c] = kept * sizes[c] + std::fabs(key[d] * values[c]);
    }
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

void Evaluator::read(const State &state, int64_t b, int64_t h, int64_t t, const double *query,
                     LinearResult &result) const {
  std::vector<double> sums(state.columns), sizes(state.columns);
  for (int64_t d = 0; d < p.keyColumns; ++d)
    for (int64_t c = 0; c < state.columns; ++c) {
      sums[c] += query[d] * state.sums[d * state.columns + c];
      sizes[c] += std::fabs(query[d]) * state.sizes[d * state.columns + c];
    }
  Strides strides(result.output.value.shape, op.getLayout());
  int64_t to = b * strides.batch + h * strides.head + t * strides.position;
  double scale = op.getScale().convertToDouble(), relative = state.relativeError();
  double divisor = sums.back() + op.getEpsilon().convertToDouble();
  for (int64_t c = 0; c < p.valueColumns; ++c) {
    double value = op.isNormalized() ? sums[c] / divisor : scale * sums[c];
    double size = op.isNormalized() ? (sizes[c] + std::fabs(value) * sizes.back()) / std::fabs(divisor)
                                    : std::fabs(scale) * sizes[c];
    result.output.value.data<double>()[to + c] = value;
    result.output.bound[to + c] = std::max(sizes[c], sizes.back()) > FLT_MAX ? boundOf(value, relative, INFINITY)
                                                                             : boundOf(value, relative, size);
  }
}

void Evaluator::store(const State &state, int64_t b, int64_t h, LinearResult &result) const {
  int64_t columns = result.state.value.shape[3];
  for (int64_t d = 0; d < p.keyColumns; ++d)
    for (int64_t c = 0; c < columns; ++c) {
      int64_t to = ((b * p.kvHeads + h) * p.keyColumns + d) * columns + c, from = d * state.columns + c;
      result.state.value.data<double>()[to] = state.sums[from];
      result.state.bound[to] = boundOf(state.sums[from], state.relativeError(), state.sizes[from]);
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
      for (int64_t t = 0; t < p.keys; ++t) {
        evaluator.step(state, b, h, t, &(*keys)[t * p.keyColumns]);
        if (op.isCausal() && next != rows.end() && *next == t) {
          read(t);
          ++next;
        }
      }
      if (!op.isCausal())
        llvm::for_each(rows, read);
      evaluator.store(state, b, h, result);
    }
  return result;
}

Work fovea::reference::countWork(const LinearProblem &p) {
  Work work;
  work.stateSteps = double(p.batches) * (double(p.kvHeads) * double(p.keys) + double(p.heads) * double(p.queries));
  work.flops = 2 * work.stateSteps * double(p.keyColumns) * double(p.valueColumns);
  return work;
}

static LogicalResult find(Value value, fovea::attn::LinearAttentionOp op, Lookup lookup, TensorRef &array) {
  if (!value)
    return success();
  const RuntimeValue *known = lookup(value);
  if (!known || !std::holds_alternative<TensorRef>(*known))
    return op.emitError() << "the reference does not know an operand's array";
  array = std::get<TensorRef>(*known);
  return success();
}

FailureOr<LinearProblem> LinearProblem::create(attn::LinearAttentionOp op, Lookup lookup) {
  LinearProblem p{op, {}, {}, {}, {}, {}, 0, 0, 0, 0, 0, 0, 0};
  if (failed(find(op.getQuery(), op, lookup, p.query)) || failed(find(op.getKey(), op, lookup, p.key)) ||
      failed(find(op.getValue(), op, lookup, p.value)) || failed(find(op.getDecay(), op, lookup, p.decay)) ||
      failed(find(op.getInitialState(), op, lookup, p.initial)))
    return failure();
  SmallVector<int64_t, 4> order = attn::AttentionOp::dimensionOrder(op.getLayout());
  const auto &q = p.query->shape, &k = p.key->shape, &v = p.value->shape;
  if (k[order[0]] != q[order[0]] || v[order[0]] != q[order[0]] || k[order[1]] != v[order[1]] ||
      k[order[2]] != v[order[2]] || k[3] != q[3] || (op.isCausal() && q[order[2]] != k[order[2]]))
    return op.emitError() << "query " << formatShape(q) << ", key " << formatShape(k) << " and value " << formatShape(v)
                          << " do not fit together";
  p.batches = q[0], p.heads = q[order[1]], p.kvHeads = k[order[1]], p.queries = q[order[2]], p.keys = k[order[2]];
  p.keyColumns = k[3], p.valueColumns = v[3];
  if (p.kvHeads == 0 ? p.heads != 0 : p.heads % p.kvHeads != 0)
    return op.emitError() << p.heads << " query heads are not a multiple of " << p.kvHeads << " kv heads";
  if (p.initial && p.initial->shape != p.stateShape())
    return op.emitError() << "initial_state has shape " << formatShape(p.initial->shape) << ", but must have "
                          << formatShape(p.stateShape());
  std::vector<int64_t> tokens = {k[0], k[1], k[2], k[3]};
  if (p.decay && p.decay->shape.size() == 1)
    tokens = {p.kvHeads};
  else if (p.decay)
    tokens.resize(p.decay->shape.size());
  if (p.decay && p.decay->shape != tokens)
    return op.emitError() << "decay has shape " << formatShape(p.decay->shape) << ", but key makes it "
                          << formatShape(tokens);
  return p;
}

std::vector<int64_t> LinearProblem::outputShape() const {
  if (attn::LinearAttentionOp(op).getLayout() == attn::Layout::BNHD)
    return {batches, queries, heads, valueColumns};
  return {batches, heads, queries, valueColumns};
}

std::vector<int64_t> LinearProblem::stateShape() const {
  return {batches, kvHeads, keyColumns, attn::LinearAttentionOp(op).getStateColumns()};
}
