// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tile level: verifiers, effects, text of attn.task.
#include "Regions.h"
#include "Rope.h"
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace fovea::attn;

using Effects = SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>;

void TaskOp::build(OpBuilder &builder, OperationState &state, Value batches, Value heads, Value tiles,
                   ScheduleAttr schedule) {
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

/// A use runs at most once for each time its state is made: no loop around the use that is not around the state as
/// well.
static bool isInLoopWithin(Operation *user, Region *scope) {
  for (Region *region = user->getParentRegion(); region != scope; region = region->getParentRegion()) {
    auto branch = dyn_cast<RegionBranchOpInterface>(region->getParentOp());
    if (!branch || branch.isRepetitiveRegion(region->getRegionNumber()))
      return true;
  }
  return false;
}

/// A state is updated in place by targets, so every state has one use on each path: the next update, a loop or branch
/// that carries it, or finalize.
static bool isLinear(Value value) {
  if (!isa<StateType, LinearStateType>(value.getType()))
    return true;
  SmallVector<Operation *> users(value.getUsers());
  for (auto [index, user] : llvm::enumerate(users)) {
    if (isInLoopWithin(user, value.getParentRegion()))
      return false;
    for (Operation *other : llvm::drop_begin(users, index + 1))
      if (user == other || !insideMutuallyExclusiveRegions(user, other))
        return false;
  }
  return true;
}

LogicalResult TaskOp::verifyRegions() {
  if (getBody().getNumArguments() != 3 ||
      !llvm::all_of(getBody().getArgumentTypes(), [](Type t) { return t.isIndex(); }))
    return emitOpError() << "body must take three indices: sequence, head, query tile";
  if (getBody().front().getTerminator()->getNumOperands() != 0)
    return emitOpError() << "yields nothing: its results are what attn.finalize writes";
  if ((*this)->getParentOfType<TaskOp>())
    return emitOpError() << "stands inside another task; a task is what one worker does at a time";
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

/// Targets take the sizes of the register tile from the task around an op.
static LogicalResult verifyInTask(Operation *op, int64_t rows, bool isKeys) {
  auto task = op->getParentOfType<TaskOp>();
  if (!task)
    return op->emitOpError() << "must be inside attn.task";
  int64_t expected = isKeys ? task.getSchedule().getKeyBlock() : task.getSchedule().getQueryTile();
  if (rows != expected)
    return op->emitOpError() << "has " << rows << " rows, but the schedule's " << (isKeys ? "key_block" : "query_tile")
                             << " is " << expected;
  return success();
}

/// Where rows of a head come from or go to: [B, H, N, columns].
static LogicalResult verifyMemory(Operation *op, Type type, StringRef name, int64_t columns, Type elementType) {
  auto memref = cast<MemRefType>(type);
  if (memref.getDimSize(3) != columns)
    return op->emitOpError() << name << " must have " << columns << " columns, got " << type;
  if (memref.getElementType() != elementType)
    return op->emitOpError() << name << " must have element type " << elementType << ", got " << type;
  return success();
}

LogicalResult LoadTileOp::verify() {
  TileType tile = getTile().getType();
  if (failed(verifyMemory(*this, getSource().getType(), "source", tile.getColumns(), tile.getElementType())))
    return failure();
  if (failed(verifyRope(*this, getRope(), "source", Shape(getSource().getType(), Layout::BHND))))
    return failure();
  if (isRotated() != bool(getPosition()))
    return emitOpError() << "needs the position of its first row with rope, and only then";
  if (isRotated() && tile.getRole() == TileRole::Value)
    return emitOpError() << "rotates values; only queries and keys are rotated";
  return verifyInTask(*this, tile.getRows(), tile.getRole() != TileRole::Query);
}

LogicalResult InitStateOp::verify() { return verifyInTask(*this, getState().getType().getRows(), /*isKeys=*/false); }

void LoadTileOp::getEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Read::get(), &getSourceMutable(), SideEffects::DefaultResource::get());
  for (OpOperand &table : getRopeMutable())
    effects.emplace_back(MemoryEffects::Read::get(), &table, SideEffects::DefaultResource::get());
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
    return emitOpError() << "value tile has " << value.getColumns() << " columns, but the state has "
                         << state.getColumns();
  return failure(failed(verifyScale(*this, getScale())) ||
                 failed(verifyInTask(*this, state.getRows(), /*isKeys=*/false)) ||
                 failed(verifyInTask(*this, key.getRows(), /*isKeys=*/true)));
}

LogicalResult UpdateOp::verifyRegions() {
  return failure(failed(verifyScoreRegion(*this, getScore())) || failed(verifyMaskRegion(*this, getMask())));
}

LogicalResult FinalizeOp::verify() {
  StateType state = getState().getType();
  if (failed(verifyMemory(*this, getOutput().getType(), "output", state.getColumns(), state.getElementType())))
    return failure();
  if (getLse() && getWeights() == Weights::Pointwise)
    return emitOpError() << "has pointwise weights, which have no log-sum-exp";
  return verifyInTask(*this, state.getRows(), /*isKeys=*/false);
}

void FinalizeOp::getEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Write::get(), &getOutputMutable(), SideEffects::DefaultResource::get());
  for (OpOperand &lse : getLseMutable())
    effects.emplace_back(MemoryEffects::Write::get(), &lse, SideEffects::DefaultResource::get());
}
