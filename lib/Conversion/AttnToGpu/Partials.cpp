// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Partials.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fovea;

constexpr StringLiteral kAllBlocks = "device";       // NVPTX's name of the scope
constexpr int64_t kWordBytes = 4, kHeaderWords = 16; // a row of a workspace starts at whole 64 bytes

Partials::Partials(WarpEmitter &b, const Geometry &geometry, const Thread &thread, const TileRows &rows)
    : geometry(geometry), thread(thread), rows(rows) {
  constexpr int64_t kAny = ShapedType::kDynamic;
  auto type = MemRefType::get({kAny, kAny}, b.getI32Type(), StridedLayoutAttr::get(b.getContext(), kAny, {kAny, 1}));
  allRows = b.mul(b.div(b.add(rows.valid, 7), 8), 8); // then 2 R words are whole 64 bytes
  Value words = b.add(b.mul(allRows, geometry.value.columns + 2), kHeaderWords);
  auto op = attn::PartialsOp::create(b, type, b.getIndexType(), b.getIndexType(), words);
  auto metadata = memref::ExtractStridedMetadataOp::create(b, op.getBuffer());
  start = memref::ExtractAlignedPointerAsIndexOp::create(b, metadata.getBaseBuffer());
  start = b.add(start, b.mul(metadata.getOffset(), kWordBytes));
  rowBytes = b.mul(metadata.getStrides()[0], kWordBytes);
  piece = op.getPiece();
  pieces = op.getPieces();
}

Value Partials::isPiece(WarpEmitter &b) const { return b.less(b.index(1), pieces); }

/// Of a word of piece `number`, in global memory.
Value Partials::addressOf(WarpEmitter &b, Value number, Value word) const {
  return b.globalPointer(b.add(b.add(start, b.mul(number, rowBytes)), b.mul(word, kWordBytes)));
}

/// Where m of this thread's row is, l behind it.
Value Partials::totalsWord(WarpEmitter &b, int64_t half) const {
  return b.toIndex(b.add(b.mul(rowNumber(b, thread, half), 2), kHeaderWords));
}

/// Where the first two of this thread's columns are.
Value Partials::columnsWord(WarpEmitter &b, int64_t half) const {
  Value row = b.mul(rowNumber(b, thread, half), geometry.value.columns);
  Value column = b.add(b.mul(b.rem(thread.lane, 4), 2), kHeaderWords);
  return b.add(b.toIndex(b.add(row, column)), b.mul(allRows, 2));
}

static void storePair(WarpEmitter &b, Value first, Value second, Value to) {
  auto type = VectorType::get({2}, b.getF32Type());
  LLVM::StoreOp::create(b, vector::FromElementsOp::create(b, type, ValueRange{first, second}).getResult(), to,
                        unsigned(2 * kWordBytes));
}

static Values loadPair(WarpEmitter &b, Value from) {
  auto type = VectorType::get({2}, b.getF32Type());
  Value pair = LLVM::LoadOp::create(b, type, from, unsigned(2 * kWordBytes));
  return llvm::to_vector_of<Value>(vector::ToElementsOp::create(b, pair).getResults());
}

void Partials::store(WarpEmitter &b, const Softmax &softmax, const State &state) const {
  Purpose purpose(b, "partial result");
  for (int64_t half = 0; half < 2; ++half) {
    Value sum = softmax.finalize(b, state, half).sum;
    Value exists = b.less(rowNumber(b, thread, half), b.toI32(rows.valid));
    b.when(b.both(exists, isFirstOfRow(b, thread)),
           [&] { storePair(b, state.maximum[half], sum, addressOf(b, piece, totalsWord(b, half))); });
    b.when(exists, [&] {
      Value word = columnsWord(b, half);
      for (int64_t n = 0; n < geometry.value.columns / kFragmentColumns; ++n) {
        const Value *pair = &state.acc[n * kFragmentValues + 2 * half];
        storePair(b, pair[0], pair[1], addressOf(b, piece, b.add(word, n * kFragmentColumns)));
      }
    });
  }
}

Value Partials::arrive(WarpEmitter &b) const {
  Purpose purpose(b, "arrival of a piece");
  NVVM::Barrier0Op::create(b); // all of this block's result is stored
  Value isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, thread.id, b.i32(0));
  auto count = [&]() -> Values {
    Value counter = addressOf(b, b.index(0), b.index(0));
    // PTX's atom is relaxed, whatever order LLVM is asked for: fences release and acquire.
    LLVM::FenceOp::create(b, LLVM::AtomicOrdering::acq_rel, kAllBlocks);
    Value before = LLVM::AtomicRMWOp::create(b, LLVM::AtomicBinOp::add, counter, b.i32(1),
                                             LLVM::AtomicOrdering::monotonic, kAllBlocks);
    LLVM::FenceOp::create(b, LLVM::AtomicOrdering::acq_rel, kAllBlocks);
    Value isLast = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, b.add(before, 1), b.toI32(pieces));
    b.when(isLast, [&] { LLVM::StoreOp::create(b, b.i32(0), counter, unsigned(kWordBytes)); });
    return {arith::ExtUIOp::create(b, b.getI32Type(), isLast)};
  };
  Value isLast = b.choose(isFirst, b.getI32Type(), count, [&]() -> Values { return {b.i32(0)}; })[0];
  Value any = b.barrierOr(isLast); // what the first thread has acquired, all have behind it
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, any, b.i32(0));
}

State Partials::merge(WarpEmitter &b, const Softmax &softmax) const {
  Purpose purpose(b, "merge of pieces");
  State merged = State::empty(b, geometry.value.columns);
  for (int64_t half = 0; half < 2; ++half) {
    Value exists = b.less(rowNumber(b, thread, half), b.toI32(rows.valid)), isFirst = isFirstOfRow(b, thread);
    Value totals = totalsWord(b, half), columns = columnsWord(b, half);
    auto isLeft = [&](ValueRange carried) { return b.less(carried[0], pieces); };
    auto row = [&]() -> Values {
      Value largest = b.loop({b.index(0), merged.maximum[half]}, isLeft, [&](ValueRange now) -> Values {
        Values of = loadPair(b, addressOf(b, now[0], totals));
        return {b.add(now[0], 1), b.maxf(now[1], of[0])};
      })[1];
      Values initial = {b.index(0), b.real(0)};
      initial.append(geometry.value.columns / kFragmentColumns * 2, b.real(0));
      Values sums = b.loop(initial, isLeft, [&](ValueRange now) {
        Values of = loadPair(b, addressOf(b, now[0], totals));
        Value weight = softmax.decay(b, of[0], largest);
        Values next = {b.add(now[0], 1), b.fma(of[1], weight, now[1])};
        for (int64_t n = 0; n < geometry.value.columns / kFragmentColumns; ++n) {
          Values pair = loadPair(b, addressOf(b, now[0], b.add(columns, n * kFragmentColumns)));
          for (int64_t k = 0; k < 2; ++k)
            next.push_back(b.fma(pair[k], weight, now[2 + 2 * n + k]));
        }
        return next;
      });
      sums[0] = largest;
      sums[1] = b.select(isFirst, sums[1], b.real(0));
      return sums;
    };
    Values nothing = {merged.maximum[half], merged.sum[half]};
    nothing.append(geometry.value.columns / kFragmentColumns * 2, b.real(0));
    Values result = b.choose(exists, ValueRange(nothing).getTypes(), row, [&] { return nothing; });
    merged.maximum[half] = result[0];
    merged.sum[half] = result[1];
    for (int64_t n = 0; n < geometry.value.columns / kFragmentColumns; ++n)
      for (int64_t k = 0; k < 2; ++k)
        merged.acc[n * kFragmentValues + 2 * half + k] = result[2 + 2 * n + k];
  }
  return merged;
}

void fovea::meetPieces(WarpEmitter &b, const Geometry &geometry, const Softmax &softmax, const Thread &thread,
                       const TileRows &rows, const State &state, function_ref<void(const State &)> store) {
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
  b.when(done.back(), [&] { store(State(ValueRange(done).drop_back(1))); });
}
