// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Output.h"

#include "Partials.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fovea;

Value fovea::rowNumber(WarpEmitter &b, const Thread &thread, int64_t half) {
  return b.add(b.add(b.mul(thread.warp, kWarpRows), b.div(thread.lane, 4)), 8 * half);
}

Value Output::exists(WarpEmitter &b, int64_t half) const {
  return b.less(rowNumber(b, thread, half), b.toI32(rows.valid));
}

void Output::store(WarpEmitter &b, const State &state) const {
  Purpose purpose(b, "output");
  for (int64_t half = 0; half < 2; ++half) {
    Softmax::Row totals = softmax.finalize(b, state, half);
    b.when(exists(b, half), [&] { storeRow(b, state, half, totals.sum); });
    if (!problem.lse)
      continue;
    b.when(b.both(exists(b, half), isFirstOfRow(b, thread)), [&] {
      auto [head, row] = rows.locate(b, rowNumber(b, thread, half));
      memref::StoreOp::create(b, totals.lse, problem.lse, ValueRange{rows.batch, head, row});
    });
  }
}

/// acc / l; a row without weight gives 0, whatever its accumulator holds.
void Output::storeRow(WarpEmitter &b, const State &state, int64_t half, Value sum) const {
  Type element = cast<MemRefType>(attn::AttentionOp(op).getOuts()[0].getType()).getElementType();
  int64_t elementBytes = element.getIntOrFloatBitWidth() / 8;
  Value inverse = arith::DivFOp::create(b, b.real(1), sum), empty = b.equals(sum, 0);
  Value column = b.toIndex(b.mul(b.rem(thread.lane, 4), 2 * elementBytes));
  auto [head, row] = rows.locate(b, rowNumber(b, thread, half));
  Value address = b.add(problem.output.addressOf(b, rows.batch, head, row), column);
  for (int64_t n = 0; n < geometry.value.columns / kFragmentColumns; ++n) {
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

void Output::storeSplit(WarpEmitter &b, State state) const {
  Partials partials(b, geometry, thread, rows);
  auto types = llvm::to_vector(ValueRange(state.values()).getTypes());
  types.push_back(b.getI1Type());
  auto meet = [&] {
    partials.store(b, softmax, state);
    Value isLast = partials.arrive(b);
    Values merged = b.choose(
        isLast, ValueRange(state.values()).getTypes(), [&] { return partials.merge(b, softmax).values(); },
        [&] { return state.values(); });
    merged.push_back(isLast);
    return merged;
  };
  auto whole = [&] {
    Values all = state.values();
    all.push_back(arith::ConstantIntOp::create(b, 1, 1));
    return all;
  };
  Values done = b.choose(partials.isPiece(b), types, meet, whole);
  b.when(done.back(), [&] { store(b, State(ValueRange(done).drop_back(1))); });
}
