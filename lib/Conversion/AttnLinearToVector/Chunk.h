// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The CPU's form of a state of linear attention, and the code for one chunk. L lanes, W value columns per panel, P
// panels:
//
//   !attn.linear_state<KxV>   memref<P x K x W>   S, panel after panel; columns past V are 0
//                             memref<K'>          z; K' is K in whole vectors
//
// With R rows per register tile, q and k the features of the chunk, G the sum of log-decays up to a token:
//
//   A[i][j] = <q_i, k_j> e^{G_i - G_j}     j <= i: outer products, lanes = keys
//   O[i][v] = <q_i e^{G_i}, S[:, v]> + sum_{j <= i} A[i][j] V[j][v]     outer products, lanes = value columns
//   S[d][v] = e^{G_C} S[d][v] + sum_j k[j][d] e^{G_C - G_j} V[j][v]     likewise; a chunk is summed by itself first
//
// Only k is transposed. In O the triangle is walked exactly, so that a NaN or Inf in V reaches no earlier token.
// Exponents are differences within a chunk, never negative sums by themselves: e^{-G} overflows where decays are
// strong.
#ifndef FOVEA_LIB_CONVERSION_ATTNLINEARTOVECTOR_CHUNK_H
#define FOVEA_LIB_CONVERSION_ATTNLINEARTOVECTOR_CHUNK_H

#include "../AttnTileToVector/VectorEmitter.h"

namespace fovea {

class ChunkEmitter {
public:
  ChunkEmitter(VectorEmitter &b, attn::LinearChunkOp op, mlir::Value s, mlir::Value z);
  void emit();

private:
  enum class Decay { None, PerToken, PerChannel }; // one that is per head is one per token, always the same
  using Row = llvm::function_ref<mlir::Value(int64_t row, mlir::Value at)>;
  using Column = llvm::function_ref<mlir::Value(int64_t vector, mlir::Value at)>;

  // Chunk.cpp
  void loadRows(mlir::Value source, mlir::Value head, mlir::Value to, bool isFeature, float scale);
  void loadValues();
  void transposeKeys();
  void emitQueries(mlir::Value head);
  void emitScores();
  void emitDivisors();
  void emitOutput(mlir::Value head);
  void emitOutputTile(const StridedRows &output, mlir::Value head, mlir::Value panel, int64_t columns, mlir::Value i);
  void emitUpdate();
  void emitUpdateTile(mlir::Value panel, mlir::Value d, int64_t count);
  void emitNormalizerUpdate();
  /// sums[x][c] + sum over [begin, end) of row(x) column(c)
  Values outer(Values sums, mlir::Value begin, mlir::Value end, int64_t count, Row row, Column column);
  Values zeros(int64_t count) { return Values(count * b.vectorsPerPanel(), b.splat(0)); }
  mlir::Value sumOf(mlir::Value vector);
  mlir::Value lane(int64_t c) { return b.index(c * b.lanes()); }

  // Decay.cpp
  void loadDecay();
  void decayPerToken();
  void decayPerChannel();
  mlir::Value keptBetween(mlir::Value i, mlir::Value j); // e^{G_i - G_j} for the lanes from j on; per token
  void emitScoresPerChannel();
  void scaleQueries(); // q_i e^{G_i}
  void scaleKeys();    // k_j e^{G_C - G_j}
  mlir::Value exp(mlir::Value x);

  VectorEmitter &b;
  attn::LinearChunkOp op;
  mlir::Value s, z;
  int64_t keyColumns, keyVectors, valueColumns, panels, rows;
  Decay decay = Decay::None;
  mlir::Value q, k, kTransposed, v, scores, divisors, tile; // buffers
  mlir::Value sums;                                         // G: [rows], or [rows, K']
  mlir::Value keptAll;                                      // e^{G_C}: a vector of one value, or a buffer [K']
};

} // namespace fovea

#endif
