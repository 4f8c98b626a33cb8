// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// fovea_abi.h's structs as IR: how compiled code reads fovea_value and writes fovea_task.
#ifndef FOVEA_LIB_DIALECT_ATTN_TRANSFORMS_KERNEL_ABI_H
#define FOVEA_LIB_DIALECT_ATTN_TRANSFORMS_KERNEL_ABI_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace fovea::attn {

/// 64-bit fields of a fovea_task, in order: index[0..3], begin, end, visited, blocks, rows[0..1], keys, key_block,
/// piece, pieces, partial, partial_bytes.
enum TaskField : int64_t {
  kTaskBegin = 4,
  kTaskEnd = 5,
  kTaskVisited = 6,
  kTaskBlocks = 7,
  kTaskKeys = 10,
  kTaskPiece = 12,
  kTaskPieces = 13,
  kTaskPartial = 14,
  kTaskPartialBytes = 15,
  kTaskFields = 16
};

/// values[index] as a scalar or a memref of `type` (any strides).
mlir::Value unpackValue(mlir::ImplicitLocOpBuilder &b, mlir::Value values, int64_t index, mlir::Type type);

/// A contiguous static memref at `pointer`.
mlir::Value wrapPointer(mlir::ImplicitLocOpBuilder &b, mlir::Value pointer, mlir::MemRefType type);

/// The partial results of the tile that `record`'s task has a piece of: memref<?x?xi32>, a row for each of its pieces.
/// values[index] has those of all tiles.
mlir::Value unpackPartials(mlir::ImplicitLocOpBuilder &b, mlir::Value values, int64_t index, mlir::Value record,
                           mlir::MemRefType type);

/// &tasks[position]
mlir::Value taskRecord(mlir::ImplicitLocOpBuilder &b, mlir::Value tasks, mlir::Value position);
mlir::Value loadTaskField(mlir::ImplicitLocOpBuilder &b, mlir::Value record, int64_t field);
void storeTaskField(mlir::ImplicitLocOpBuilder &b, mlir::Value record, int64_t field, mlir::Value value);

} // namespace fovea::attn

#endif
