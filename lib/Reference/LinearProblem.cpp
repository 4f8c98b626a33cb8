// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The arrays of one attn.linear_attention, checked against each other, and its useful work.
#include "LinearAttention.h"

#include "Attention.h"

using namespace mlir;
using namespace fovea::reference;

Work fovea::reference::countWork(const LinearProblem &p) {
  Work work;
  double perToken = p.beta ? 2 : 1; // by the delta rule a key reads before it writes
  bool isCausal = fovea::attn::LinearAttentionOp(p.op).isCausal();
  for (int64_t b = 0; b < p.batches; ++b) {
    double keys = double(p.tokensOf(b)), queries = isCausal ? keys : double(p.queries);
    work.stateSteps += perToken * double(p.kvHeads) * keys + double(p.heads) * queries;
  }
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
  LinearProblem p{op, {}, {}, {}, {}, {}, {}, {}, 0, 0, 0, 0, 0, 0, 0};
  if (failed(find(op.getQuery(), op, lookup, p.query)) || failed(find(op.getKey(), op, lookup, p.key)) ||
      failed(find(op.getValue(), op, lookup, p.value)) || failed(find(op.getDecay(), op, lookup, p.decay)) ||
      failed(find(op.getInitialState(), op, lookup, p.initial)) || failed(find(op.getBeta(), op, lookup, p.beta)) ||
      failed(find(op.getLengths(), op, lookup, p.lengths)))
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
  if (p.lengths && p.lengths->shape != std::vector<int64_t>{p.batches})
    return op.emitError() << "lengths has shape " << formatShape(p.lengths->shape) << ", but there are " << p.batches
                          << " sequences";
  std::vector<int64_t> tokens = {k[0], k[1], k[2]};
  if (p.beta && p.beta->shape != tokens)
    return op.emitError() << "beta has shape " << formatShape(p.beta->shape) << ", but key makes it "
                          << formatShape(tokens);
  tokens.push_back(k[3]);
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

int64_t LinearProblem::tokensOf(int64_t batch) const {
  return lengths ? std::clamp<int64_t>(lengths->intAt(batch), 0, keys) : keys;
}
