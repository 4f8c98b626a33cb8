// RUN: fovea-opt %s --convert-attn-to-gpu --split-input-file --verify-diagnostics | FileCheck %s

!q = memref<1x2x100x64xbf16>

// CHECK: module attributes {fovea.launches = {main = {aligned = array<i64: 0, 1, 2, 3>, shared_bytes = 40960 : i64, threads = 128 : i64}}}
// CHECK: llvm.mlir.global external @fovea_shared() {addr_space = 3 : i32, alignment = 128 : i64} : !llvm.array<0 x i8>
// CHECK-LABEL: func.func @main
// CHECK: cf.assert {{.*}} "query must have stride 1 in its last dimension
// CHECK: attn.task
// CHECK: attn.tile_bounds
// 64 rows of 64 columns are 512 chunks, four for each thread: of the queries, then of keys and values.
// CHECK-COUNT-4: nvvm.cp.async.shared.global
// CHECK: scf.if
// CHECK-COUNT-8: nvvm.cp.async.shared.global
// CHECK: nvvm.cp.async.commit.group
// CHECK: nvvm.cp.async.wait.group 0
// CHECK-NEXT: nvvm.barrier0
// CHECK-COUNT-4: nvvm.ldmatrix {{.*}}layout = #nvvm.mma_layout<row>
// CHECK: scf.while
// CHECK: nvvm.cp.async.wait.group 0
// CHECK-NEXT: nvvm.barrier0
// CHECK: nvvm.cp.async.commit.group
// S = Q K^T: 64 x 64 / (8 x 16) products, each ldmatrix feeds two.
// CHECK-COUNT-32: nvvm.mma.sync {{.*}}bf16
// CHECK-NOT: nvvm.mma.sync
// CHECK: nvvm.shfl.sync bfly
// CHECK: math.exp2
// CHECK: nvvm.ldmatrix {{.*}}layout = #nvvm.mma_layout<col>
// CHECK-COUNT-32: nvvm.mma.sync {{.*}}bf16
// CHECK-NOT: nvvm.mma.sync
// CHECK: llvm.store {{.*}} : i32, !llvm.ptr<1>
func.func @main(%q: !q, %k: !q, %v: !q, %o: !q) {
  attn.attention %q, %k, %v outs(%o) schedule <query_tile = 64, key_block = 64, lanes = 1, panel = 16, micro_keys = 8>
    : (!q, !q, !q, !q) -> ()
  return
}

// -----

// What a region takes from outside is checked as on CPUs.
// CHECK-LABEL: func @captures(
// CHECK: cf.assert %{{.*}}, "the score reads 'slopes' at every query head, and dimension 0 does not cover them all"
// CHECK: attn.task
!h = memref<1x2x100x64xf16>
func.func @captures(%q: !h, %o: !h, %slopes: memref<?xf32> {attn.name = "slopes"}) {
  attn.attention %q, %q, %q outs(%o) schedule <query_tile = 16, key_block = 16, lanes = 1, panel = 16, micro_keys = 8> score (%s, %b, %h, %i, %j) {
    %slope = memref.load %slopes[%h] : memref<?xf32>
    %x = arith.mulf %s, %slope : f32
    attn.yield %x : f32
  } : (!h, !h, !h, !h) -> ()
  return
}

// -----

!f = memref<1x2x100x64xf32>
func.func @f32(%q: !f, %o: !f) {
  // expected-error @below {{is on 'f32', and GPU code multiplies f16 or bf16}}
  attn.attention %q, %q, %q outs(%o) schedule <query_tile = 64, key_block = 64, lanes = 1, panel = 16, micro_keys = 8> : (!f, !f, !f, !f) -> ()
  return
}

// -----

!h = memref<1x2x100x64xf16>
func.func @additive(%q: !h, %o: !h, %w: memref<2x64xf32>) {
  // expected-error @below {{has additive scores, for which there is no GPU code yet; compile it for a CPU}}
  attn.attention %q, %q, %q outs(%o) additive(%w) schedule <query_tile = 64, key_block = 64, lanes = 1, panel = 16, micro_keys = 8>
    : (!h, !h, !h, !h, memref<2x64xf32>) -> ()
  return
}

// -----

!h = memref<1x2x100x40xf16>
func.func @head_size(%q: !h, %o: !h) {
  // expected-error @below {{has a head size of 40; GPU code takes multiples of 16 up to 256}}
  attn.attention %q, %q, %q outs(%o) schedule <query_tile = 64, key_block = 64, lanes = 1, panel = 16, micro_keys = 8> : (!h, !h, !h, !h) -> ()
  return
}

// -----

!h = memref<1x2x100x64xf16>
func.func @norm(%q: !h, %g: memref<64xf32>, %o: !h) {
  // expected-error @below {{normalises its query or key, which no GPU code does yet; do that before the kernel, or compile it for a CPU}}
  attn.attention %q, %q, %q outs(%o) key_norm(%g) schedule <query_tile = 64, key_block = 64, lanes = 1, panel = 16, micro_keys = 8>
    : (!h, !h, !h, !h, memref<64xf32>) -> ()
  return
}

// -----

!h = memref<1x2x100x64xf16>
func.func @far(%q: !h, %o: !h) {
  // expected-error @below {{rotates its query or key, which no GPU code does yet; rotate them before the kernel, or compile it for a CPU}}
  attn.attention %q, %q, %q outs(%o) schedule <query_tile = 64, key_block = 64, lanes = 1, panel = 16, micro_keys = 8> far (%b, %h, %i, %j) {
    %past = arith.cmpi sgt, %i, %j : index
    attn.yield %past : i1
  } : (!h, !h, !h, !h) -> ()
  return
}

// -----

!h = memref<1x2x100x64xf16>
func.func @no_schedule(%q: !h, %o: !h) {
  // expected-error @below {{has no schedule; run --attn-schedule-gpu first}}
  attn.attention %q, %q, %q outs(%o) : (!h, !h, !h, !h) -> ()
  return
}

// -----

!h = memref<1x2x100x256xf16>
func.func @shared_memory(%q: !h, %o: !h) {
  // expected-error @below {{needs 163840 bytes of shared memory for its tiles, and the target has 101376; use a smaller key_block}}
  attn.attention %q, %q, %q outs(%o) schedule <query_tile = 64, key_block = 64, lanes = 1, panel = 16, micro_keys = 8> : (!h, !h, !h, !h) -> ()
  return
}

// -----

!h = memref<1x2x100x64xf16>
func.func @rows(%q: !h, %o: !h) {
  // expected-error @below {{has a query_tile of 72; on a GPU it is 16 rows for each of at most 16 warps}}
  attn.attention %q, %q, %q outs(%o) schedule <query_tile = 72, key_block = 64, lanes = 1, panel = 24, micro_keys = 8> : (!h, !h, !h, !h) -> ()
  return
}

// -----

!h = memref<1x2x100x64xf16>
func.func @math(%q: !h, %o: !h) {
  attn.attention %q, %q, %q outs(%o) schedule <query_tile = 16, key_block = 16, lanes = 1, panel = 16, micro_keys = 8> score (%s, %b, %h, %i, %j) {
    // expected-error @below {{'math.powf' op has no code for GPUs yet}}
    %x = math.powf %s, %s : f32
    attn.yield %x : f32
  } : (!h, !h, !h, !h) -> ()
  return
}

// -----

// A fallback has its kernel's tasks: tiles of one head with all keys, however few queries there are.
!h = memref<1x2x3x64xf16>
// CHECK: fovea.launches = {main = {aligned = array<i64: 0>, fallback = {shared_bytes = 49152 : i64, threads = 256 : i64}, shared_bytes = 1024 : i64, threads = 384 : i64}}
// CHECK-LABEL: func.func @main_fallback
// CHECK: attn.task (%{{.*}}, %{{.*}}, %{{.*}}) in (%{{.*}}, %{{.*}}, %{{.*}}) schedule
// CHECK-NOT: attn.partials
module attributes {fovea.launches = {main = {aligned = array<i64: 0>, shared_bytes = 1024 : i64, threads = 384 : i64}}} {
  func.func @main_fallback(%q: !h, %o: !h) attributes {fovea.fallback_of = "main"} {
    attn.attention %q, %q, %q outs(%o) schedule <query_tile = 128, key_block = 64, lanes = 1, panel = 16, micro_keys = 8> : (!h, !h, !h, !h) -> ()
    return
  }
}

// -----

!h = memref<1x2x3x64xf16>
// expected-error @below {{is a fallback of kernel 'other', which fovea.launches does not have}}
func.func @main_fallback(%q: !h, %o: !h) attributes {fovea.fallback_of = "other"} {
  attn.attention %q, %q, %q outs(%o) schedule <query_tile = 128, key_block = 64, lanes = 1, panel = 16, micro_keys = 8> : (!h, !h, !h, !h) -> ()
  return
}
