// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// softmax(score(scale q k^T), where mask) v, a row at a time.
#include "Attention.h"
#include "Additive.h"

#include <cfloat>
#include <cmath>

using namespace mlir;
using namespace fovea::reference;

// The same source for the widest vectors at hand; ifuncs and sanitizers do not mix.
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
#define FOVEA_WIDEST __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FOVEA_WIDEST
#endif

namespace {

/// y += a x
FOVEA_WIDEST void accumulate(int64_t n, double a, const double *x, double *y) {
  for (int64_t k = 0; k < n; ++k)
    y[k] += a * x[k];
}

/// y += a x, z += a |x|
FOVEA_WIDEST void accumulateBoth(int64_t n, double a, const double *x, double *y, double *z) {
  for (int64_t k = 0; k < n; ++k) {
    y[k] += a * x[k];
    z[k] += a * std::fabs(x[k]);
  }
}

FOVEA_WIDEST double dot(int64_t n, const double *x, const double *y) {
  double sum = 0;
  for (int64_t k = 0; k < n; ++k)
    sum += x[k] * y[k];
  return sum;
}

/// Euclidean norm of n elements, `stride` apart.
double norm(int64_t n, const double *x, int64_t stride) {
  double squares = 0;
  for (int64_t k = 0; k < n; ++k)
    squares += x[k * stride] * x[k * stride];
  return std::sqrt(squares);
}

/// One kv head in fp64. Keys are transposed: scores of many keys are then sums over vectors.
struct Head {
  std::vector<double> keys;   // [Dk, Nk]
  std::vector<double> values; // [Nk, Dv]
  std::vector<double> far;    // [Dk, Nk] of two rotations the other
  std::vector<double> norms;  // [Nk] of the keys, whichever is larger
  std::vector<double> sizes;  // [Nk, Dv] of what the values are sums of; empty: the values' own

  Head(const AttentionProblem &p, int64_t b, int64_t h)
      : keys(p.keyColumns * p.keys), values(p.keys * p.valueColumns), norms(p.keys) {
    p.keyUp ? expand(p, b, h) : read(p, b, h);
  }

private:
  void read(const AttentionProblem &p, int64_t b, int64_t h) {
    fovea::attn::Layout layout = fovea::attn::AttentionOp(p.op).getLayout();
    Strides valueStrides(p.value->shape, layout);
    readKeys(p, *p.key, b, h, keys);
    if (p.farKey) {
      far.resize(keys.size());
      readKeys(p, *p.farKey, b, h, far);
    }
    for (int64_t j = 0; j < p.keys; ++j) {
      int64_t from = b * valueStrides.batch + h * valueStrides.head + j * valueStrides.position;
      for (int64_t d = 0; d < p.valueColumns; ++d)
        values[j * p.valueColumns + d] = p.value->floatAt(from + d);
    }
  }

  void readKeys(const AttentionProblem &p, const HostTensor &key, int64_t b, int64_t h, std::vector<double> &to) {
    Strides strides(key.shape, fovea::attn::AttentionOp(p.op).getLayout());
    for (int64_t j = 0; j < p.keys; ++j) {
      int64_t from = b * strides.batch + h * strides.head + j * strides.position;
      for (int64_t d = 0; d < p.keyColumns; ++d)
        to[d * p.keys + j] = key.floatAt(from + d);
      norms[j] = std::max(norms[j], norm(p.keyColumns, &to[j], p.keys));
    }
  }

  /// A sum of products is off by eps times the norms of its factors, however small it is itself.
  void expand(const AttentionProblem &p, int64_t b, int64_t h) {
    Strides strides(p.key->shape, fovea::attn::AttentionOp(p.op).getLayout());
    int64_t own = p.keyUp->shape[1], shared = p.keyColumns - own;
    std::vector<double> keyUp = projection(*p.keyUp, h), valueUp = projection(*p.valueUp, h), latent(p.latents);
    double keyUpNorm = norm(own * p.latents, keyUp.data(), 1);
    sizes.resize(values.size());
    for (int64_t j = 0; j < p.keys; ++j) {
      int64_t from = b * strides.batch + j * strides.position;
      for (int64_t c = 0; c < p.latents; ++c)
        latent[c] = p.key->floatAt(from + c);
      double latentNorm = norm(p.latents, latent.data(), 1);
      for (int64_t d = 0; d < own; ++d)
        keys[d * p.keys + j] = dot(p.latents, &keyUp[d * p.latents], latent.data());
      for (int64_t d = 0; d < shared; ++d)
        keys[(own + d) * p.keys + j] = p.key->floatAt(from + p.latents + d);
      double sharedNorm = shared ? norm(shared, &keys[own * p.keys + j], p.keys) : 0;
      norms[j] = std::hypot(keyUpNorm * latentNorm, sharedNorm);
      for (int64_t e = 0; e < p.valueColumns; ++e) {
        const double *row = &valueUp[e * p.latents];
        values[j * p.valueColumns + e] = dot(p.latents, row, latent.data());
        sizes[j * p.valueColumns + e] = norm(p.latents, row, 1) * latentNorm;
      }
    }
  }

  static std::vector<double> projection(const HostTensor &up, int64_t h) {
    int64_t count = up.shape[1] * up.shape[2];
    std::vector<double> result(count);
    for (int64_t k = 0; k < count; ++k)
      result[k] = up.floatAt(h * count + k);
    return result;
  }
};

constexpr double kOperations = 8; // roundings of a score region's own code, in units of the weight

/// One query row: everything about it, written down.
struct Row {
  int64_t b, h, i;                       // i: absolute position
  std::vector<double> query, farQuery;   // [Dk]
  std::vector<double> s, t;              // [Nk] scaled dot products and scores
  std::vector<double> e;                 // [Nk] pointwise weights: how far t moves with the rounding of s
  std::vector<uint8_t> seen;             // [Nk]
  std::vector<double> output, magnitude; // [Dv] sum p v, sum p |v|
  double lse = 0;
  int64_t visible = 0;

  explicit Row(const AttentionProblem &p)
      : query(p.keyColumns), farQuery(p.farQuery ? p.keyColumns : 0), s(p.keys), t(p.keys), e(p.keys), seen(p.keys),
        output(p.valueColumns), magnitude(p.valueColumns) {}
};

class Evaluator {
public:
  Evaluator(const AttentionProblem &problem, Lookup lookup)
      : p(problem), op(problem.op), scale(op.getEffectiveScale()), lookup(lookup) {
    // An element of a normalised row is off by three roundings; kErrorFactor multiplies this.
    constexpr double kOfNorm = 3 / kErrorFactor;
    dotError = 1 + (op.getQueryNorm() ? kOfNorm : 0) + (op.getKeyNorm() ? kOfNorm : 0);
    for (int64_t h = 0; p.additive && h < p.heads; ++h)
      additive.emplace_back(p, h);
  }

  LogicalResult compileRegions() {
    for (auto [region, into] :
         {std::pair(&op.getMask(), &mask), std::pair(&op.getFar(), &far), std::pair(&op.getScore(), &score)}) {
      if (region->empty())
        continue;
      FailureOr<RegionProgram> program = RegionProgram::compile(*region, lookup);
      if (failed(program))
        return failure();
      *into = std::move(*program);
    }
    return success();
  }

  LogicalResult scores(const Head &head, Row &row);
  void softmax(const Head &head, Row &row) const;
  /// t are the weights; `magnitude` becomes the output's error, which the bound multiplies by c.
  LogicalResult pointwise(const Head &head, Row &row);
  /// The factor in front of sum p |v| in the error bound, less the last eps.
  double relativeError(const Head &head, const Row &row) const;

private:
  LogicalResult scoreBlock(const Head &head, Row &row, int64_t j, int64_t count);
  /// <query, key> of `count` keys from j on, or their additive scores, of the rotation that each pair has.
  LogicalResult products(const Head &head, const Row &row, int64_t j, int64_t count, double *s);
  void product(int64_t h, const std::vector<double> &query, const std::vector<double> &keys, int64_t j, int64_t count,
               double *s) const;
  double queryNorm(const Row &row) const {
    return std::max(norm(p.keyColumns, row.query.data(), 1),
                    norm(int64_t(row.farQuery.size()), row.farQuery.data(), 1));
  }
  /// How far s may be off, in units of eps: by the norms of its factors, however small it is itself.
  double scoreError(const Row &row, double queryNorm, double keyNorm) const {
    double size = additive.empty() ? std::fabs(scale) * queryNorm * keyNorm : additive[row.h].error(queryNorm, keyNorm);
    return dotError * size;
  }

  const AttentionProblem &p;
  fovea::attn::AttentionOp op;
  double scale;
  double dotError; // of a dot product, in units of eps and the norms of its factors
  Lookup lookup;
  std::optional<RegionProgram> mask, far, score;
  std::vector<AdditiveScores> additive; // per head
};

void Evaluator::product(int64_t h, const std::vector<double> &query, const std::vector<double> &keys, int64_t j,
                        int64_t count, double *s) const {
  std::fill_n(s, count, 0.0);
  if (!additive.empty())
    return additive[h].score(query, keys, j, count, s);
  for (int64_t d = 0; d < p.keyColumns; ++d)
    accumulate(count, query[d], &keys[d * p.keys + j], s);
}

LogicalResult Evaluator::products(const Head &head, const Row &row, int64_t j, int64_t count, double *s) {
  product(row.h, row.query, head.keys, j, count, s);
  if (!far)
    return success();
  double other[RegionProgram::kBlock];
  product(row.h, row.farQuery, head.far, j, count, other);
  if (failed(far->run({row.b, row.h, row.i, j, count})))
    return failure();
  for (int64_t k = 0; k < count; ++k)
    if (far->ints()[k] != 0)
      s[k] = other[k];
  return success();
}

LogicalResult Evaluator::scoreBlock(const Head &head, Row &row, int64_t j, int64_t count) {
  uint8_t *seen = &row.seen[j];
  std::fill_n(seen, count, uint8_t(1));
  if (mask) {
    if (failed(mask->run({row.b, row.h, row.i, j, count})))
      return failure();
    for (int64_t k = 0; k < count; ++k)
      seen[k] = mask->ints()[k] != 0;
  }
  int64_t visible = std::count(seen, seen + count, 1);
  row.visible += visible;
  if (visible == 0)
    return success();
  double *s = &row.s[j];
  if (failed(products(head, row, j, count, s)))
    return failure();
  for (int64_t k = 0; k < count; ++k)
    s[k] *= scale;
  if (!score) {
    std::copy_n(s, count, &row.t[j]);
    return success();
  }
  if (failed(score->run({row.b, row.h, row.i, j, count}, s, seen)))
    return failure();
  std::copy_n(score->floats(), count, &row.t[j]);
  return success();
}

LogicalResult Evaluator::scores(const Head &head, Row &row) {
  row.visible = 0;
  for (int64_t j = 0; j < p.keys; j += RegionProgram::kBlock)
    if (failed(scoreBlock(head, row, j, std::min(RegionProgram::kBlock, p.keys - j))))
      return failure();
  return success();
}

void Evaluator::softmax(const Head &head, Row &row) const {
  std::fill(row.output.begin(), row.output.end(), 0.0);
  std::fill(row.magnitude.begin(), row.magnitude.end(), 0.0);
  double largest = -INFINITY;
  for (int64_t j = 0; j < p.keys; ++j)
    if (row.seen[j])
      largest = std::isnan(row.t[j]) ? NAN : row.t[j] > largest ? row.t[j] : largest;
  row.lse = largest;
  // A row that sees no key, or only keys with a score of -inf: O = 0, L = -inf.
  if (largest == -INFINITY)
    return;
  double sum = 0;
  for (int64_t j = 0; j < p.keys; ++j)
    if (row.seen[j])
      sum += std::exp(row.t[j] - largest);
  row.lse = largest + std::log(sum);
  for (int64_t j = 0; j < p.keys; ++j)
    if (row.seen[j]) {
      double weight = std::exp(row.t[j] - largest) / sum;
      const double *value = &head.values[j * p.valueColumns];
      if (head.sizes.empty()) {
        accumulateBoth(p.valueColumns, weight, value, row.output.data(), row.magnitude.data());
        continue;
      }
      accumulate(p.valueColumns, weight, value, row.output.data());
      accumulate(p.valueColumns, weight, &head.sizes[j * p.valueColumns], row.magnitude.data());
    }
}

/// s is off by eps times `scoreError`; what that makes of t, the score code itself tells.
LogicalResult Evaluator::pointwise(const Head &head, Row &row) {
  std::fill(row.output.begin(), row.output.end(), 0.0);
  std::fill(row.magnitude.begin(), row.magnitude.end(), 0.0);
  row.lse = 0;
  double size = queryNorm(row);
  for (int64_t j = 0; j < p.keys; j += RegionProgram::kBlock) {
    int64_t count = std::min(RegionProgram::kBlock, p.keys - j);
    double off[RegionProgram::kBlock], moved[RegionProgram::kBlock];
    for (int64_t k = 0; k < count; ++k) {
      off[k] = kFloatEpsilon * scoreError(row, size, head.norms[j + k]);
      row.e[j + k] = score ? 0 : off[k];
    }
    for (double sign : {-1.0, 1.0}) {
      if (!score)
        break;
      for (int64_t k = 0; k < count; ++k)
        moved[k] = row.s[j + k] + sign * off[k];
      if (failed(score->run({row.b, row.h, row.i, j, count}, moved, &row.seen[j])))
        return failure();
      for (int64_t k = 0; k < count; ++k)
        row.e[j + k] = std::max(row.e[j + k], std::fabs(score->floats()[k] - row.t[j + k]));
    }
  }
  double sums = kFloatEpsilon * (std::sqrt(double(row.visible)) + kOperations);
  bool overflows = false;
  for (int64_t j = 0; j < p.keys; ++j) {
    if (!row.seen[j])
      continue;
    const double *value = &head.values[j * p.valueColumns];
    overflows |= std::fabs(row.t[j]) > FLT_MAX && std::isfinite(row.t[j]);
    accumulate(p.valueColumns, row.t[j], value, row.output.data());
    double error = row.e[j] + sums * std::fabs(row.t[j]);
    for (int64_t d = 0; d < p.valueColumns; ++d)
      row.magnitude[d] += error * std::fabs(value[d]);
  }
  if (overflows)
    std::fill(row.magnitude.begin(), row.magnitude.end(), INFINITY);
  return success();
}

double Evaluator::relativeError(const Head &head, const Row &row) const {
  constexpr double kNegligible = 17; // exp(-17) < 2^-24
  double largest = -INFINITY, size = 0, norms = 0;
  for (int64_t j = 0; j < p.keys; ++j)
    if (row.seen[j]) {
      largest = std::max(largest, row.t[j]);
      size = std::max(size, std::fabs(row.s[j]));
      norms = std::max(norms, head.norms[j]);
    }
  if (largest == -INFINITY)
    return 0;
  for (int64_t j = 0; j < p.keys; ++j)
    if (row.seen[j] && row.t[j] >= largest - kNegligible)
      size = std::max(size, std::fabs(row.t[j]));
  double querySize = queryNorm(row);
  if (std::max(size, additive.empty() ? norms * querySize : 0) > FLT_MAX)
    return INFINITY;
  double dots = std::max(std::sqrt(double(p.keyColumns)) * size, scoreError(row, querySize, norms));
  return kFloatEpsilon * (std::sqrt(double(row.visible)) + dots);
}

Output emptyOutput(ArrayRef<int64_t> shape) {
  Output output;
  output.value = HostTensor::zeros(DType::F64, shape);
  output.bound.assign(output.value.size(), -1);
  return output;
}

/// Half a unit in the last place of 1.
double epsilonOf(Type element) {
  return element.isF16() ? kHalfEpsilon : element.isBF16() ? kBFloatEpsilon : kFloatEpsilon;
}

double tinyOf(Type element) { return element.isF16() ? kSmallestHalf : kSmallestNormal; }

/// What 16-bit types add to fp32: weights are rounded to the type of the values they multiply, the result to its own.
struct Rounding {
  double weights, output, tiny;

  explicit Rounding(fovea::attn::AttentionOp op) {
    Type value = op.getValueType().getElementType();
    Type result =
        cast<ShapedType>(op.isValueForm() ? op.getResultTypes()[0] : op.getOuts()[0].getType()).getElementType();
    weights = value.isF32() ? 0 : epsilonOf(value);
    output = epsilonOf(result);
    tiny = tinyOf(result);
  }
};

double outputBound(double output, double magnitude, double relative, const Rounding &rounding) {
  if (!std::isfinite(output)) // must come out the same
    return rounding.tiny;
  if (std::isinf(relative) || magnitude > FLT_MAX)
    return INFINITY;
  return kErrorFactor * (relative + rounding.weights + rounding.output) * magnitude + rounding.tiny;
}

void store(const AttentionProblem &p, const Row &row, int64_t r, double relative, AttentionResult &result) {
  const Rounding rounding(p.op);
  Strides strides(result.output.value.shape, fovea::attn::AttentionOp(p.op).getLayout());
  int64_t to = row.b * strides.batch + row.h * strides.head + r * strides.position;
  for (int64_t d = 0; d < p.valueColumns; ++d) {
    result.output.value.data<double>()[to + d] = row.output[d];
    result.output.bound[to + d] = outputBound(row.output[d], row.magnitude[d], relative, rounding);
  }
  int64_t at = (row.b * p.heads + row.h) * p.queries + r;
  result.lse.value.data<double>()[at] = row.lse;
  double size = row.lse == -INFINITY ? 0 : std::fabs(row.lse);
  result.lse.bound[at] = kErrorFactor * (relative + kFloatEpsilon * size) + kSmallestNormal;
}

} // namespace

FailureOr<AttentionResult> fovea::reference::evaluate(const AttentionProblem &p, Lookup lookup,
                                                      const EvaluationOptions &options) {
  Evaluator evaluator(p, lookup);
  if (failed(evaluator.compileRegions()))
    return failure();
  AttentionResult result;
  result.output = emptyOutput(p.outputShape());
  result.lse = emptyOutput(p.lseShape());
  constexpr double kTanh = 16; // multiply-adds that one takes as long as
  double columns = double(p.keyColumns) * (p.additive ? kTanh : 1) + double(p.valueColumns);
  double perRow = double(p.batches) * double(p.heads) * double(p.keys) * columns;
  double affordable = perRow > 0 ? options.maxMultiplyAdds / perRow : double(p.queries);
  std::vector<int64_t> rows = sampleRows(p.queries, int64_t(std::min(affordable, double(p.queries))));
  result.rows = p.batches * p.heads * p.queries;
  result.evaluatedRows = p.batches * p.heads * int64_t(rows.size());

  Strides strides(p.query->shape, fovea::attn::AttentionOp(p.op).getLayout());
  Row row(p);
  for (row.b = 0; row.b < p.batches; ++row.b)
    for (int64_t kvHead = 0; kvHead < p.kvHeads; ++kvHead) {
      Head head(p, row.b, kvHead);
      int64_t group = p.heads / p.kvHeads;
      for (row.h = kvHead * group; row.h < (kvHead + 1) * group; ++row.h)
        for (int64_t r : rows) {
          row.i = r + p.offsets[row.b];
          int64_t from = row.b * strides.batch + row.h * strides.head + r * strides.position;
          for (int64_t d = 0; d < p.keyColumns; ++d) {
            row.query[d] = p.query->floatAt(from + d);
            if (p.farQuery)
              row.farQuery[d] = p.farQuery->floatAt(from + d);
          }
          if (failed(evaluator.scores(head, row)))
            return failure();
          if (fovea::attn::AttentionOp(p.op).isPointwise()) {
            if (failed(evaluator.pointwise(head, row)))
              return failure();
            store(p, row, r, 1, result);
            continue;
          }
          evaluator.softmax(head, row);
          store(p, row, r, evaluator.relativeError(head, row), result);
        }
    }
  return result;
}
