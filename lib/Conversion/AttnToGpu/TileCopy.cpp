// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Global to shared memory without a detour through registers.
#include "TileCopy.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace fovea;

Geometry::Geometry(attn::ScheduleAttr schedule, int64_t stages, int64_t keySize, int64_t valueSize, Type element)
    : rows(schedule.getQueryTile()), keys(schedule.getKeyBlock()), stages(stages), element(element),
      query{0, rows, keySize}, key{0, keys, keySize}, value{key.bytes(), keys, valueSize}, stageBase(query.bytes()),
      stageBytes(key.bytes() + value.bytes()) {}

/// One chunk: 16 bytes where the row exists, else zeros.
static void copyChunk(WarpEmitter &b, const Thread &thread, const GlobalRows &source, Value first, Value valid,
                      const SharedTile &tile, Value stage, Value row, Value chunk) {
  Value place = tile.isSwizzled() ? b.bitXor(chunk, b.rem(row, 8)) : chunk;
  Value bytes = b.add(b.mul(row, tile.pitch()), b.mul(place, kChunkBytes));
  Value target = b.shared(thread.shared, b.add(b.add(bytes, tile.base), stage));
  Value from = b.mul(b.add(first, b.toIndex(row)), source.rowBytes);
  from = b.add(b.add(source.address, from), b.toIndex(b.mul(chunk, kChunkBytes)));
  Value size = b.select(b.less(row, valid), b.i32(kChunkBytes), b.i32(0));
  NVVM::CpAsyncOp::create(b, target, b.globalPointer(from), uint32_t(kChunkBytes), NVVM::LoadCacheModifierKind::CG,
                          size);
}

void fovea::copyTile(WarpEmitter &b, const Thread &thread, int64_t threads, const GlobalRows &source, Value first,
                     Value valid, const SharedTile &tile, Value stage) {
  int64_t chunks = tile.chunks(), total = tile.rows * chunks;
  // Where whole rows make a pass, a thread keeps its column, and its swizzled place when the pass has a multiple of 8.
  bool isRegular = threads % chunks == 0 && threads / chunks % 8 == 0;
  Value row0 = b.div(thread.id, chunks), chunk0 = b.rem(thread.id, chunks);
  for (int64_t done = 0; done < total; done += threads) {
    Value number = b.add(thread.id, done);
    Value row = isRegular ? b.add(row0, done / chunks) : b.div(number, chunks);
    Value chunk = isRegular ? chunk0 : b.rem(number, chunks);
    auto copy = [&] { copyChunk(b, thread, source, first, valid, tile, stage, row, chunk); };
    if (done + threads <= total)
      copy();
    else
      b.when(b.less(number, b.i32(total)), copy);
  }
}

void fovea::commitCopies(WarpEmitter &b) { NVVM::CpAsyncCommitGroupOp::create(b); }

void fovea::awaitCopies(WarpEmitter &b, int64_t pending) {
  NVVM::CpAsyncWaitGroupOp::create(b, uint32_t(pending));
  NVVM::Barrier0Op::create(b);
}
