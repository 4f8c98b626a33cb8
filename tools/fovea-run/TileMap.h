// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A picture of a mask as the compiler sees it: which tiles it skips, computes as they are, or computes with the mask.
#ifndef FOVEA_TOOLS_FOVEARUN_TILE_MAP_H
#define FOVEA_TOOLS_FOVEARUN_TILE_MAP_H

#include "fovea/fovea.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <vector>

namespace fovea::run {

enum class TileKind : uint8_t { Empty, Partial, Full };

/// The mask of one head over query rows [0, rows) and keys [0, keys), in tiles; the last ones may be smaller.
class TileMap {
public:
  using Classify = llvm::function_ref<TileKind(int64_t rowBegin, int64_t rowEnd, int64_t keyBegin, int64_t keyEnd)>;

  TileMap(int64_t rows, int64_t keys, int64_t rowStep, int64_t keyStep, Classify classify);

  int64_t count(TileKind kind) const { return counts[size_t(kind)]; }
  int64_t size() const { return int64_t(kinds.size()); }
  TileKind at(int64_t row, int64_t column) const { return kinds[size_t(row * columns + column)]; }

  int64_t rows, keys, rowStep, keyStep;
  int64_t lines, columns; // of tiles

private:
  std::vector<TileKind> kinds;
  int64_t counts[3] = {0, 0, 0};
};

/// A line of text per row of tiles.
void printTerminal(const TileMap &map, llvm::raw_ostream &os);

/// Three colours, a legend, and the key range of every task as an outline over it.
void printSvg(const TileMap &map, llvm::ArrayRef<fovea_task> tasks, int64_t queryTile, llvm::StringRef title,
              llvm::raw_ostream &os);

} // namespace fovea::run

#endif
