// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "VectorizeRegion.h"

#include "fovea/Dialect/Attn/Utils/SafeOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace fovea;
using namespace fovea::attn;

namespace {

class Vectorizer {
public:
  Vectorizer(VectorEmitter &b, IRMapping &mapping) : b(b), mapping(mapping) {}

  void visit(Operation &op) {
    if (auto load = dyn_cast<memref::LoadOp>(op))
      mapping.map(load.getResult(), isUniform(op) ? loadUniform(load) : gather(load));
    else if (isUniform(op))
      visitUniform(op);
    else
      visitElementwise(op);
  }

  Value asVector(Value original) {
    Value value = mapping.lookupOrDefault(original);
    return isa<VectorType>(value.getType()) ? value : b.broadcast(value);
  }

private:
  bool isUniform(Operation &op) {
    return llvm::none_of(op.getOperands(),
                         [&](Value operand) { return isa<VectorType>(mapping.lookupOrDefault(operand).getType()); });
  }

  void visitUniform(Operation &op) { guardDivision(b, b.clone(op, mapping)); }

  void visitElementwise(Operation &op) {
    Values operands;
    for (Value operand : op.getOperands())
      operands.push_back(asVector(operand));
    SmallVector<Type> types;
    for (Type type : op.getResultTypes())
      types.push_back(b.vectorType(type));
    OperationState state(op.getLoc(), op.getName(), operands, types, op.getAttrs());
    Operation *copy = b.create(state);
    guardDivision(b, copy);
    mapping.map(op.getResults(), copy->getResults());
  }

  Value loadUniform(memref::LoadOp load) {
    Values indices;
    for (Value index : load.getIndices())
      indices.push_back(mapping.lookupOrDefault(index));
    return loadOrZero(b, load.getLoc(), mapping.lookupOrDefault(load.getMemRef()), indices);
  }

  Value gather(memref::LoadOp load) {
    auto metadata = memref::ExtractStridedMetadataOp::create(b, load.getMemRef());
    Value live, offset;
    for (auto [dim, original] : llvm::enumerate(load.getIndices())) {
      Value position = asVector(original);
      Value here = b.compare(arith::CmpIPredicate::ult, position,
                             b.broadcast(metadata.getSizes()[dim])); // a negative one is huge
      live = live ? b.both(live, here) : here;
      Value step = arith::MulIOp::create(b, position, b.broadcast(metadata.getStrides()[dim]));
      offset = offset ? arith::AddIOp::create(b, offset, step) : step;
    }
    // One dense dimension from the array's first element; the offsets carry the strides.
    auto type = MemRefType::get({ShapedType::kDynamic}, load.getType(),
                                StridedLayoutAttr::get(b.getContext(), ShapedType::kDynamic, {1}));
    Value flat = memref::ReinterpretCastOp::create(
        b, type, metadata.getBaseBuffer(), OpFoldResult(metadata.getOffset()),
        ArrayRef<OpFoldResult>{b.getIndexAttr(1)}, ArrayRef<OpFoldResult>{b.getIndexAttr(1)});
    VectorType result = b.vectorType(load.getType());
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(result));
    return vector::GatherOp::create(b, result, flat, b.index(0), offset, live, zero);
  }

  VectorEmitter &b;
  IRMapping &mapping;
};

} // namespace

VectorizedRegion::VectorizedRegion(VectorEmitter &b, Region &region, Value batch, Value head) : b(b), region(region) {
  if (region.empty())
    return;
  Block &block = region.front();
  auto arguments = block.getArguments().take_back(4); // batch, head, query, key, after the score if there is one
  invariants.map(arguments[0], batch);
  if (head)
    invariants.map(arguments[1], head);
  DenseMap<Value, Level> levels;
  for (BlockArgument argument : block.getArguments())
    levels[argument] = Lanes;
  levels[arguments[0]] = Invariant;
  levels[arguments[1]] = head ? Invariant : Lanes;
  levels[arguments[3]] = Key;
  Vectorizer vectorizer(b, invariants);
  for (Operation &op : block.without_terminator()) {
    Level level = Invariant;
    for (Value operand : op.getOperands())
      level = std::max(level, levels.lookup(operand));
    for (Value result : op.getResults())
      levels[result] = level;
    if (level == Invariant)
      vectorizer.visit(op);
    else
      steps.push_back({&op, level});
  }
}

Values VectorizedRegion::at(Value key, ValueRange queries, ValueRange heads, ValueRange scores) const {
  Block &block = region.front();
  IRMapping perKey = invariants;
  perKey.map(block.getArguments().back(), key);
  for (Step step : steps)
    if (step.level == Key)
      Vectorizer(b, perKey).visit(*step.op);
  Values results;
  for (auto [index, query] : llvm::enumerate(queries)) {
    IRMapping perLane = perKey;
    if (!scores.empty())
      perLane.map(block.getArgument(0), scores[index]);
    perLane.map(block.getArguments().take_back(2).front(), query);
    if (!heads.empty())
      perLane.map(block.getArguments().take_back(3).front(), heads[index]);
    Vectorizer vectorizer(b, perLane);
    for (Step step : steps)
      if (step.level == Lanes)
        vectorizer.visit(*step.op);
    results.push_back(vectorizer.asVector(block.getTerminator()->getOperand(0)));
  }
  return results;
}

Value fovea::vectorizeRegion(VectorEmitter &b, Region &region, ValueRange arguments) {
  Block &block = region.front();
  IRMapping mapping;
  mapping.map(block.getArguments(), arguments);
  Vectorizer vectorizer(b, mapping);
  for (Operation &op : block.without_terminator())
    vectorizer.visit(op);
  return vectorizer.asVector(block.getTerminator()->getOperand(0));
}
