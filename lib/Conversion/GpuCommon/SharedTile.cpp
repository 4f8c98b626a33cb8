// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "SharedTile.h"

using namespace mlir;
using namespace fovea;

Value fovea::chunkPointer(WarpEmitter &b, const Thread &thread, const SharedTile &tile, Value stage, Value row,
                          Value chunk) {
  Value place = tile.isSwizzled() ? b.bitXor(chunk, b.rem(row, 8)) : chunk;
  Value bytes = b.add(b.mul(row, tile.pitch()), b.mul(place, kChunkBytes));
  return b.shared(thread.shared, b.add(b.add(bytes, tile.base), stage));
}

void fovea::forEachChunk(WarpEmitter &b, const Thread &thread, int64_t threads, const SharedTile &tile,
                         function_ref<void(Value, Value, Value)> emit) {
  int64_t chunks = tile.chunks(), total = tile.rows * chunks;
  // Where whole rows make a pass, a thread keeps its column, and its swizzled place when the pass has a multiple of 8.
  bool isRegular = threads % chunks == 0 && threads / chunks % 8 == 0;
  Value row0 = b.div(thread.id, chunks), chunk0 = b.rem(thread.id, chunks);
  for (int64_t done = 0; done < total; done += threads) {
    Value number = b.add(thread.id, done);
    Value row = isRegular ? b.add(row0, done / chunks) : b.div(number, chunks);
    Value chunk = isRegular ? chunk0 : b.rem(number, chunks);
    emit(row, chunk, done + threads <= total ? Value() : b.less(number, b.i32(total)));
  }
}

LaneAddress::LaneAddress(WarpEmitter &b, const Thread &thread, const SharedTile &tile, Value row, Value odd,
                         Value stage)
    : b(b), thread(thread), tile(tile), start(b.add(b.add(b.mul(row, tile.pitch()), tile.base), stage)) {
  Value chunk = tile.isSwizzled() ? b.bitXor(odd, b.rem(row, 8)) : odd;
  column = b.mul(chunk, kChunkBytes);
}

Value LaneAddress::atBytes(int64_t rows, Value evenChunkBytes) {
  // (odd + even) xor r == even xor (odd xor r)
  Value moved = tile.isSwizzled() ? b.bitXor(column, evenChunkBytes) : b.add(column, evenChunkBytes);
  return b.shared(thread.shared, b.add(b.add(start, moved), rows * tile.pitch()));
}

LaneAddress fovea::valueAddress(WarpEmitter &b, const Thread &thread, const SharedTile &tile, Value stage) {
  Value row = b.add(b.rem(thread.lane, 8), b.mul(b.rem(b.div(thread.lane, 8), 2), 8));
  return LaneAddress(b, thread, tile, row, b.div(thread.lane, 16), stage);
}

Values fovea::packWeights(WarpEmitter &b, ValueRange weights, Type element) {
  Values packed;
  for (size_t k = 0; k < weights.size(); k += 2)
    packed.push_back(b.pack(weights[k], weights[k + 1], element));
  return packed;
}

void fovea::accumulateHalf(WarpEmitter &b, ValueRange a, ArrayRef<Value> values, int64_t half, Type element,
                           Value *acc) {
  ValueRange before(ArrayRef<Value>(acc, kFragmentValues));
  llvm::copy(b.mma(a, {values[2 * half], values[2 * half + 1]}, before, element), acc);
}
