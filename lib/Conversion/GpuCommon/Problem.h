// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_CONVERSION_GPUCOMMON_PROBLEM_H
#define FOVEA_LIB_CONVERSION_GPUCOMMON_PROBLEM_H

#include "WarpEmitter.h"
#include "fovea/Dialect/Attn/IR/Attn.h"

namespace fovea {

/// Rows of one head in global memory.
struct GlobalRows {
  mlir::Value address;  // of row 0, in bytes
  mlir::Value rowBytes; // from one row to the next
};

/// One operand of an attention as memory: byte addresses, whatever its layout.
struct Matrix {
  mlir::Value address;                         // of its first element, an index
  mlir::Value batchBytes, headBytes, rowBytes; // strides
  mlir::Value batches, heads, rows;            // sizes
  mlir::Value isCopyable;                      // in chunks of 16 bytes, as far as strides tell
  GlobalRows head(WarpEmitter &b, mlir::Value batch, mlir::Value head) const;
  mlir::Value addressOf(WarpEmitter &b, mlir::Value batch, mlir::Value head, mlir::Value row) const;
};

/// The operands of one attention and its run-time sizes, with a cf.assert for every agreement between them that the
/// kernel relies on.
struct Problem {
  attn::AttentionOp op;
  Matrix query, key, value, output;
  mlir::Value lse; // memref or null

  Problem(WarpEmitter &b, attn::AttentionOp op);
  void check(WarpEmitter &b);
  mlir::Value queryOffset(WarpEmitter &b, mlir::Value batch) const;
  /// Query heads that share a kv head; at least 1.
  mlir::Value group(WarpEmitter &b) const;
  mlir::Value kvHead(WarpEmitter &b, mlir::Value head) const;
};

} // namespace fovea

#endif
