// RUN: fovea-opt %s --attn-schedule-gpu | FileCheck %s

!q = memref<1x1x100x64xbf16>
!wide = memref<1x1x100x192xf16>

// CHECK-LABEL: func.func @narrow
// CHECK: attn.attention
// CHECK-SAME: schedule <query_tile = 64, key_block = 64, lanes = 1, panel = 16, micro_keys = 8>
func.func @narrow(%q: !q, %o: !q) {
  attn.attention %q, %q, %q outs(%o) : (!q, !q, !q, !q) -> ()
  return
}

// Accumulators of 192 columns leave registers for scores of 32 keys.
// CHECK-LABEL: func.func @wide
// CHECK: schedule <query_tile = 64, key_block = 32, lanes = 1, panel = 16, micro_keys = 8>
func.func @wide(%q: !wide, %o: !wide) {
  attn.attention %q, %q, %q outs(%o) : (!wide, !wide, !wide, !wide) -> ()
  return
}

// CHECK-LABEL: func.func @given
// CHECK: schedule <query_tile = 32, key_block = 16, lanes = 1, panel = 16, micro_keys = 8>
func.func @given(%q: !q, %o: !q) {
  attn.attention %q, %q, %q outs(%o) schedule <query_tile = 32, key_block = 16, lanes = 1, panel = 16, micro_keys = 8>
    : (!q, !q, !q, !q) -> ()
  return
}
