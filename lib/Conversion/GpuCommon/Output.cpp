// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Output.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fovea;

/// acc / l; a row without weight gives 0, whatever its accumulator holds.
static void storeRow(WarpEmitter &b, const Problem &problem, const Thread &thread, const TileRows &rows,
                     const State &state, int64_t half, Value sum) {
  Type element = cast<MemRefType>(attn::AttentionOp(problem.op).getOuts()[0].getType()).getElementType();
  int64_t elementBytes = element.getIntOrFloatBitWidth() / 8;
  Value inverse = arith::DivFOp::create(b, b.real(1), sum), empty = b.equals(sum, 0);
  Value column = b.toIndex(b.mul(b.rem(thread.lane, 4), 2 * elementBytes));
  auto [head, row] = rows.locate(b, rowNumber(b, thread, half));
  Value address = b.add(problem.output.addressOf(b, rows.batch, head, row), column);
  for (size_t n = 0; n < state.acc.size() / kFragmentValues; ++n) {
    Value pair[2];
    for (int64_t k = 0; k < 2; ++k)
      pair[k] = b.select(empty, b.real(0), b.mulf(state.acc[n * kFragmentValues + 2 * half + k], inverse));
    Value stored = element.isF32()
                       ? Value(vector::FromElementsOp::create(b, VectorType::get({2}, element), ValueRange(pair)))
                       : b.pack(pair[0], pair[1], element);
    Value to = b.globalPointer(b.add(address, n * kFragmentColumns * elementBytes));
    LLVM::StoreOp::create(b, stored, to, unsigned(2 * elementBytes));
  }
}

void fovea::storeOutput(WarpEmitter &b, const Problem &problem, const Softmax &softmax, const Thread &thread,
                        const TileRows &rows, const State &state) {
  Purpose purpose(b, "output");
  auto exists = [&](int64_t half) { return b.less(rowNumber(b, thread, half), b.toI32(rows.valid)); };
  for (int64_t half = 0; half < 2; ++half) {
    Softmax::Row totals = softmax.finalize(b, state, half);
    b.when(exists(half), [&] { storeRow(b, problem, thread, rows, state, half, totals.sum); });
    if (!problem.lse)
      continue;
    b.when(b.both(exists(half), isFirstOfRow(b, thread)), [&] {
      auto [head, row] = rows.locate(b, rowNumber(b, thread, half));
      memref::StoreOp::create(b, totals.lse, problem.lse, ValueRange{rows.batch, head, row});
    });
  }
}
