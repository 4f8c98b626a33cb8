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

void fovea::copyTile(WarpEmitter &b, const Thread &thread, int64_t threads, function_ref<Value(Value)> addressOf,
                     Value valid, const SharedTile &tile, Value stage) {
  forEachChunk(b, thread, threads, tile, [&](Value row, Value chunk, Value exists) {
    b.maybe(exists, [&] {
      Value target = chunkPointer(b, thread, tile, stage, row, chunk);
      Value from = b.globalPointer(b.add(addressOf(row), b.toIndex(b.mul(chunk, kChunkBytes))));
      Value size = b.select(b.less(row, valid), b.i32(kChunkBytes), b.i32(0)); // of rows that do not exist, zeros
      NVVM::CpAsyncOp::create(b, target, from, uint32_t(kChunkBytes), NVVM::LoadCacheModifierKind::CG, size);
    });
  });
}

void fovea::copyTile(WarpEmitter &b, const Thread &thread, int64_t threads, const GlobalRows &source, Value first,
                     Value valid, const SharedTile &tile, Value stage) {
  auto addressOf = [&](Value row) {
    return b.add(source.address, b.mul(b.add(first, b.toIndex(row)), source.rowBytes));
  };
  copyTile(b, thread, threads, addressOf, valid, tile, stage);
}

void fovea::commitCopies(WarpEmitter &b) { NVVM::CpAsyncCommitGroupOp::create(b); }

void fovea::awaitOwnCopies(WarpEmitter &b, int64_t pending) { NVVM::CpAsyncWaitGroupOp::create(b, uint32_t(pending)); }

void fovea::awaitCopies(WarpEmitter &b, int64_t pending) {
  awaitOwnCopies(b, pending);
  NVVM::Barrier0Op::create(b);
}
