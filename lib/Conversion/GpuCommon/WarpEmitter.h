// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Short names for the code of one thread: 32-bit arithmetic on lanes and shared memory, the collective operations of a
// warp. What a warp computes lies in fragments, as PTX's mma.m16n8k16 defines them: lane 4 g + t holds of each 16 x 8
// accumulator (g, 2t), (g, 2t + 1), (g + 8, 2t) and (g + 8, 2t + 1).
#ifndef FOVEA_LIB_CONVERSION_GPUCOMMON_WARP_EMITTER_H
#define FOVEA_LIB_CONVERSION_GPUCOMMON_WARP_EMITTER_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace fovea {

using Values = llvm::SmallVector<mlir::Value>;

inline constexpr int64_t kWarpLanes = 32, kWarpRows = 16;
inline constexpr int64_t kFragmentColumns = 8, kFragmentValues = 4; // of an accumulator, per lane
inline constexpr int64_t kMmaDepth = 16;                            // k of one mma
inline constexpr int64_t kChunkBytes = 16, kChunkElements = 8;      // of cp.async, and a row of an ldmatrix matrix

inline constexpr llvm::StringLiteral kBarrierOfSomeOr = "llvm.nvvm.barrier.cta.red.or.aligned.count";

struct WarpEmitter : mlir::ImplicitLocOpBuilder {
  WarpEmitter(mlir::Location loc, mlir::OpBuilder &builder);

  mlir::Value i32(int64_t value);
  mlir::Value index(int64_t value);
  mlir::Value real(float value);
  mlir::Value add(mlir::Value a, mlir::Value c);
  mlir::Value sub(mlir::Value a, mlir::Value c);
  mlir::Value mul(mlir::Value a, mlir::Value c);
  /// A constant of the other operand's type.
  mlir::Value add(mlir::Value a, int64_t c);
  mlir::Value mul(mlir::Value a, int64_t c);
  mlir::Value div(mlir::Value a, int64_t c); // unsigned
  mlir::Value rem(mlir::Value a, int64_t c); // unsigned
  mlir::Value bitXor(mlir::Value a, mlir::Value c);
  mlir::Value bitXor(mlir::Value a, int64_t c);
  mlir::Value less(mlir::Value a, mlir::Value c);  // signed
  mlir::Value least(mlir::Value a, mlir::Value c); // signed
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value c);
  mlir::Value both(mlir::Value a, mlir::Value c);
  mlir::Value toIndex(mlir::Value integer);
  mlir::Value toI32(mlir::Value index);

  mlir::Value addf(mlir::Value a, mlir::Value c);
  mlir::Value mulf(mlir::Value a, mlir::Value c);
  mlir::Value fma(mlir::Value a, mlir::Value c, mlir::Value d);
  mlir::Value maxf(mlir::Value a, mlir::Value c); // the number, where the other is NaN
  mlir::Value equals(mlir::Value a, float c);
  mlir::Value exp2(mlir::Value x);

  /// The other lane's value: lane xor `offset`.
  mlir::Value shuffleXor(mlir::Value value, int64_t offset);
  /// A barrier of the block; not 0, in every thread, if some thread's i32 is.
  mlir::Value barrierOr(mlir::Value predicate);
  /// A barrier of `threads` threads alone, whole warps; `number`, from 1 to 15, is theirs.
  void barrierOfSome(int64_t number, int64_t threads);
  /// The same, and whether an i1 is true in one of them.
  mlir::Value barrierOfSomeOr(mlir::Value predicate, int64_t number, int64_t threads);
  /// Two f32, rounded to 16-bit floats in one register, `low` first.
  mlir::Value pack(mlir::Value low, mlir::Value high, mlir::Type element);
  /// Four 8 x 8 matrices of 16-bit elements; each lane gives the address of one row.
  Values ldmatrix(mlir::Value pointer, bool transposed);
  /// acc + A B for a 16 x 8 accumulator: A 16 x 16 (four registers), B 16 x 8 (two).
  Values mma(mlir::ValueRange a, mlir::ValueRange b, mlir::ValueRange acc, mlir::Type element);
  /// The elements of an llvm.struct.
  Values fields(mlir::Value structure);
  /// base + bytes, in shared memory.
  mlir::Value shared(mlir::Value base, mlir::Value bytes);
  mlir::Value globalPointer(mlir::Value address); // of an index

  Values choose(mlir::Value condition, mlir::TypeRange types, llvm::function_ref<Values()> yes,
                llvm::function_ref<Values()> no);
  void when(mlir::Value condition, llvm::function_ref<void()> yes);
  /// Null: always.
  void maybe(mlir::Value condition, llvm::function_ref<void()> yes) { condition ? when(condition, yes) : yes(); }
  /// while (condition(x)) x = body(x)
  Values loop(mlir::ValueRange initial, llvm::function_ref<mlir::Value(mlir::ValueRange)> condition,
              llvm::function_ref<Values(mlir::ValueRange)> body);
};

/// Of the emitting thread.
struct Thread {
  mlir::Value id, lane, warp; // i32; of the warps that compute, the first is 0
  mlir::Value shared;         // start of shared memory
};

/// What the ops made meanwhile are for: their location says it, and so does the simulator when it finds one wrong.
class Purpose {
public:
  Purpose(WarpEmitter &b, llvm::StringRef name) : b(b), before(b.getLoc()) {
    b.setLoc(mlir::NameLoc::get(b.getStringAttr(name), before));
  }
  ~Purpose() { b.setLoc(before); }

private:
  WarpEmitter &b;
  mlir::Location before;
};

} // namespace fovea

#endif
