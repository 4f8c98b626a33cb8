// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the tasks of every attention have in common: operands, sizes and their checks, bounds from the mask, the loop
// over key blocks.
#ifndef FOVEA_LIB_DIALECT_ATTN_TRANSFORMS_TILER_H
#define FOVEA_LIB_DIALECT_ATTN_TRANSFORMS_TILER_H

#include "fovea/Dialect/Attn/IR/Attn.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace fovea::attn {

/// The operands of one attention in the order B, H, N, D and its run-time sizes.
struct Problem {
  mlir::Value query, key, value, output, lse;
  mlir::Value batches, heads, kvHeads, rows, keys;
};

/// The rows of a task: `valid` from `row` on, of one head, or of several with `ofHead` rows each.
struct TaskRows {
  mlir::Value batch, head, row, valid, ofHead;
  mlir::Value position, positionEnd; // of all of them
  mlir::Value rowPosition;           // of row 0 if there are several heads, else of the first one
};

/// Of the pairs of query and key that the mask shows all, or those for which `far` holds, or does not.
enum class Pairs { All, Near, Far };

/// `valid` keys from `first` on, of which a task looks at some pairs; full: at all of them, if it is known.
struct KeyBlock {
  mlir::Value first, valid, full;
  Pairs pairs;
};

class Tiler {
public:
  explicit Tiler(AttentionOp op);

protected:
  using Update = llvm::function_ref<mlir::Value(mlir::Value state, const KeyBlock &block)>;

  mlir::Value constant(int64_t value) { return mlir::arith::ConstantIndexOp::create(b, value); }
  mlir::Value dim(mlir::Value memref, int64_t index);
  void check(mlir::Value condition, const llvm::Twine &message);
  void checkEqual(mlir::Value a, int64_t dimA, llvm::StringRef nameA, mlir::Value c, int64_t dimC,
                  llvm::StringRef nameC, llvm::StringRef what);
  /// What the verifier could not see in the types.
  void checkSizes();

  /// Large tasks read, and pack, keys and values less often; small problems are cut finer, into panels, so that many
  /// threads find work: into `wantedTasks`, but no task below `fewRows`. The sizes alone decide: every number of
  /// threads computes the same bits.
  mlir::Value rowsPerTask(int64_t wantedTasks, int64_t fewRows);
  mlir::Value queryOffset(mlir::Value batch);
  mlir::Value kvHeadOf(mlir::Value head);

  /// What the mask says of the rows of one head; without one, every key is visible.
  TileBoundsOp tileBounds(const TaskRows &rows, mlir::Value keyBegin, mlir::Value keyEnd, Pairs pairs = Pairs::All);
  /// The same without asking: every key may be visible.
  TileBoundsOp allKeys(const TaskRows &rows, mlir::Value keyBegin, mlir::Value keyEnd);
  /// Does the mask tell heads apart?
  bool isMaskPerHead() { return op.hasMask() && !op.getMask().getArgument(1).use_empty(); }

  TileType tileType(TileRole role, int64_t rows, int64_t columns) {
    return TileType::get(b.getContext(), role, rows, columns, b.getF32Type());
  }
  LoadTileOp load(TileType type, mlir::Value source, mlir::Value batch, mlir::Value head, mlir::Value row,
                  mlir::Value valid);
  /// The tile with rows that are normalised, if there is a gain.
  LoadTileOp normalized(LoadTileOp tile, mlir::Value gain);
  /// The tile with rows that turn, if there are tables; its row 0 stands at `position`.
  LoadTileOp rotated(LoadTileOp tile, mlir::ValueRange rope, mlir::Value position, int64_t firstColumn = 0);
  /// A new state, which `update` takes through every key block from `begin` to `end` that is not hidden as a whole;
  /// with two rotations first through its near pairs, then its far ones, since sums over keys in any order are the
  /// same.
  mlir::Value overKeys(const TaskRows &rows, int64_t stateRows, int64_t columns, mlir::Value begin, mlir::Value end,
                       Update update);
  mlir::Value update(const TaskRows &rows, mlir::Value state, mlir::Value query, mlir::Value keys, mlir::Value values,
                     const KeyBlock &block);

  AttentionOp op;
  mlir::ImplicitLocOpBuilder b;
  ScheduleAttr schedule;
  Problem problem;

private:
  void readOperands();
  mlir::Value inOrder(mlir::Value memref);
  mlir::Value kvHeadsOrOne() { return mlir::arith::MaxUIOp::create(b, problem.kvHeads, constant(1)); }
  TileBoundsOp boundsWithoutMask(const TaskRows &rows, mlir::Value keyBegin, mlir::Value keyEnd);
  void visible(Pairs pairs, mlir::Region &mask);
  mlir::Value skipIfEmpty(const TaskRows &rows, KeyBlock block, mlir::Value state, Update update);
};

/// attn.task with the tile ops of a latent attention, in place of it.
void tileLatent(AttentionOp op);

} // namespace fovea::attn

#endif
