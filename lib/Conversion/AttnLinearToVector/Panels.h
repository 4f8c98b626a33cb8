// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of value columns, panel after panel: memref<panels x rows x W>. V, the state and the output have this form.
#ifndef FOVEA_LIB_CONVERSION_ATTNLINEARTOVECTOR_PANELS_H
#define FOVEA_LIB_CONVERSION_ATTNLINEARTOVECTOR_PANELS_H

#include "../AttnTileToVector/VectorEmitter.h"

namespace fovea {

/// Rows [begin, end) of one head of `[B, H, N, D]` memory.
struct MemoryRows {
  mlir::Value memref, batch, head;
  mlir::Value position; // of row 0 in memory
  mlir::Value begin, end;
  int64_t ahead = 0; // rows until those that come next, to be fetched meanwhile; 0: none do
};

/// Asks for the row `ahead` of this one, if any.
void prefetchRow(VectorEmitter &b, const MemoryRows &rows, const StridedRows &from, mlir::Value row, int64_t columns,
                 bool isWrite);

/// Calls body(column, width) for vectors that cover `columns`, some at a time; the last one may be narrow.
void forVectors(VectorEmitter &b, int64_t columns, llvm::function_ref<void(mlir::Value, int64_t)> body);

/// Columns past the last become 0.
void loadPanels(VectorEmitter &b, const MemoryRows &rows, int64_t columns, mlir::Value panels);

/// The rows where they lie, as panels, if `isDirect`; else the buffer. Only for columns in whole panels, and rows whose
/// columns are dense.
mlir::Value viewPanels(VectorEmitter &b, const MemoryRows &rows, int64_t columns, mlir::Value buffer,
                       mlir::Value isDirect);

/// Whether viewPanels may look at memory: dense rows, one after the other, and as many as a chunk has.
mlir::Value isDirectlyPanels(VectorEmitter &b, const MemoryRows &rows, int64_t columns);

/// Asks for the rows `ahead`.
void prefetchRows(VectorEmitter &b, const MemoryRows &rows, int64_t columns, bool isWrite);

/// Each row multiplied by the vector factor(row), if there is one.
void storePanels(VectorEmitter &b, const MemoryRows &rows, int64_t columns, mlir::Value panels,
                 llvm::function_ref<mlir::Value(mlir::Value)> factor = nullptr);

} // namespace fovea

#endif
