// RUN: fovea-opt %s --attn-schedule | FileCheck %s
// RUN: fovea-opt %s --attn-schedule="lanes=16 registers=32" | FileCheck %s --check-prefix=WIDE
// RUN: fovea-opt %s --attn-schedule="lanes=4 registers=32" | FileCheck %s --check-prefix=NEON
// RUN: fovea-opt %s --attn-schedule="lanes=4 registers=16" | FileCheck %s --check-prefix=SSE
// RUN: fovea-opt %s --fovea-pipeline="to=schedule target=cpu:x86-64-v4" | FileCheck %s --check-prefix=WIDE
// RUN: fovea-opt %s --fovea-pipeline="to=schedule target=cpu:apple-m1" | FileCheck %s --check-prefix=NEON
// RUN: fovea-opt %s --fovea-pipeline="to=schedule target=cpu:x86-64" | FileCheck %s --check-prefix=SSE
// RUN: fovea-opt %s --attn-schedule="lanes=16 registers=32" --remarks-filter=attn --remark-format=emitRemark 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

// 16 registers hold 4 x 3 accumulators, without FMA 4 x 2; 32 hold 8 x 2 or, where a key costs an instruction, 8 x 3.
// CHECK-LABEL: func @small_heads
// CHECK: schedule <query_tile = 504, key_block = 256, lanes = 8, panel = 24, micro_keys = 4>
// WIDE: schedule <query_tile = 512, key_block = 256, lanes = 16, panel = 32, micro_keys = 8>
// NEON: schedule <query_tile = 504, key_block = 256, lanes = 4, panel = 12, micro_keys = 8>
// SSE: schedule <query_tile = 512, key_block = 256, lanes = 4, panel = 8, micro_keys = 4>
// REMARK: remark: [Passed] Schedule | Category:attn{{.*}}Reason="8 keys x 2 vectors of 16 queries are 16 accumulators in 32 registers"{{.*}}key_block=256, lanes=16, micro_keys=8, panel=32, query_tile=512
func.func @small_heads(%q: memref<?x4x?x64xf32>, %o: memref<?x4x?x64xf32>) {
  attn.attention %q, %q, %q outs(%o) : (memref<?x4x?x64xf32>, memref<?x4x?x64xf32>, memref<?x4x?x64xf32>, memref<?x4x?x64xf32>) -> ()
  return
}

// The larger of the two head sizes decides, whatever the other sizes are.
// CHECK-LABEL: func @large_value_heads
// CHECK: schedule <query_tile = 120, key_block = 64, lanes = 8, panel = 24, micro_keys = 4>
// WIDE: schedule <query_tile = 128, key_block = 64, lanes = 16, panel = 32, micro_keys = 8>
func.func @large_value_heads(%q: memref<1x4x900x64xf32>, %v: memref<1x4x900x512xf32>, %o: memref<1x4x900x512xf32>) {
  attn.attention %q, %q, %v outs(%o) : (memref<1x4x900x64xf32>, memref<1x4x900x64xf32>, memref<1x4x900x512xf32>, memref<1x4x900x512xf32>) -> ()
  return
}

// Decoding: 4 query heads of one token share keys, or 4 of 3 tokens, and no vector is without rows.
// CHECK-LABEL: func @one_token
// CHECK: schedule <query_tile = 8, key_block = 128, lanes = 8, panel = 8, micro_keys = 8>
// WIDE: schedule <query_tile = 16, key_block = 128, lanes = 16, panel = 16, micro_keys = 8>
// NEON: schedule <query_tile = 4, key_block = 128, lanes = 4, panel = 4, micro_keys = 8>
// SSE: schedule <query_tile = 4, key_block = 128, lanes = 4, panel = 4, micro_keys = 8>
func.func @one_token(%q: memref<?x32x1x128xf32>, %k: memref<?x8x?x128xf32>, %o: memref<?x32x1x128xf32>) {
  attn.attention %q, %k, %k outs(%o) : (memref<?x32x1x128xf32>, memref<?x8x?x128xf32>, memref<?x8x?x128xf32>, memref<?x32x1x128xf32>) -> ()
  return
}

// CHECK-LABEL: func @three_tokens
// CHECK: schedule <query_tile = 16, key_block = 128, lanes = 8, panel = 16, micro_keys = 4>
// NEON: schedule <query_tile = 12, key_block = 128, lanes = 4, panel = 12, micro_keys = 8>
func.func @three_tokens(%q: memref<?x3x32x128xf32>, %k: memref<?x?x8x128xf32>, %o: memref<?x3x32x128xf32>) {
  attn.attention %q, %k, %k outs(%o) layout <bnhd>
    : (memref<?x3x32x128xf32>, memref<?x?x8x128xf32>, memref<?x?x8x128xf32>, memref<?x3x32x128xf32>) -> ()
  return
}

// Two panels of AVX2.
// CHECK-LABEL: func @many_heads
// CHECK: schedule <query_tile = 48, key_block = 128, lanes = 8, panel = 24, micro_keys = 4>
func.func @many_heads(%q: memref<?x32x1x128xf32>, %k: memref<?x1x?x128xf32>, %o: memref<?x32x1x128xf32>) {
  attn.attention %q, %k, %k outs(%o) : (memref<?x32x1x128xf32>, memref<?x1x?x128xf32>, memref<?x1x?x128xf32>, memref<?x32x1x128xf32>) -> ()
  return
}

// A mask that tells heads apart: one head at a time, whose one row fills a vector.
// CHECK-LABEL: func @mask_per_head
// CHECK: schedule <query_tile = 8, key_block = 128, lanes = 8, panel = 8, micro_keys = 8>
func.func @mask_per_head(%q: memref<?x32x5x128xf32>, %k: memref<?x8x?x128xf32>, %o: memref<?x32x5x128xf32>) {
  attn.attention %q, %k, %k outs(%o) mask (%b, %h, %i, %j) {
    %keep = arith.cmpi sge, %h, %j : index
    attn.yield %keep : i1
  } : (memref<?x32x5x128xf32>, memref<?x8x?x128xf32>, memref<?x8x?x128xf32>, memref<?x32x5x128xf32>) -> ()
  return
}

// CHECK-LABEL: func @negative_scheduled_already
// CHECK: schedule <query_tile = 4, key_block = 2, lanes = 4, panel = 4, micro_keys = 2>
// WIDE: schedule <query_tile = 4, key_block = 2, lanes = 4, panel = 4, micro_keys = 2>
// REMARK-NOT: query_tile=4{{$}}
func.func @negative_scheduled_already(%q: memref<?x4x?x64xf32>, %o: memref<?x4x?x64xf32>) {
  attn.attention %q, %q, %q outs(%o) schedule <query_tile = 4, key_block = 2, lanes = 4, panel = 4, micro_keys = 2>
    : (memref<?x4x?x64xf32>, memref<?x4x?x64xf32>, memref<?x4x?x64xf32>, memref<?x4x?x64xf32>) -> ()
  return
}
