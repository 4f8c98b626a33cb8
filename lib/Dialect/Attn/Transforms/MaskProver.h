// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is true of an attention's masks over the whole problem: the classifier, asked about all rows and keys at once.
#ifndef FOVEA_LIB_DIALECT_ATTN_TRANSFORMS_MASK_PROVER_H
#define FOVEA_LIB_DIALECT_ATTN_TRANSFORMS_MASK_PROVER_H

#include "fovea/Analysis/MaskClassifier.h"
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "mlir/IR/IRMapping.h"

namespace fovea::attn {

enum class Truth { Unknown, Always, Never };

/// Proofs about conditions in b, h, i, j. It thinks in code, emitted before the attention: the owner of the builder
/// trims it.
class MaskProver {
public:
  MaskProver(AttentionOp op, mlir::OpBuilder &builder);

  /// Of an i1 value of a score or mask region, for all sequences, heads, rows and keys there are.
  Truth prove(mlir::Value condition);
  /// Of 0 <= index < size.
  Truth proveWithin(mlir::Value index, mlir::Value size);
  /// The mask shows key `witness(i)`, inside the tensor, to every row if this is true of symbols, as text; empty:
  /// always. Nothing: not proven.
  enum class Witness { Own, First, Last };
  std::optional<std::string> conditionForEveryRow(Witness witness);

  /// Size of dimension `dim` of a tensor or memref.
  mlir::Value sizeOf(mlir::Value shaped, int64_t dim);

private:
  struct Range {
    mlir::Value begin, end;
  };
  using Emit = llvm::function_ref<mlir::Value(mlir::OpBuilder &, const mlir::IRMapping &)>;

  struct Answer {
    TileClass tile;
    mlir::Value must; // without the classifier's assumptions
  };

  /// The class of `emit`'s condition, computed from the values that `needed` needs of its region.
  Answer classify(llvm::ArrayRef<mlir::Value> needed, Emit emit);
  Truth truthOf(llvm::ArrayRef<mlir::Value> needed, Emit emit);

  AttentionOp op;
  mlir::OpBuilder &builder; // before the op
  Range domain[4];          // b, h, i, j
  mlir::Value rows;         // how many
};

} // namespace fovea::attn

#endif
