// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tile level: verifiers, effects, text of attn.task.
#include "Regions.h"
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace fovea::attn;

using Effects = SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>;

void TaskOp::build(OpBuilder &builder, OperationState &state, Value batches, Value heads, Value tiles, ScheduleAttr schedule) {
  state.addOperands({batches, heads, tiles});
  state.getOrAddProperties<Properties>().schedule = schedule;
  Region *body = state.addRegion();
  Block &block = body->emplaceBlock();
  block.addArguments(SmallVector<Type>(3, builder.getIndexType()), SmallVector<Location>(3, state.location));
  ensureTerminator(*body, builder, state.location);
}

ParseResult TaskOp::parse(OpAsmParser &parser, OperationState &result) {
  SmallVector<OpAsmParser::Argument> ids;
  SmallVector<OpAsmParser::UnresolvedOperand> bounds;
  Type index = parser.getBuilder().getIndexType();
  ScheduleAttr schedule;
  SMLoc location = parser.getCurrentLocation();
  if (parser.parseArgumentList(ids, OpAsmParser::Delimiter::Paren) || parser.parseKeyword("in") ||
      parser.parseOperandList(bounds, OpAsmParser::Delimiter::Paren) ||
      parser.resolveOperands(bounds, index, result.operands) || parser.parseKeyword("schedule") ||
      parser.parseCustomAttributeWithFallback(schedule))
    return failure();
  if (ids.size() != 3 || bounds.size() != 3)
    return parser.emitError(location) << "a task is (sequence, head, query tile) in (batches, heads, tiles)";
  result.getOrAddProperties<Properties>().schedule = schedule;
  for (OpAsmParser::Argument &id : ids)
    id.type = index;
  Region *body = result.addRegion();
  if (parser.parseRegion(*body, ids) || parser.parseOptionalAttrDict(result.attributes))
    return failure();
  ensureTerminator(*body, parser.getBuilder(), result.location);
  return success();
}

void TaskOp::print(OpAsmPrinter &printer) {
  printer << " (";
  llvm::interleaveComma(getBody().getArguments(), printer, [&](BlockArgument id) { printer.printOperand(id); });
  printer << ") in (" << getOperands() << ") schedule ";
  printer.printStrippedAttrOrType(getSchedule());
  printer << ' ';
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false, /*printBlockTerminators=*/false);
  printer.printOptionalAttrDict((*this)->getAttrs(), {getScheduleAttrName()});
}

/// A state is updated in place by targets, so every state value has exactly one use: the next update, a loop or branch that
/// carries it, or finalize.
LogicalResult TaskOp::verifyRegions() {
  if (getBody().getNumArguments() != 3 || !llvm::all_of(getBody().getArgumentTypes(), [](Type t) { return t.isIndex(); }))
    return emitOpError() << "body must take three indices: sequence, head, query tile";
  auto isLinear = [](Value value) {
    if (!isa<StateType>(value.getType()))
      return true;
    // One use per path: the two branches of an scf.if may each have one.
    llvm::SmallPtrSet<Block *, 2> blocks;
    return llvm::all_of(value.getUses(), [&](OpOperand &use) { return blocks.insert(use.getOwner()->getBlock()).second; });
  };
  WalkResult result = getBody().walk([&](Operation *op) {
    for (OpResult value : op->getResults())
      if (!isLinear(value)) {
        op->emitOpError() << "produces a state with several uses; a state is linear, one use on each path";
        return WalkResult::interrupt();
      }
    for (Region &region : op->getRegions())
      for (BlockArgument argument : region.getArguments())
        if (!isLinear(argument)) {
          op->emitOpError() << "carries a state with several uses; a state is linear, one use on each path";
          return WalkResult::interrupt();
        }
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

LogicalResult TileBoundsOp::verify() {
  if (getStep() < 1)
    return emitOpError() << "step must be positive, got " << getStep();
  return success();
}

LogicalResult TileBoundsOp::verifyRegions() { return verifyMaskRegion(*this, getMask()); }

LogicalResult LoadTileOp::verify() {
  MemRefType source = cast<MemRefType>(getSource().getType());
  if (source.getDimSize(3) != getTile().getType().getColumns())
    return emitOpError() << "source has " << source.getDimSize(3) << " columns, but the tile has "
                         << getTile().getType().getColumns();
  if (source.getElementType() != getTile().getType().getElementType())
    return emitOpError() << "element types of source and tile differ";
  return success();
}

void LoadTileOp::getEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Read::get(), &getSourceMutable(), SideEffects::DefaultResource::get());
}

void InitStateOp::getEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Allocate::get(), cast<OpResult>(getState()), SideEffects::DefaultResource::get());
}

LogicalResult UpdateOp::verify() {
  StateType state = getState().getType();
  TileType query = getQuery().getType(), key = getKey().getType(), value = getValue().getType();
  if (query.getRole() != TileRole::Query || key.getRole() != TileRole::Key || value.getRole() != TileRole::Value)
    return emitOpError() << "takes a query, a key and a value tile in this order";
  if (query.getRows() != state.getRows())
    return emitOpError() << "query tile has " << query.getRows() << " rows, but the state has " << state.getRows();
  if (key.getRows() != value.getRows())
    return emitOpError() << "key and value tiles must have the same number of rows, got " << key.getRows() << " and "
                         << value.getRows();
  if (query.getColumns() != key.getColumns())
    return emitOpError() << "query and key tiles must have the same head size, got " << query.getColumns() << " and "
                         << key.getColumns();
  if (value.getColumns() != state.getColumns())
    return emitOpError() << "value tile has " << value.getColumns() << " columns, but the state has " << state.getColumns();
  return success();
}

LogicalResult UpdateOp::verifyRegions() {
  return failure(failed(verifyScoreRegion(*this, getScore())) || failed(verifyMaskRegion(*this, getMask())));
}

LogicalResult FinalizeOp::verify() {
  if (cast<MemRefType>(getOutput().getType()).getDimSize(3) != getState().getType().getColumns())
    return emitOpError() << "output has " << cast<MemRefType>(getOutput().getType()).getDimSize(3)
                         << " columns, but the state has " << getState().getType().getColumns();
  return success();
}

void FinalizeOp::getEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Write::get(), &getOutputMutable(), SideEffects::DefaultResource::get());
  for (OpOperand &lse : getLseMutable())
    effects.emplace_back(MemoryEffects::Write::get(), &lse, SideEffects::DefaultResource::get());
}
