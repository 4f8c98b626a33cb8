// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The CPU's form of tiles and states, and the patterns that produce it. L lanes, W queries per panel, P panels per
// tile:
//
//   !attn.tile<query, RxD>    memref<P x D x W>       panel after panel, transposed: lanes are queries
//   !attn.tile<key, KxD>      memref<K x D>           rows dense; a view of the source or a packed copy
//   !attn.tile<value, KxDv>   memref<K x Dv>          likewise
//   !attn.state<RxDv>         memref<P x Dv x W>      acc, transposed
//                             memref<P x 2 x W>       per query: M, the maximum in base 2 (scaled by log2 e), and the
//                             sum l
//
// Rows past the valid ones repeat the last valid row, so that every lane computes on real data.
#ifndef FOVEA_LIB_CONVERSION_ATTNTILETOVECTOR_PATTERNS_H
#define FOVEA_LIB_CONVERSION_ATTNTILETOVECTOR_PATTERNS_H

#include "mlir/Transforms/DialectConversion.h"

namespace fovea {

void populateExpandTilePatterns(const mlir::TypeConverter &types, mlir::RewritePatternSet &patterns);
void populateLoadTilePatterns(const mlir::TypeConverter &types, mlir::RewritePatternSet &patterns);
void populateUpdatePatterns(const mlir::TypeConverter &types, mlir::RewritePatternSet &patterns);
void populateStatePatterns(const mlir::TypeConverter &types, mlir::RewritePatternSet &patterns);

} // namespace fovea

#endif
