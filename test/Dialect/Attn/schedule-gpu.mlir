// RUN: fovea-opt %s --attn-schedule-gpu | FileCheck %s
// RUN: fovea-opt %s --attn-schedule-gpu="warpgroups=true" | FileCheck %s --check-prefix=WARPGROUPS
// RUN: fovea-opt %s --attn-schedule-gpu="warpgroups=true" --remarks-filter=attn --remark-format=emitRemark 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARKS

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

// With warpgroups: 64 rows for each of two, where head sizes and arguments allow it.
// WARPGROUPS-LABEL: func.func @narrow
// WARPGROUPS: schedule <query_tile = 128, key_block = 128, lanes = 32, panel = 64, micro_keys = 8>
// WARPGROUPS-LABEL: func.func @wide
// WARPGROUPS: schedule <query_tile = 64, key_block = 32, lanes = 1, panel = 16, micro_keys = 8>
// WARPGROUPS-LABEL: func.func @given
// WARPGROUPS: schedule <query_tile = 32, key_block = 16, lanes = 1, panel = 16, micro_keys = 8>

// REMARKS: 2 warpgroups of 64 rows
// REMARKS: computed by warps with mma.sync: warpgroups take equal head sizes of 64 or 128, not 192 and 192
// REMARKS: computed by warps with mma.sync: warpgroups take query, key and value that are whole arguments of the kernel
!part = memref<1x1x50x64xbf16, strided<[6400, 6400, 64, 1]>>
func.func @part(%q: !q, %o: !part) {
  %s = memref.subview %q[0, 0, 0, 0] [1, 1, 50, 64] [1, 1, 1, 1] : !q to !part
  attn.attention %s, %q, %q outs(%o) : (!part, !q, !q, !part) -> ()
  return
}

// Decoding, as far as types tell: up to 64 rows, in whatever layout.
// WARPGROUPS-LABEL: func.func @decode
// WARPGROUPS: schedule <query_tile = 64, key_block = 64, lanes = 1, panel = 16, micro_keys = 8>
// WARPGROUPS-LABEL: func.func @prefill
// WARPGROUPS: schedule <query_tile = 128, key_block = 128, lanes = 32, panel = 64, micro_keys = 8>
// REMARKS: computed by warps with mma.sync: with 64 query rows, tiles of 64 that take several heads, and keys in splits
!few = memref<1x64x100x64xbf16>
func.func @decode(%q: !few, %k: !few, %o: !few) {
  attn.attention %q, %k, %k outs(%o) layout <bnhd> : (!few, !few, !few, !few) -> ()
  return
}
!rows = memref<1x2x?x64xbf16>
func.func @prefill(%q: !rows, %k: !rows, %o: !rows) {
  attn.attention %q, %k, %k outs(%o) : (!rows, !rows, !rows, !rows) -> ()
  return
}
