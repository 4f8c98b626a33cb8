// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Latent attention in two forms. Absorbed: a task takes rows of many heads to the latents, which all of them read as
// keys and as values, and what it finds to the outputs. Expanded: a task takes rows of one head and makes that head's
// keys and values of each block of latents. The sizes of a call decide, when the plan is made.
#include "Tiler.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace fovea::attn;

namespace {

class LatentTiler : Tiler {
public:
  explicit LatentTiler(AttentionOp op);
  void run();

private:
  void emitAbsorbed(const TaskRows &rows, TileBoundsOp bounds);
  void emitExpanded(const TaskRows &rows, TileBoundsOp bounds);
  Value equalTasks(Value most);
  Value isAbsorbedCheaper(Value expandedTiles);
  Value loadLatents(Value batch, Value key, Value validKeys);
  LoadTileOp loadQueries(const TaskRows &rows, int64_t tileRows, int64_t columns);
  Value loadProjection(Value projection, Value head, int64_t rows);
  /// The last of a row's columns turn.
  static int64_t firstTurned(ValueRange rope, int64_t columns) {
    return rope.empty() ? 0 : columns - AttentionOp::getRotatedColumns(rope);
  }
  Value choose(Value condition, Value x, Value y) { return b.createOrFold<arith::SelectOp>(condition, x, y); }
  int64_t inPanels(int64_t rows) const { return llvm::divideCeil(rows, schedule.getPanel()) * schedule.getPanel(); }

  const int64_t own, shared, latents, values; // columns
  /// Rows of an absorbed task. Those of an expanded one share the making of keys and values; these have nothing to
  /// share, and must fit into L2 with keys of all latents.
  int64_t absorbedRows;
};

LatentTiler::LatentTiler(AttentionOp op)
    : Tiler(op), own(op.getOwnSize()), shared(op.getSharedSize()), latents(op.getLatentSize()),
      values(op.getValueHeadSize()) {
  constexpr int64_t kFewRows = 64;
  absorbedRows = std::max<int64_t>(kFewRows / schedule.getPanel(), 1) * schedule.getPanel();
  checkEqual(op.getLatent()[0], 0, "key_up", problem.query, 1, "query", "number of heads");
  checkEqual(op.getLatent()[1], 0, "value_up", problem.query, 1, "query", "number of heads");
  check(arith::CmpIOp::create(b, arith::CmpIPredicate::eq, problem.kvHeads, constant(1)),
        "the cache must have one head, which all query heads share");
}

/// By multiplications, of one sequence and head. Absorbed: queries and outputs are projected, and every pair of query
/// and key takes the width of latents twice. Expanded: keys and values are projected, once for each tile of queries.
Value LatentTiler::isAbsorbedCheaper(Value expandedTiles) {
  auto real = [&](Value count) -> Value {
    Value integer = arith::IndexCastOp::create(b, b.getI64Type(), count);
    return arith::UIToFPOp::create(b, b.getF64Type(), integer);
  };
  auto number = [&](int64_t count) -> Value {
    return arith::ConstantFloatOp::create(b, b.getF64Type(), APFloat(static_cast<double>(count)));
  };
  auto mul = [&](Value x, Value y) -> Value { return arith::MulFOp::create(b, x, y); };
  auto add = [&](Value x, Value y) -> Value { return arith::AddFOp::create(b, x, y); };
  Value rows = real(problem.rows), keys = real(problem.keys), pairs = mul(rows, keys);
  Value projection = number(latents * (own + values));
  Value absorbed = add(mul(pairs, number(2 * latents + shared)), mul(rows, projection));
  Value expanded = add(mul(pairs, number(own + shared + values)), mul(mul(real(expandedTiles), keys), projection));
  return arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, absorbed, expanded);
}

/// No short task at the end, which would make all keys and values for a few rows.
Value LatentTiler::equalTasks(Value most) {
  Value tiles = arith::MaxUIOp::create(b, arith::CeilDivUIOp::create(b, problem.rows, most), constant(1));
  Value rows = arith::CeilDivUIOp::create(b, problem.rows, tiles), panel = constant(schedule.getPanel());
  Value panels = arith::MaxUIOp::create(b, arith::CeilDivUIOp::create(b, rows, panel), constant(1));
  return arith::MulIOp::create(b, panels, panel);
}

void LatentTiler::run() {
  // A tile of 410 queries takes as long as the keys and values that it makes, with the widths of DeepSeek-V3.
  constexpr int64_t kWantedTasks = 8, kFewRows = 1024;
  Value one = constant(1), zero = constant(0), taskRows = equalTasks(rowsPerTask(kWantedTasks, kFewRows));
  Value tiles = arith::CeilDivUIOp::create(b, problem.rows, taskRows);
  Value isAbsorbed = op.getForm()
                         ? arith::ConstantIntOp::create(b, *op.getForm() == LatentForm::Absorbed, 1).getResult()
                         : isAbsorbedCheaper(tiles);
  Value allRows = arith::MulIOp::create(b, problem.heads, problem.rows);
  Value packedTiles = arith::CeilDivUIOp::create(b, allRows, constant(absorbedRows));
  auto task = TaskOp::create(b, problem.batches,
                             choose(isAbsorbed, arith::MinUIOp::create(b, one, problem.heads), problem.heads),
                             choose(isAbsorbed, packedTiles, tiles), schedule);
  b.setInsertionPointToStart(&task.getBody().front());
  Value batch = task.getBody().getArgument(0), head = task.getBody().getArgument(1);
  Value tile = task.getBody().getArgument(2);
  Value offset = queryOffset(batch);
  TaskRows expanded{batch, head}, absorbed{batch, zero};
  expanded.row = arith::MulIOp::create(b, tile, taskRows);
  expanded.valid = arith::MinUIOp::create(b, taskRows, arith::SubIOp::create(b, problem.rows, expanded.row));
  expanded.position = expanded.rowPosition = arith::AddIOp::create(b, expanded.row, offset);
  expanded.positionEnd = arith::AddIOp::create(b, expanded.position, expanded.valid);
  absorbed.row = arith::MulIOp::create(b, tile, constant(absorbedRows));
  absorbed.valid = arith::MinUIOp::create(b, constant(absorbedRows), arith::SubIOp::create(b, allRows, absorbed.row));
  absorbed.ofHead = arith::MaxUIOp::create(b, problem.rows, one);
  absorbed.position = absorbed.rowPosition = offset;
  absorbed.positionEnd = arith::AddIOp::create(b, offset, problem.rows);
  // What the plan asks; of rows that mix heads only a mask that does not tell them apart can be asked.
  TaskRows either = expanded;
  either.position = choose(isAbsorbed, absorbed.position, expanded.position);
  either.positionEnd = choose(isAbsorbed, absorbed.positionEnd, expanded.positionEnd);
  bool mixes = !op.getForm() || *op.getForm() == LatentForm::Absorbed;
  TileBoundsOp bounds =
      mixes && isMaskPerHead() ? allKeys(either, zero, problem.keys) : tileBounds(either, zero, problem.keys);
  if (op.getForm()) {
    *op.getForm() == LatentForm::Absorbed ? emitAbsorbed(absorbed, bounds) : emitExpanded(expanded, bounds);
  } else {
    auto branch = scf::IfOp::create(b, isAbsorbed, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    emitAbsorbed(absorbed, bounds);
    b.setInsertionPointToStart(branch.elseBlock());
    emitExpanded(expanded, bounds);
  }
  op.erase();
}

Value LatentTiler::loadLatents(Value batch, Value key, Value validKeys) {
  TileType type = tileType(TileRole::Key, schedule.getKeyBlock(), latents + shared);
  return rotated(load(type, problem.key, batch, constant(0), key, validKeys), op.getKeyRope(), key,
                 firstTurned(op.getKeyRope(), latents + shared));
}

LoadTileOp LatentTiler::loadQueries(const TaskRows &rows, int64_t tileRows, int64_t columns) {
  LoadTileOp tile =
      load(tileType(TileRole::Query, tileRows, columns), problem.query, rows.batch, rows.head, rows.row, rows.valid);
  return rotated(tile, op.getQueryRope(), rows.rowPosition, firstTurned(op.getQueryRope(), own + shared));
}

void LatentTiler::emitAbsorbed(const TaskRows &rows, TileBoundsOp bounds) {
  LoadTileOp query = loadQueries(rows, absorbedRows, latents + shared);
  query.getHeadsOfMutable().assign(rows.ofHead);
  query.getAbsorbMutable().assign(op.getLatent()[0]);
  auto enter = [&](Value state, const KeyBlock &block) {
    Value tile = loadLatents(rows.batch, block.first, block.valid);
    return update(rows, state, query, tile, tile, block);
  };
  Value state = overKeys(rows, absorbedRows, latents, bounds.getBegin(), bounds.getEnd(), enter);
  FinalizeOp::create(b, state, problem.output, rows.batch, rows.head, rows.row, rows.valid, rows.ofHead,
                     op.getLatent()[1], problem.lse, op.getWeights());
}

/// [H, rows, latents] as a query tile: transposed, and so in the order in which products read it.
Value LatentTiler::loadProjection(Value projection, Value head, int64_t rows) {
  auto type = cast<MemRefType>(projection.getType());
  SmallVector<int64_t> shape = {1};
  llvm::append_range(shape, type.getShape());
  Value source = memref::ExpandShapeOp::create(b, shape, projection, {{0, 1}, {2}, {3}});
  return load(tileType(TileRole::Query, inPanels(rows), latents), source, constant(0), head, constant(0),
              constant(rows));
}

void LatentTiler::emitExpanded(const TaskRows &rows, TileBoundsOp bounds) {
  Value query = loadQueries(rows, schedule.getQueryTile(), own + shared);
  Value keyUp = loadProjection(op.getLatent()[0], rows.head, own);
  Value valueUp = loadProjection(op.getLatent()[1], rows.head, values);
  auto enter = [&](Value state, const KeyBlock &block) {
    Value tile = loadLatents(rows.batch, block.first, block.valid);
    Value keyTile = ExpandTileOp::create(b, tileType(TileRole::Key, schedule.getKeyBlock(), own + shared), tile, keyUp,
                                         own, block.valid);
    Value valueTile = ExpandTileOp::create(b, tileType(TileRole::Value, schedule.getKeyBlock(), values), tile, valueUp,
                                           values, block.valid);
    return update(rows, state, query, keyTile, valueTile, block);
  };
  Value state = overKeys(rows, schedule.getQueryTile(), values, bounds.getBegin(), bounds.getEnd(), enter);
  FinalizeOp::create(b, state, problem.output, rows.batch, rows.head, rows.row, rows.valid, /*heads_of=*/Value(),
                     /*expand=*/Value(), problem.lse, op.getWeights());
}

} // namespace

void fovea::attn::tileLatent(AttentionOp op) { LatentTiler(op).run(); }
