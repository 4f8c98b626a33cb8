// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Short names for what the CPU kernels are made of, and the two pieces of arithmetic they share.
#ifndef FOVEA_LIB_CONVERSION_ATTNTILETOVECTOR_VECTOR_EMITTER_H
#define FOVEA_LIB_CONVERSION_ATTNTILETOVECTOR_VECTOR_EMITTER_H

#include "fovea/Dialect/Attn/IR/Attn.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace fovea {

using Values = llvm::SmallVector<mlir::Value>;

class VectorEmitter : public mlir::ImplicitLocOpBuilder {
public:
  VectorEmitter(mlir::Location loc, mlir::OpBuilder &builder, attn::ScheduleAttr schedule)
      : ImplicitLocOpBuilder(loc, builder), schedule(schedule) {}

  const attn::ScheduleAttr schedule;
  int64_t lanes() const { return schedule.getLanes(); }
  /// Vectors that make one row of a panel.
  int64_t vectorsPerPanel() const { return schedule.getPanel() / schedule.getLanes(); }
  mlir::VectorType vectorType(mlir::Type element) const { return mlir::VectorType::get(lanes(), element); }
  mlir::VectorType vectorType() { return vectorType(getF32Type()); }

  // Scalars.
  mlir::Value index(int64_t value) { return mlir::arith::ConstantIndexOp::create(*this, value); }
  mlir::Value real(float value) {
    return mlir::arith::ConstantFloatOp::create(*this, getF32Type(), llvm::APFloat(value));
  }
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value add(mlir::Value a, int64_t b) { return b == 0 ? a : add(a, index(b)); }
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, int64_t b);
  mlir::Value min(mlir::Value a, mlir::Value b) { return mlir::arith::MinSIOp::create(*this, a, b); }
  mlir::Value compare(mlir::arith::CmpIPredicate predicate, mlir::Value a, mlir::Value b) {
    return mlir::arith::CmpIOp::create(*this, predicate, a, b);
  }
  mlir::Value both(mlir::Value a, mlir::Value b) { return mlir::arith::AndIOp::create(*this, a, b); }
  mlir::Value either(mlir::Value a, mlir::Value b) { return mlir::arith::OrIOp::create(*this, a, b); }
  mlir::Value negate(mlir::Value flag);
  /// The smallest multiple of `unit` that is not below a.
  mlir::Value roundUp(mlir::Value a, int64_t unit);

  // fp32 vectors.
  mlir::Value splat(float value);
  mlir::Value broadcast(mlir::Value scalar);
  mlir::Value fma(mlir::Value a, mlir::Value b, mlir::Value c);
  mlir::Value mulf(mlir::Value a, mlir::Value b) { return mlir::arith::MulFOp::create(*this, a, b); }
  mlir::Value addf(mlir::Value a, mlir::Value b) { return mlir::arith::AddFOp::create(*this, a, b); }
  mlir::Value subf(mlir::Value a, mlir::Value b) { return mlir::arith::SubFOp::create(*this, a, b); }
  mlir::Value smaller(mlir::Value a, mlir::Value b); // likewise
  /// a > b ? a : b: one instruction, and a NaN in a loses.
  mlir::Value larger(mlir::Value a, mlir::Value b);
  /// sums[i][c] + broadcast(row(i)) * column(c), of as many rows and columns as make `sums`: a step of a matrix
  /// product.
  Values multiplyAdd(mlir::ValueRange sums, int64_t columns, llvm::function_ref<mlir::Value(int64_t)> row,
                     llvm::function_ref<mlir::Value(int64_t)> column);
  /// A balanced tree, so that the chain is short.
  mlir::Value reduce(Values values, llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)> combine);
  /// 2^x for x <= 127, to 2e-7; exp2(0) is exactly 1 and exp2(-inf) exactly 0.
  mlir::Value exp2(mlir::Value x);
  /// e^x to 4e-7, exp(0) exactly 1: 0 below -87.68 (no subnormal numbers), infinity above 88.37 (e^x itself ends
  /// at 88.72).
  mlir::Value exp(mlir::Value x);
  /// Calls the module's function that transposes a lanes x lanes block of fp32. Both are memrefs of blockType(): rows
  /// any stride apart.
  void transposeBlock(mlir::Value source, mlir::Value destination);
  mlir::MemRefType blockType();
  /// A lanes x lanes block at element `offset` of a buffer, rows `stride` apart.
  mlir::Value block(mlir::Value base, mlir::Value offset, mlir::OpFoldResult stride);

  // Memory. Indices as the memref has them; vectors of `lanes` elements along the last one.
  mlir::Value buffer(llvm::ArrayRef<int64_t> shape);
  mlir::Value load(mlir::Value memref, mlir::ValueRange indices);
  void store(mlir::Value value, mlir::Value memref, mlir::ValueRange indices);
  mlir::Value loadVector(mlir::Value memref, mlir::ValueRange indices);
  void storeVector(mlir::Value vector, mlir::Value memref, mlir::ValueRange indices);
  /// The first `count` lanes; the others are zero, or not written.
  mlir::Value loadLeading(mlir::Value memref, mlir::ValueRange indices, int64_t count);
  void storeLeading(mlir::Value vector, mlir::Value memref, mlir::ValueRange indices, int64_t count);
  mlir::Value leading(int64_t count); // that mask

  // Control flow.
  void loop(mlir::Value begin, mlir::Value end, int64_t step, llvm::function_ref<void(mlir::Value)> body);
  void loop(mlir::Value end, llvm::function_ref<void(mlir::Value)> body) { loop(index(0), end, 1, body); }
  /// Covers [0, size) with chunks of `lanes`. The last one starts at size - lanes and overlaps the one before it, so
  /// that one body serves all; a size below `lanes` is one narrow chunk. body(start, width)
  void chunks(int64_t size, llvm::function_ref<void(mlir::Value, int64_t)> body);
  Values loop(mlir::Value begin, mlir::Value end, int64_t step, mlir::ValueRange initial,
              llvm::function_ref<Values(mlir::Value, mlir::ValueRange)> body);
  void when(mlir::Value condition, llvm::function_ref<void()> yes, llvm::function_ref<void()> no = nullptr);
  Values choose(mlir::Value condition, mlir::TypeRange types, llvm::function_ref<Values()> yes,
                llvm::function_ref<Values()> no);
};

/// Are the elements of its last dimension next to each other?
mlir::Value hasUnitRows(VectorEmitter &b, mlir::Value memref);
/// memref<1 x size of the last dimension> at these leading indices, as if its elements were next to each other.
mlir::Value denseRow(VectorEmitter &b, mlir::Value memref, mlir::ValueRange indices);

/// One row of `[B, H, N, D]` memory: where it starts and how far its elements are apart.
struct StridedRows {
  mlir::Value base;   // 0-d buffer
  mlir::Value offset; // of row 0 of the head
  mlir::Value rowStride, columnStride;

  StridedRows(VectorEmitter &b, mlir::Value memref, mlir::Value batch, mlir::Value head);
  /// columnStride == 1, or it does not matter.
  mlir::Value isUnit(VectorEmitter &b, int64_t columns) const;
  /// Element offset of a row from `base`.
  mlir::Value rowOffset(VectorEmitter &b, mlir::Value row) const;
  /// memref<1 x columns> of one row, as if its columns were dense.
  mlir::Value denseRow(VectorEmitter &b, mlir::Value row, int64_t columns) const;
};

} // namespace fovea

#endif
