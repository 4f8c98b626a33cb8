// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tile level: verifiers, effects, text of attn.task.
#include "Regions.h"
#include "Rope.h"
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace fovea::attn;

using Effects = SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>;

void TaskOp::build(OpBuilder &builder, OperationState &state, Value batches, Value heads, Value tiles,
                   ScheduleAttr schedule, ValueRange packing) {
  state.addOperands({batches, heads, tiles});
  state.addOperands(packing);
  state.getOrAddProperties<Properties>().schedule = schedule;
  Region *body = state.addRegion();
  Block &block = body->emplaceBlock();
  unsigned ids = packing.empty() ? 3 : 4;
  block.addArguments(SmallVector<Type>(ids, builder.getIndexType()), SmallVector<Location>(ids, state.location));
  ensureTerminator(*body, builder, state.location);
}

/// (batches, heads, tiles) or (batches, heads by group, tiles, splits)
static ParseResult parseBounds(OpAsmParser &parser, SmallVectorImpl<OpAsmParser::UnresolvedOperand> &bounds) {
  std::optional<OpAsmParser::UnresolvedOperand> group;
  auto parseBound = [&]() -> ParseResult {
    if (parser.parseOperand(bounds.emplace_back()))
      return failure();
    if (bounds.size() == 2 && succeeded(parser.parseOptionalKeyword("by")))
      return parser.parseOperand(group.emplace());
    return success();
  };
  if (parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Paren, parseBound))
    return failure();
  if (group && bounds.size() >= 3)
    bounds.insert(bounds.begin() + 3, *group);
  return success();
}

ParseResult TaskOp::parse(OpAsmParser &parser, OperationState &result) {
  SmallVector<OpAsmParser::Argument> ids;
  SmallVector<OpAsmParser::UnresolvedOperand> bounds;
  Type index = parser.getBuilder().getIndexType();
  ScheduleAttr schedule;
  SMLoc location = parser.getCurrentLocation();
  if (parser.parseArgumentList(ids, OpAsmParser::Delimiter::Paren) || parser.parseKeyword("in") ||
      parseBounds(parser, bounds) || parser.resolveOperands(bounds, index, result.operands) ||
      parser.parseKeyword("schedule") || parser.parseCustomAttributeWithFallback(schedule))
    return failure();
  bool isPlain = ids.size() == 3 && bounds.size() == 3, isPacked = ids.size() == 4 && bounds.size() == 5;
  if (!isPlain && !isPacked)
    return parser.emitError(location)
           << "a task is (sequence, head, query tile) in (batches, heads, tiles), or "
              "(sequence, head, query tile, split) in (batches, heads by group, tiles, splits)";
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
  printer << ") in (" << getBatches() << ", " << getHeads();
  if (isPacked())
    printer << " by " << getPacking()[0] << ", " << getTiles() << ", " << getPacking()[1];
  else
    printer << ", " << getTiles();
  printer << ") schedule ";
  printer.printStrippedAttrOrType(getSchedule());
  printer << ' ';
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false, /*printBlockTerminators=*/false);
  printer.printOptionalAttrDict((*this)->getAttrs(), {getScheduleAttrName()});
}

LogicalResult PartialsOp::verify() {
  if (!isa<TaskOp>((*this)->getParentOp()) || !cast<TaskOp>((*this)->getParentOp()).isPacked())
    return emitOpError() << "must be at the top level of an attn.task with splits";
  return success();
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
  if (getPacking().size() != 0 && getPacking().size() != 2)
    return emitOpError() << "takes batches, heads, tiles and, if it is packed, group and splits; got "
                         << getNumOperands() << " operands";
  if (getBody().getNumArguments() != (isPacked() ? 4 : 3) ||
      !llvm::all_of(getBody().getArgumentTypes(), [](Type t) { return t.isIndex(); }))
    return emitOpError() << "body must take three indices: sequence, head, query tile; a packed one also the split";
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
  ScheduleAttr schedule = task.getSchedule();
  if (isKeys && rows != schedule.getKeyBlock())
    return op->emitOpError() << "has " << rows << " rows, but the schedule's key_block is " << schedule.getKeyBlock();
  if (!isKeys && rows % schedule.getPanel() != 0)
    return op->emitOpError() << "has " << rows << " rows, but the schedule's panels are of " << schedule.getPanel();
  return success();
}

/// Row `r` of a tile from row `row` of `head` on, or of several heads with `ofHead` rows each.
static std::pair<Value, Value> rowOfTile(OpBuilder &builder, Location loc, Value head, Value row, Value ofHead,
                                         Value r) {
  Value number = arith::AddIOp::create(builder, loc, row, r);
  if (!ofHead)
    return {head, number};
  Value heads = arith::DivUIOp::create(builder, loc, number, ofHead);
  return {arith::AddIOp::create(builder, loc, head, heads), arith::RemUIOp::create(builder, loc, number, ofHead)};
}

std::pair<Value, Value> LoadTileOp::rowOf(OpBuilder &builder, Value r) {
  return rowOfTile(builder, getLoc(), getHead(), getRow(), getHeadsOf(), r);
}

std::pair<Value, Value> FinalizeOp::rowOf(OpBuilder &builder, Value r) {
  return rowOfTile(builder, getLoc(), getHead(), getRow(), getHeadsOf(), r);
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
  int64_t columns = tile.getColumns();
  if (getAbsorb()) {
    MemRefType up = getAbsorb().getType();
    if (tile.getRole() != TileRole::Query)
      return emitOpError() << "absorbs a projection into rows that are no queries";
    if (up.isDynamicDim(1) || up.isDynamicDim(2) || up.getDimSize(2) > columns)
      return emitOpError() << "absorbs a projection [heads, columns, latents] of static sizes, with at most the tile's "
                           << columns << " latents, got " << up;
    columns += up.getDimSize(1) - up.getDimSize(2);
  }
  if (failed(verifyMemory(*this, getSource().getType(), "source", columns, tile.getElementType())))
    return failure();
  if (getNorm() && (tile.getRole() == TileRole::Value || getAbsorb() || getNorm().getType().getDimSize(0) != columns))
    return emitOpError() << "normalises queries or keys by a gain for each of " << columns << " columns, got "
                         << getNorm().getType() << " for " << tile;
  if (bool(getNorm()) != bool(getEpsilon()))
    return emitOpError() << "needs an epsilon with norm, and only then";
  if (isRotated() && static_cast<int64_t>(getFirstColumn()) + 2 * getRopePairs() > columns)
    return emitOpError() << "rotates " << 2 * getRopePairs() << " columns from " << getFirstColumn() << " on of "
                         << columns;
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
  for (MutableOperandRange operands :
       {getRopeMutable(), MutableOperandRange(getAbsorbMutable()), MutableOperandRange(getNormMutable())})
    for (OpOperand &operand : operands)
      effects.emplace_back(MemoryEffects::Read::get(), &operand, SideEffects::DefaultResource::get());
}

LogicalResult ExpandTileOp::verify() {
  TileType latents = getLatents().getType(), up = getUp().getType(), result = getResult().getType();
  int64_t rows = getRows(), shared = result.getColumns() - rows;
  if (latents.getRole() == TileRole::Query || result.getRole() == TileRole::Query || up.getRole() != TileRole::Query)
    return emitOpError() << "makes keys or values of latents by a projection, which is a query tile";
  if (rows < 1 || rows > up.getRows())
    return emitOpError() << "means " << rows << " rows of a projection that has " << up.getRows();
  if (shared < 0 || latents.getColumns() < up.getColumns() + shared)
    return emitOpError() << "cannot make " << result.getColumns() << " columns of " << rows << " projected ones and "
                         << latents.getColumns() << " - " << up.getColumns() << " that latents have besides";
  return failure(failed(verifyInTask(*this, latents.getRows(), /*isKeys=*/true)) ||
                 failed(verifyInTask(*this, result.getRows(), /*isKeys=*/true)));
}

void InitStateOp::getEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Allocate::get(), cast<OpResult>(getState()), SideEffects::DefaultResource::get());
}

LogicalResult UpdateOp::verify() {
  StateType state = getState().getType();
  TileType query = getQuery().getType(), key = getKey().getType(), value = getValue().getType();
  bool isShared = getValue() == getKey(); // values are the first columns of keys
  if (query.getRole() != TileRole::Query || key.getRole() != TileRole::Key ||
      (value.getRole() != TileRole::Value && !isShared))
    return emitOpError() << "takes a query, a key and a value tile in this order";
  if (getPacked().size() != 0 && getPacked().size() != 2)
    return emitOpError() << "is packed by the first row and the rows of a head, got " << getPacked().size()
                         << " numbers";
  if (query.getRows() != state.getRows())
    return emitOpError() << "query tile has " << query.getRows() << " rows, but the state has " << state.getRows();
  if (key.getRows() != value.getRows())
    return emitOpError() << "key and value tiles must have the same number of rows, got " << key.getRows() << " and "
                         << value.getRows();
  if (query.getColumns() != key.getColumns())
    return emitOpError() << "query and key tiles must have the same head size, got " << query.getColumns() << " and "
                         << key.getColumns();
  if (getAdditive() && getAdditive().getType().getDimSize(1) != query.getColumns())
    return emitOpError() << "additive scores need a weight for each of " << query.getColumns() << " columns, got "
                         << getAdditive().getType();
  if (isShared ? value.getColumns() < state.getColumns() : value.getColumns() != state.getColumns())
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
  int64_t columns = state.getColumns();
  if (getExpand()) {
    MemRefType up = getExpand().getType();
    if (up.isDynamicDim(1) || up.getDimSize(2) != columns)
      return emitOpError() << "expands by a projection [heads, columns, " << columns << "] of static sizes, got " << up;
    columns = up.getDimSize(1);
  }
  if (failed(verifyMemory(*this, getOutput().getType(), "output", columns, state.getElementType())))
    return failure();
  if (getLse() && getWeights() == Weights::Pointwise)
    return emitOpError() << "has pointwise weights, which have no log-sum-exp";
  return verifyInTask(*this, state.getRows(), /*isKeys=*/false);
}

void FinalizeOp::getEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Write::get(), &getOutputMutable(), SideEffects::DefaultResource::get());
  for (OpOperand &expand : getExpandMutable())
    effects.emplace_back(MemoryEffects::Read::get(), &expand, SideEffects::DefaultResource::get());
  for (OpOperand &lse : getLseMutable())
    effects.emplace_back(MemoryEffects::Write::get(), &lse, SideEffects::DefaultResource::get());
}
