// RUN: fovea-opt %s --attn-schedule-linear-attention | FileCheck %s
// RUN: fovea-opt %s --attn-schedule-linear-attention="lanes=16 registers=32" | FileCheck %s --check-prefix=WIDE
// RUN: fovea-opt %s --fovea-pipeline="to=schedule target=cpu:x86-64-v4" | FileCheck %s --check-prefix=WIDE
// RUN: fovea-opt %s --attn-schedule-linear-attention="lanes=4 registers=16" | FileCheck %s --check-prefix=SSE
// RUN: fovea-opt %s --attn-schedule-linear-attention --remarks-filter=attn --remark-format=emitRemark 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

// CHECK-LABEL: func @per_head
// CHECK: schedule <query_tile = 32, key_block = 30, lanes = 8, panel = 16, micro_keys = 6>
// WIDE: schedule <query_tile = 32, key_block = 32, lanes = 16, panel = 32, micro_keys = 8>
// SSE: schedule <query_tile = 32, key_block = 32, lanes = 4, panel = 8, micro_keys = 4>
// REMARK: remark: [Passed] ScheduleLinearAttention | Category:attn{{.*}}Reason="chunks of 30 tokens; 6 rows x 2 vectors of 8 value columns are 12 accumulators in 16 registers"{{.*}}key_block=30, lanes=8, micro_keys=6, panel=16, query_tile=32
func.func @per_head(%q: memref<?x4x?x64xf32>, %g: memref<4xf32>, %o: memref<?x4x?x64xf32>) {
  attn.linear_attention %q, %q, %q decay %g outs(%o)
    : (memref<?x4x?x64xf32>, memref<?x4x?x64xf32>, memref<?x4x?x64xf32>, memref<4xf32>, memref<?x4x?x64xf32>) -> ()
  return
}

// Shorter chunks, and whole panels all the same.
// CHECK-LABEL: func @per_channel
// CHECK: schedule <query_tile = 32, key_block = 18, lanes = 8, panel = 16, micro_keys = 6>
// WIDE: schedule <query_tile = 32, key_block = 16, lanes = 16, panel = 32, micro_keys = 8>
// REMARK: Reason="chunks of 18 tokens, because each channel decays by itself;
func.func @per_channel(%q: memref<?x4x?x64xf32>, %o: memref<?x4x?x64xf32>) {
  attn.linear_attention %q, %q, %q decay %q outs(%o)
    : (memref<?x4x?x64xf32>, memref<?x4x?x64xf32>, memref<?x4x?x64xf32>, memref<?x4x?x64xf32>, memref<?x4x?x64xf32>) -> ()
  return
}

// One vector holds all columns.
// CHECK-LABEL: func @narrow
// CHECK: schedule <query_tile = 32, key_block = 30, lanes = 8, panel = 8, micro_keys = 6>
func.func @narrow(%q: memref<?x4x?x64xf32>, %v: memref<?x4x?x5xf32>, %o: memref<?x4x?x5xf32>) {
  attn.linear_attention %q, %q, %v outs(%o) : (memref<?x4x?x64xf32>, memref<?x4x?x64xf32>, memref<?x4x?x5xf32>, memref<?x4x?x5xf32>) -> ()
  return
}

// CHECK-LABEL: func @negative_scheduled
// CHECK: schedule <query_tile = 64, key_block = 64, lanes = 4, panel = 4, micro_keys = 2>
func.func @negative_scheduled(%q: memref<?x4x?x64xf32>, %o: memref<?x4x?x64xf32>) {
  attn.linear_attention %q, %q, %q outs(%o) schedule <query_tile = 64, key_block = 64, lanes = 4, panel = 4, micro_keys = 2>
    : (memref<?x4x?x64xf32>, memref<?x4x?x64xf32>, memref<?x4x?x64xf32>, memref<?x4x?x64xf32>) -> ()
  return
}

// In form parallel all tokens are one chunk.
// CHECK-LABEL: func @parallel
// CHECK: schedule <query_tile = 112, key_block = 102, lanes = 8, panel = 16, micro_keys = 6>
// REMARK: Reason="chunks of 102 tokens, all there are;
func.func @parallel(%q: memref<?x4x100x64xf32>, %o: memref<?x4x100x64xf32>) {
  attn.linear_attention %q, %q, %q outs(%o) form <parallel>
    : (memref<?x4x100x64xf32>, memref<?x4x100x64xf32>, memref<?x4x100x64xf32>, memref<?x4x100x64xf32>) -> ()
  return
}
