// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Masks of masks.mlir, with what stands around a mask: positions and symbols.
#ifndef FOVEA_TEST_UNIT_ANALYSIS_MASK_HARNESS_H
#define FOVEA_TEST_UNIT_ANALYSIS_MASK_HARNESS_H

#include "Evaluator.h"
#include "fovea/Analysis/MaskClassifier.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <random>

namespace fovea::test {

/// The context with our models, and the parsed file.
mlir::MLIRContext &context();
std::vector<mlir::func::FuncOp> masks();
/// Masks with arrays, for LoadMasksTest.
std::vector<mlir::func::FuncOp> loadMasks();

/// b, h, [rowBegin, rowEnd) x [keyBegin, keyEnd), symbols.
struct Sample {
  int64_t batch, head, rowBegin, rowEnd, keyBegin, keyEnd;
  std::vector<int64_t> symbols;
  bool isOrdinary = true; // no symbol is extreme
};

/// `func @name(b, h, rowBegin, rowEnd, keyBegin, keyEnd, symbols...)` around a mask, still without code that uses it.
class MaskHarness {
public:
  explicit MaskHarness(mlir::func::FuncOp mask);

  mlir::Region &mask() { return region; }
  mlir::Block &body() { return function->getBody().front(); }
  mlir::func::FuncOp getFunction() { return *function; }
  mlir::ValueRange symbols();
  /// What symbol `index` holds, for brute force.
  void bind(unsigned index, const Buffer &buffer);
  MaskTile tile();

  Sample sample(std::mt19937_64 &random);
  /// Truth by brute force: is any, is every point of the tile visible? Nothing if the mask is undefined somewhere.
  struct Truth {
    bool any, all;
  };
  std::optional<Truth> bruteForce(const Sample &sample);
  /// The first operand of the mask's last op at a random point of the tile.
  std::optional<int64_t> leftOfComparison(const Sample &sample, std::mt19937_64 &random);
  void setInputs(Program &program, const Sample &sample);

private:
  void setUniform(const Sample &sample);
  int64_t sampleSymbol(mlir::Type type, std::mt19937_64 &random, bool &isOrdinary);

  mlir::OwningOpRef<mlir::func::FuncOp> function;
  mlir::Region region;
  std::unique_ptr<Program> pointwise;
};

struct TileBounds {
  int64_t begin, end, visited, full;
};

/// The definition of attn.tile_bounds, with `visible(tile)` for (may, must) of a step.
TileBounds stepByStep(const Sample &sample, int64_t step,
                      llvm::function_ref<std::pair<bool, bool>(const Sample &)> visible);
/// The truth; nothing if the mask is undefined somewhere.
std::optional<TileBounds> bruteForceBounds(MaskHarness &harness, const Sample &sample, int64_t step);

/// attn.tile_bounds over the harness's tile, expanded by the pass. With `oneStep` the key range is visibly at most one
/// step long; with `summaries` what the mask loads is summarised.
Program expandTileBounds(MaskHarness &harness, int64_t step, bool oneStep = false, bool summaries = false);

} // namespace fovea::test

#endif
