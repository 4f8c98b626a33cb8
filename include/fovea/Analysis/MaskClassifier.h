// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The three-valued classifier: is a tile of a mask EMPTY, FULL or PARTIAL? One source of truth for loop bounds, panel
// clamps and micro-tiles on every target.
#ifndef FOVEA_ANALYSIS_MASK_CLASSIFIER_H
#define FOVEA_ANALYSIS_MASK_CLASSIFIER_H

#include "fovea/Analysis/MaskRange.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Region.h"

namespace mlir {
class DialectRegistry;
}

namespace fovea {

/// A rectangle of the mask, half open, in absolute positions; values of index type. Never empty.
struct MaskTile {
  mlir::Value batch, head;
  mlir::Value rowBegin, rowEnd;
  mlir::Value keyBegin, keyEnd;
};

/// EMPTY = !may, FULL = must; both i1.
struct TileClass {
  mlir::Value may, must;
};

/// Emits code that classifies `tile` at the builder's insertion point, folding constants as it goes. Sound for every
/// mask: an op without the MaskRangeOpInterface makes the tile PARTIAL.
TileClass emitTileClass(mlir::OpBuilder &builder, mlir::Location loc, mlir::Region &mask, const MaskTile &tile);

/// The same in three steps, so that a loop over rows or keys repeats only what changes. Call them in order, each where
/// the code of the one before dominates; `emitRows` and `emitKeys` may be repeated.
class MaskClassifier {
public:
  explicit MaskClassifier(mlir::Region &mask);

  /// Whether keys can have different classes.
  bool dependsOnKeys() const { return dependsOnKeys(getResult()); }

  /// What depends on neither i nor j. No operation in it traps, whatever the symbols.
  void emitSymbols(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value batch, mlir::Value head);
  /// What depends on i alone.
  void emitRows(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value rowBegin, mlir::Value rowEnd);
  /// The rest.
  TileClass emitKeys(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value keyBegin, mlir::Value keyEnd);

  // For analyses of the mask's code over the tile of the last three calls.
  mlir::Value getResult() const { return mask.getTerminator()->getOperand(0); }
  mlir::Value getKey() const;
  bool dependsOnKeys(mlir::Value value) const { return dependenceOf(value) & kKeys; }
  MaskRange rangeOf(mlir::Value value, MaskRangeBuilder &builder) const;
  /// Whether anything is known of an op's result over a tile: there is a rule for it and, if it reads memory, a summary.
  bool knows(mlir::Operation *op) const;
  /// The ranges hold only where this does; null: everywhere.
  mlir::Value getAssumption() const { return keysHold; }

private:
  enum Dependence : unsigned { kNothing = 0, kRows = 1, kKeys = 2 };

  unsigned dependenceOf(mlir::Value value) const { return dependence.lookup(value); }
  MaskRange symbolRange(mlir::Value value, mlir::Value evaluated, MaskRangeBuilder &builder);
  void emitRanges(MaskRangeBuilder &builder, llvm::function_ref<bool(unsigned)> wanted);

  mlir::Block &mask;
  llvm::DenseMap<mlir::Value, unsigned> dependence; // a set of Dependence; absent: nothing
  llvm::SmallVector<mlir::Operation *> slice;       // what the result needs, in order
  llvm::SetVector<mlir::Value> symbols;             // uniform values that the slice uses from outside its varying part
  llvm::DenseMap<mlir::Value, MaskRange> ranges;
  mlir::Value symbolsHold, rowsHold, keysHold; // assumptions of the three steps
};

/// Remembers what a builder creates while this object lives, to erase what nothing uses: folding leaves operands
/// behind.
class DeadCodeTrimmer : public mlir::OpBuilder::Listener {
public:
  explicit DeadCodeTrimmer(mlir::OpBuilder &builder);
  ~DeadCodeTrimmer() override;
  void trim(mlir::ValueRange keep = {});

private:
  void notifyOperationInserted(mlir::Operation *op, mlir::OpBuilder::InsertPoint previous) override;

  mlir::OpBuilder &builder;
  mlir::OpBuilder::Listener *outer;
  llvm::SmallVector<mlir::Operation *> created;
};

/// Attaches MaskRangeOpInterface to arith ops, math.absi and memref.load.
void registerMaskRangeModels(mlir::DialectRegistry &registry);

} // namespace fovea

#endif
