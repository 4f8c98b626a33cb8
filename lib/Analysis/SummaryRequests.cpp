// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Analysis/SummaryRequests.h"

#include "MaskRangeRules.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace fovea {

namespace {

/// Elements per block. An eighth of the elements is little memory beside them, and tiles are cut at multiples of 8.
constexpr int64_t kGrain = 8;

/// What is known of the values of a mask.
struct Dependence {
  DenseSet<Value> varying; // depend on the row or the key
  /// Of these, positions that many rows or keys share: a quotient, and what is computed from quotients alone. A block
  /// of an array with such an index would stand for too many rows; it is small enough to go without blocks.
  DenseSet<Value> coarse;

  explicit Dependence(Block &mask) {
    varying.insert(mask.getArgument(2));
    varying.insert(mask.getArgument(3));
    for (Operation &op : mask.without_terminator()) {
      auto varies = [&](Value operand) { return varying.contains(operand); };
      if (llvm::none_of(op.getOperands(), varies))
        continue;
      varying.insert(op.result_begin(), op.result_end());
      if (isQuotient(op) || (!isa<memref::LoadOp, arith::MulIOp>(op) &&
                             llvm::all_of(op.getOperands(), [&](Value x) { return !varies(x) || coarse.contains(x); })))
        coarse.insert(op.result_begin(), op.result_end());
    }
  }

  static bool isQuotient(Operation &op) {
    return isa<arith::DivSIOp, arith::DivUIOp, arith::FloorDivSIOp, arith::CeilDivSIOp, arith::CeilDivUIOp,
               arith::ShRSIOp, arith::ShRUIOp>(op);
  }
};

std::optional<SummaryRequest> requestFor(memref::LoadOp load, const Dependence &values) {
  SummaryRequest request{load.getMemRef(), attn::SummaryKind::Range, {}, {}};
  for (auto [dim, index] : llvm::enumerate(load.getIndices())) {
    if (!values.varying.contains(index))
      continue;
    request.dims.push_back(dim);
    request.grains.push_back(values.coarse.contains(index) ? 1 : kGrain);
  }
  if (request.dims.empty() || request.dims.size() > 2)
    return std::nullopt;
  if (request.dims.size() == 2)
    request.kind = attn::SummaryKind::Count;
  Type type = load.getType();
  bool hasRange = request.kind == attn::SummaryKind::Range && Bounds::ofType(type);
  if (!hasRange && !type.isInteger(1) && !isAskedIfSet(load.getResult()))
    return std::nullopt;
  return request;
}

} // namespace

SmallVector<SummaryRequest> summaryRequests(Region &mask) {
  SmallVector<SummaryRequest> requests;
  Dependence values(mask.front());
  for (auto load : mask.front().getOps<memref::LoadOp>())
    if (std::optional<SummaryRequest> request = requestFor(load, values))
      requests.push_back(std::move(*request));
  return requests;
}

bool isAskedIfSet(Value loaded) {
  return llvm::any_of(loaded.getUsers(), [&](Operation *user) {
    if (isa<arith::ExtFOp, arith::ExtSIOp, arith::ExtUIOp, arith::IndexCastOp, arith::IndexCastUIOp>(user))
      return isAskedIfSet(user->getResult(0));
    return rules::asksIfSet(user, loaded).has_value();
  });
}

} // namespace fovea
