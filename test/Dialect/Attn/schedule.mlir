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
func.func @large_value_heads(%q: memref<1x4x1x64xf32>, %v: memref<1x4x1x512xf32>, %o: memref<1x4x1x512xf32>) {
  attn.attention %q, %q, %v outs(%o) : (memref<1x4x1x64xf32>, memref<1x4x1x64xf32>, memref<1x4x1x512xf32>, memref<1x4x1x512xf32>) -> ()
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
