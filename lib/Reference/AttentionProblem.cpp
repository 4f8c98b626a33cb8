// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shapes of one attention at run time, which rows to look at, and how much work it is.
#include "Attention.h"
#include "Rope.h"

#include "mlir/IR/Matchers.h"

#include <cmath>

using namespace mlir;
using namespace fovea::reference;
using fovea::attn::AttentionOp;
using fovea::attn::Layout;

Strides::Strides(ArrayRef<int64_t> shape, Layout layout) {
  batch = shape[1] * shape[2] * shape[3];
  int64_t outer = shape[2] * shape[3], inner = shape[3];
  head = layout == Layout::BHND ? outer : inner;
  position = layout == Layout::BHND ? inner : outer;
}

std::vector<int64_t> fovea::reference::sampleRows(int64_t total, int64_t count) {
  count = std::min(total, std::max<int64_t>(count, 2));
  std::vector<int64_t> rows(count);
  for (int64_t k = 0; k < count; ++k)
    rows[k] = count == 1 ? 0 : int64_t(__int128(k) * (total - 1) / (count - 1));
  return rows;
}

static FailureOr<TensorRef> arrayOf(Value value, AttentionOp op, Lookup lookup) {
  const RuntimeValue *known = lookup(value);
  if (!known || !std::holds_alternative<TensorRef>(*known))
    return op.emitError() << "the reference does not know an operand's array";
  return std::get<TensorRef>(*known);
}

static LogicalResult readOffsets(AttentionProblem &problem, Lookup lookup) {
  AttentionOp op = problem.op;
  problem.offsets.assign(problem.batches, 0);
  if (!op.getQOffset())
    return success();
  const RuntimeValue *offset = lookup(op.getQOffset());
  if (!offset)
    return op.emitError() << "the reference does not know q_offset";
  if (auto *scalar = std::get_if<int64_t>(offset)) {
    problem.offsets.assign(problem.batches, *scalar);
    return success();
  }
  const HostTensor &array = *std::get<TensorRef>(*offset);
  if (array.shape.size() != 1 || array.shape[0] != problem.batches)
    return op.emitError() << "q_offset has shape " << formatShape(array.shape) << ", but there are " << problem.batches
                          << " sequences";
  for (int64_t b = 0; b < problem.batches; ++b)
    problem.offsets[b] = array.intAt(b);
  return success();
}

static LogicalResult readProjections(AttentionProblem &problem, Lookup lookup) {
  AttentionOp op = problem.op;
  FailureOr<TensorRef> keyUp = arrayOf(op.getLatent()[0], op, lookup), valueUp = arrayOf(op.getLatent()[1], op, lookup);
  if (failed(keyUp) || failed(valueUp))
    return failure();
  if ((*keyUp)->shape[0] != problem.heads || (*valueUp)->shape[0] != problem.heads || problem.kvHeads != 1)
    return op.emitError() << "key_up " << formatShape((*keyUp)->shape) << " and value_up "
                          << formatShape((*valueUp)->shape) << " do not fit " << problem.heads << " query heads and "
                          << problem.kvHeads << " heads of the cache";
  problem.keyUp = *keyUp;
  problem.valueUp = *valueUp;
  problem.kvHeads = problem.heads;
  problem.valueColumns = op.getValueHeadSize();
  problem.latents = op.getLatentSize();
  return success();
}

/// `rows` with each row x as g x / sqrt(mean(x^2) + epsilon).
static FailureOr<TensorRef> normalize(AttentionOp op, const TensorRef &rows, Value gain, Lookup lookup) {
  FailureOr<TensorRef> gains = arrayOf(gain, op, lookup);
  if (failed(gains))
    return failure();
  int64_t columns = rows->shape[3];
  if ((*gains)->size() != columns)
    return op.emitError() << "gains " << formatShape((*gains)->shape) << " do not fit rows "
                          << formatShape(rows->shape);
  auto normalized = std::make_shared<HostTensor>(HostTensor::zeros(DType::F64, rows->shape));
  for (int64_t row = 0; row < rows->size(); row += columns) {
    double squares = 0;
    for (int64_t d = 0; d < columns; ++d)
      squares += rows->floatAt(row + d) * rows->floatAt(row + d);
    double rms = std::sqrt(squares / double(columns) + op.getEffectiveEpsilon());
    for (int64_t d = 0; d < columns; ++d)
      normalized->data<double>()[row + d] = (*gains)->floatAt(d) * rows->floatAt(row + d) / rms;
  }
  return TensorRef(normalized);
}

static LogicalResult readAdditive(AttentionProblem &problem, Lookup lookup) {
  AttentionOp op = problem.op;
  if (!op.getAdditive())
    return success();
  FailureOr<TensorRef> weights = arrayOf(op.getAdditive(), op, lookup);
  if (failed(weights))
    return failure();
  if ((*weights)->shape[0] != problem.heads)
    return op.emitError() << "additive " << formatShape((*weights)->shape) << " does not fit " << problem.heads
                          << " query heads";
  problem.additive = *weights;
  return success();
}

FailureOr<AttentionProblem> AttentionProblem::create(AttentionOp op, Lookup lookup) {
  FailureOr<TensorRef> query = arrayOf(op.getQuery(), op, lookup), key = arrayOf(op.getKey(), op, lookup),
                       value = arrayOf(op.getValue(), op, lookup);
  if (failed(query) || failed(key) || failed(value))
    return failure();
  SmallVector<int64_t, 4> order = AttentionOp::dimensionOrder(op.getLayout());
  const auto &q = (*query)->shape, &k = (*key)->shape, &v = (*value)->shape;
  if (k[order[0]] != q[order[0]] || v[order[0]] != q[order[0]] || k[order[1]] != v[order[1]] ||
      k[order[2]] != v[order[2]] || (k[3] != q[3] && !op.isLatent()))
    return op.emitError() << "query " << formatShape(q) << ", key " << formatShape(k) << " and value " << formatShape(v)
                          << " do not fit together";
  AttentionProblem problem{op, *query,      *key,        *value,      {},          {},          {},   {},  {},
                           {}, q[order[0]], q[order[1]], k[order[1]], q[order[2]], k[order[2]], q[3], v[3]};
  if (op.isLatent() && failed(readProjections(problem, lookup)))
    return failure();
  if (problem.kvHeads == 0 ? problem.heads != 0 : problem.heads % problem.kvHeads != 0)
    return op.emitError() << problem.heads << " query heads are not a multiple of " << problem.kvHeads << " kv heads";
  if (failed(readOffsets(problem, lookup)) || failed(readAdditive(problem, lookup)))
    return failure();
  for (auto [rows, gain] : {std::pair(&problem.query, op.getQueryNorm()), std::pair(&problem.key, op.getKeyNorm())}) {
    if (!gain)
      continue;
    FailureOr<TensorRef> normalized = normalize(op, *rows, gain, lookup);
    if (failed(normalized))
      return failure();
    *rows = *normalized;
  }
  auto rotateBy = [&](TensorRef &rows, OperandRange tables, ArrayRef<int64_t> offsets) -> LogicalResult {
    if (tables.empty())
      return success();
    int64_t first = op.isLatent() ? rows->shape[3] - AttentionOp::getRotatedColumns(tables) : 0;
    FailureOr<TensorRef> rotated = rotate(op, rows, tables, op.getPairing(), op.getLayout(), offsets, first, lookup);
    if (failed(rotated))
      return failure();
    rows = *rotated;
    return success();
  };
  std::vector<int64_t> none(problem.batches, 0);
  if (op.hasFar()) {
    problem.farQuery = problem.query;
    problem.farKey = problem.key;
    if (failed(rotateBy(problem.farQuery, op.getFarQueryRope(), problem.offsets)) ||
        failed(rotateBy(problem.farKey, op.getFarKeyRope(), none)))
      return failure();
  }
  if (failed(rotateBy(problem.query, op.getQueryRope(), problem.offsets)) ||
      failed(rotateBy(problem.key, op.getKeyRope(), none)))
    return failure();
  return problem;
}

std::vector<int64_t> AttentionProblem::outputShape() const {
  if (AttentionOp(op).getLayout() == Layout::BNHD)
    return {batches, queries, heads, valueColumns};
  return {batches, heads, queries, valueColumns};
}

FailureOr<Work> fovea::reference::countWork(const AttentionProblem &problem, Lookup lookup, double maxPairs) {
  AttentionOp op = problem.op;
  Work work;
  // Additive scores take four multiply-adds a column: 1 + e^2q e^2k, two that refine its reciprocal, and the weight's.
  work.additive = bool(op.getAdditive());
  double columns = double(problem.keyColumns) * (work.additive ? 4 : 1) + double(problem.valueColumns);
  if (!op.hasMask() || problem.pairs() == 0) {
    work.pairs = problem.pairs();
    work.flops = 2 * work.pairs * columns;
    return work;
  }
  FailureOr<RegionProgram> mask = RegionProgram::compile(op.getMask(), lookup);
  if (failed(mask))
    return failure();
  // A mask that does not ask for the sequence or the head is the same for all of them.
  bool sameOffsets = llvm::all_equal(problem.offsets);
  int64_t batches = op.getMask().getArgument(0).use_empty() && sameOffsets ? 1 : problem.batches;
  int64_t heads = op.getMask().getArgument(1).use_empty() ? 1 : problem.heads;
  double asked = double(batches) * double(heads) * double(problem.keys);
  std::vector<int64_t> rows = sampleRows(problem.queries, int64_t(std::min(maxPairs / asked, double(problem.queries))));
  int64_t visible = 0;
  for (int64_t b = 0; b < batches; ++b)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t row : rows)
        for (int64_t j = 0; j < problem.keys; j += RegionProgram::kBlock) {
          int64_t count = std::min(RegionProgram::kBlock, problem.keys - j);
          if (failed(mask->run({b, h, row + problem.offsets[b], j, count})))
            return failure();
          visible -= std::accumulate(mask->ints(), mask->ints() + count, int64_t(0)); // true is -1
        }
  work.exact = int64_t(rows.size()) == problem.queries;
  double repeats = double(problem.batches / batches) * double(problem.heads / heads);
  work.pairs = double(visible) * repeats * double(problem.queries) / double(rows.size());
  work.flops = 2 * work.pairs * columns;
  return work;
}
