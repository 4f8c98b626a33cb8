// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_TOOLS_FOVEARUN_EXPLAIN_H
#define FOVEA_TOOLS_FOVEARUN_EXPLAIN_H

#include "Kernel.h"
#include "TileMap.h"

namespace fovea::run {

/// What --explain and --map show beside the report: decisions and proofs of the compiler, counts of tiles, work that is
/// saved.
class Explanation {
public:
  Explanation(const Kernel &kernel, const Execution &execution);

  void print(llvm::raw_ostream &os) const;
  /// The map of the first head of the first sequence, to a file.
  void writeMap(const std::string &path, llvm::StringRef title) const;

private:
  /// Rows are counted from 0.
  TileKind classify(int64_t batch, int64_t head, int64_t rowBegin, int64_t rowEnd, int64_t keyBegin,
                    int64_t keyEnd) const;
  TileMap mapOf(int64_t batch, int64_t head, int64_t rowStep, int64_t keyStep) const;
  struct RowSize {
    double columns, bytes;
  };
  std::optional<RowSize> rowSize(llvm::StringRef name) const;
  void printRemarks(llvm::raw_ostream &os) const;
  void printTiles(llvm::raw_ostream &os) const;
  void printEmptyRows(llvm::raw_ostream &os) const;

  const Kernel &kernel;
  const Execution &execution;
  // What the plan's tasks say of the problem.
  int64_t sequences = 0, heads = 0, rows = 0, keys = 0, queryTile = 1, keyBlock = 1;
  std::vector<int64_t> firstRow; // position of row 0, per sequence
};

} // namespace fovea::run

#endif
