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
// The delta rule first replaces V by what is written, with M as A, of keys with keys (Delta.cpp). Only k is transposed.
// In O the triangle is walked exactly, so that a NaN or Inf in V reaches no earlier token.
#ifndef FOVEA_LIB_CONVERSION_ATTNLINEARTOVECTOR_CHUNK_H
#define FOVEA_LIB_CONVERSION_ATTNLINEARTOVECTOR_CHUNK_H

#include "Panels.h"

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
  void allocate();
  void emitChunk();
  void emitQueries(mlir::Value head);
  void emitOutputTile(mlir::Value panel, mlir::Value i);
  void emitUpdate();
  void emitUpdateTile(mlir::Value panel, mlir::Value d, int64_t count);
  /// sums[x][c] + sum over [begin, end) of row(x) column(c)
  Values outer(Values sums, mlir::Value begin, mlir::Value end, int64_t count, Row row, Column column);
  /// sums[x][c] + sum over j < i of matrix[i + x][j] V[panel][j][c]: whole products, then the triangle up to row x, or
  /// before it. finish(x) makes row x what later rows see in V.
  Values triangle(Values sums, mlir::Value matrix, mlir::Value panel, mlir::Value i, bool isStrict,
                  llvm::function_ref<void(int64_t, Values &)> finish = nullptr);
  Values zeros(int64_t count) { return Values(count * b.vectorsPerPanel(), b.splat(0)); }
  mlir::Value lane(int64_t c) { return b.index(c * b.lanes()); }
  bool isParallel() { return op.getForm() == attn::LinearForm::Parallel; }

  // Rows.cpp
  MemoryRows memoryRows(mlir::Value memref, mlir::Value head, mlir::Value begin, mlir::Value end);
  void loadRows(const MemoryRows &rows, mlir::Value to, bool isFeature, float scale);
  void loadValues();
  void loadQueries(mlir::Value head, mlir::Value begin, mlir::Value end);
  void storeOutput(mlir::Value head, mlir::Value begin, mlir::Value end);
  void transpose(mlir::Value rowsBuffer, mlir::Value count, mlir::Value block);
  void forColumns(llvm::function_ref<void(mlir::Value)> body); // whole vectors of a row of features
  mlir::Value sumOf(mlir::Value vector);
  mlir::Value largestOf(mlir::Value vector);

  // Scores.cpp
  void prepareKeys();
  /// tril(source k^T), decayed: whole register tiles up to the diagonal, 0 past it; strict: 0 on it, too.
  void emitScores(mlir::Value source, mlir::Value to, bool isStrict);
  mlir::Value blockOf(mlir::Value i) { return b.createOrFold<mlir::arith::DivUIOp>(i, b.index(blockRows)); }

  // Decay.cpp
  mlir::Value decayOf(mlir::Value r); // g of a token, not per channel
  void loadDecay();
  void decayPerToken();
  void decayPerChannel();
  mlir::Value keptBetween(mlir::Value i, mlir::Value j);     // e^{G_i - G_j} for the lanes from j on; per token
  void scaleKeysTowards(mlir::Value first, mlir::Value end); // per channel; into `scaled`
  void scaleRowsFrom(mlir::Value source);                    // per channel; into `scaled`
  void emitScoresNearDiagonal(mlir::Value source, mlir::Value to, bool isStrict);
  void scaleToChunk(mlir::Value source, mlir::Value to); // e^{G_i} source_i
  void scaleKeys();                                      // k_j e^{G_C - G_j}

  // Delta.cpp
  void emitWrites();
  void emitWriteTile(mlir::Value panel, mlir::Value i);

  // Normalizer.cpp
  void emitKeySums();
  void normalizeQueries(mlir::Value begin, mlir::Value end);
  void emitDivisors(mlir::Value begin, mlir::Value end);
  void emitNormalizerUpdate();
  mlir::Value inverseRootMeanSquare(mlir::Value sumOfSquares, int64_t count);
  mlir::Value outputNorm(mlir::Value row);

  // Recurrent.cpp
  void emitRecurrent();
  void loadTokenDecay(mlir::Value t);
  void emitTokenWrite(mlir::Value t);
  void emitTokenUpdate(mlir::Value t);
  Values dotState(mlir::Value vectors, mlir::Value t, mlir::Value panel);

  VectorEmitter &b;
  attn::LinearChunkOp op;
  mlir::Value s, z;
  int64_t keyColumns, keyVectors, valueColumns, panels, rows;
  int64_t blockRows; // rows that share a reference for their exponentials
  Decay decay = Decay::None;
  mlir::Value q, k, kTransposed, v, o, scores, divisors; // buffers; kTransposed: [blocks, K', rows]
  mlir::Value sums;                                      // G: [rows], or [rows, K'] (in form recurrent e^{g})
  mlir::Value keptAll;                                   // e^{G_C}: a vector of one value, or a buffer [K']
  mlir::Value scaled;   // per channel: rows times e^{G_i - G_b}, or e^{G_b - G_j}, for the first row b of a block
  mlir::Value spans;    // per channel: the largest |G_b - G_j| within a block
  mlir::Value kDecayed; // delta: k_i e^{G_i}
  mlir::Value products, betas; // delta: M, and beta
  mlir::Value keySums;         // <z>, <norm_z>: z before the chunk, then of each token
};

} // namespace fovea

#endif
