// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "MaskProver.h"

#include "PrintExpression.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace fovea;
using namespace fovea::attn;

namespace {

enum Variable : unsigned { kBatch, kHead, kRow, kKey, kVariables };

/// A value of which nothing is known.
Value opaque(OpBuilder &builder, Location loc) {
  return UnrealizedConversionCastOp::create(builder, loc, builder.getIndexType(), ValueRange{}).getResult(0);
}

/// Which of b, h, i, j a block argument of a region is; the first argument of a score region, the score, is none.
std::optional<unsigned> variableOf(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument || !isa<AttentionOp>(argument.getOwner()->getParentOp()))
    return std::nullopt;
  unsigned first = argument.getOwner()->getNumArguments() - kVariables;
  if (argument.getArgNumber() < first)
    return std::nullopt;
  return argument.getArgNumber() - first;
}

/// The ops of the values' own block that compute them, in order, and the variables these use.
struct Slice {
  SmallVector<Operation *> ops;
  llvm::SmallSetVector<unsigned, kVariables> variables;
  bool isUnderstood = true; // no: it uses the score

  explicit Slice(ArrayRef<Value> values) {
    llvm::SetVector<Operation *> found;
    Block *block = nullptr;
    SmallVector<Value> worklist(values);
    while (!worklist.empty()) {
      Value value = worklist.pop_back_val();
      if (auto argument = dyn_cast<BlockArgument>(value)) {
        if (std::optional<unsigned> variable = variableOf(value))
          variables.insert(*variable);
        else if (isa<AttentionOp>(argument.getOwner()->getParentOp()))
          isUnderstood = false;
        continue;
      }
      Operation *op = value.getDefiningOp();
      if (!isa<AttentionOp>(op->getParentOp()) || !found.insert(op))
        continue;
      block = op->getBlock();
      llvm::append_range(worklist, op->getOperands());
    }
    if (block)
      for (Operation &op : *block)
        if (found.contains(&op))
          ops.push_back(&op);
  }
};

void cloneFolded(OpBuilder &builder, Operation *op, IRMapping &mapping) {
  Operation *clone = builder.clone(*op, mapping);
  SmallVector<Value> folded;
  if (clone->hasTrait<OpTrait::ConstantLike>() || failed(builder.tryFold(clone, folded)))
    return;
  for (auto [result, value] : llvm::zip(op->getResults(), folded))
    mapping.map(result, value);
}

Truth truthOfClass(const TileClass &tile) {
  if (matchPattern(tile.must, m_One()))
    return Truth::Always;
  return matchPattern(tile.may, m_Zero()) ? Truth::Never : Truth::Unknown;
}

} // namespace

MaskProver::MaskProver(AttentionOp op, OpBuilder &builder) : op(op), builder(builder) {
  Location loc = op.getLoc();
  SmallVector<int64_t, 4> order = AttentionOp::dimensionOrder(op.getLayout());
  Value zero = arith::ConstantIndexOp::create(builder, loc, 0);
  domain[kBatch] = {zero, sizeOf(op.getQuery(), order[0])};
  domain[kHead] = {zero, sizeOf(op.getQuery(), order[1])};
  domain[kKey] = {zero, sizeOf(op.getKey(), order[2])};
  Value offset = op.getQOffset();
  if (!offset)
    offset = zero;
  else if (!offset.getType().isIndex())
    offset = opaque(builder, loc);
  rows = sizeOf(op.getQuery(), order[2]);
  domain[kRow] = {offset, builder.createOrFold<arith::AddIOp>(loc, rows, offset)};
}

Value MaskProver::sizeOf(Value shaped, int64_t dim) {
  auto type = cast<ShapedType>(shaped.getType());
  if (!type.isDynamicDim(dim))
    return arith::ConstantIndexOp::create(builder, op.getLoc(), type.getDimSize(dim));
  Value index = arith::ConstantIndexOp::create(builder, op.getLoc(), dim);
  if (isa<TensorType>(shaped.getType()))
    return builder.createOrFold<tensor::DimOp>(op.getLoc(), shaped, index);
  return builder.createOrFold<memref::DimOp>(op.getLoc(), shaped, index);
}

MaskProver::Answer MaskProver::classify(ArrayRef<Value> needed, Emit emit) {
  Location loc = op.getLoc();
  Slice slice(needed);
  Region region;
  Block &block = region.emplaceBlock();
  for (unsigned i = 0; i < kVariables; ++i)
    block.addArgument(builder.getIndexType(), loc);

  // The classifier knows two varying positions. If the condition uses only one or two variables, whichever, these stand
  // for them.
  IRMapping mapping;
  unsigned standsFor[kVariables] = {kBatch, kHead, kRow, kKey};
  if (slice.variables.size() <= 2) {
    SmallVector<unsigned> free = {kRow, kKey};
    auto take = [&](unsigned variable, unsigned place) {
      llvm::erase(free, place);
      standsFor[variable] = place;
    };
    for (unsigned variable : {kRow, kKey})
      if (slice.variables.contains(variable))
        take(variable, variable);
    for (unsigned variable : {kBatch, kHead})
      if (slice.variables.contains(variable))
        take(variable, free.front());
  }
  for (Region *own : {&op.getScore(), &op.getMask(), &op.getFar()})
    for (unsigned variable = 0; !own->empty() && variable < kVariables; ++variable)
      mapping.map(own->front().getArgument(own->front().getNumArguments() - kVariables + variable),
                  block.getArgument(standsFor[variable]));
  Range ranges[kVariables] = {domain[kBatch], domain[kHead], domain[kRow], domain[kKey]};
  for (unsigned variable : slice.variables)
    ranges[standsFor[variable]] = domain[variable];
  OpBuilder inner(builder.getContext());
  inner.setInsertionPointToEnd(&block);
  for (Operation *each : slice.ops)
    cloneFolded(inner, each, mapping);
  YieldOp::create(inner, loc, emit(inner, mapping));

  MaskClassifier classifier(region);
  classifier.emitSymbols(builder, loc, opaque(builder, loc), opaque(builder, loc));
  classifier.emitRows(builder, loc, ranges[kRow].begin, ranges[kRow].end);
  TileClass tile = classifier.emitKeys(builder, loc, ranges[kKey].begin, ranges[kKey].end);
  MaskRangeBuilder b(builder, loc);
  return {tile, classifier.rangeOf(classifier.getResult(), b).lo};
}

Truth MaskProver::truthOf(ArrayRef<Value> needed, Emit emit) {
  if (!Slice(needed).isUnderstood)
    return Truth::Unknown;
  return truthOfClass(classify(needed, emit).tile);
}

Truth MaskProver::prove(Value condition) {
  return truthOf({condition},
                 [&](OpBuilder &, const IRMapping &mapping) { return mapping.lookupOrDefault(condition); });
}

Truth MaskProver::proveWithin(Value index, Value size) {
  return truthOf({index}, [&](OpBuilder &b, const IRMapping &mapping) -> Value {
    Location loc = op.getLoc();
    Value value = mapping.lookupOrDefault(index), zero = arith::ConstantIndexOp::create(b, loc, 0);
    Value above = b.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::sge, value, zero);
    Value below = b.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::slt, value, size);
    return b.createOrFold<arith::AndIOp>(loc, below, above);
  });
}

std::optional<std::string> MaskProver::conditionForEveryRow(Witness witness) {
  Location loc = op.getLoc();
  Block &mask = op.getMask().front();
  Value result = mask.getTerminator()->getOperand(0), key = mask.getArgument(kKey), row = mask.getArgument(kRow);
  Value zero = arith::ConstantIndexOp::create(builder, loc, 0), one = arith::ConstantIndexOp::create(builder, loc, 1);
  Value last = builder.createOrFold<arith::SubIOp>(loc, domain[kKey].end, one);
  Answer answer = classify({result}, [&](OpBuilder &b, const IRMapping &mapping) -> Value {
    Value i = mapping.lookup(row), j = witness == Witness::Own ? i : witness == Witness::First ? zero : last;
    IRMapping atWitness;
    for (BlockArgument argument : mask.getArguments())
      atWitness.map(argument, mapping.lookup(argument));
    atWitness.map(key, j);
    for (Operation &each : mask.without_terminator())
      cloneFolded(b, &each, atWitness);
    Value seen = atWitness.lookupOrDefault(result);
    if (witness != Witness::Own) // inside, if there are keys at all
      return seen;
    Value above = b.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::sge, j, zero);
    Value below = b.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::slt, j, domain[kKey].end);
    return b.createOrFold<arith::AndIOp>(loc, b.createOrFold<arith::AndIOp>(loc, seen, above), below);
  });
  // Positions below 2^31 are taken for granted here: this is said, not built upon.
  if (matchPattern(answer.must, m_One()))
    return "";
  if (matchPattern(answer.must, m_Zero()))
    return std::nullopt;
  auto nameOf = [&](Value value) -> std::optional<std::string> {
    if (value == rows)
      return "Nq";
    if (value == domain[kKey].end)
      return "Nk";
    return std::nullopt;
  };
  return printExpression(answer.must, nameOf);
}
