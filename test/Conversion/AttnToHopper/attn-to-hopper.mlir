// RUN: fovea-opt %s --convert-attn-to-hopper --split-input-file --verify-diagnostics | FileCheck %s
// RUN: not fovea-opt %s --convert-attn-to-hopper --split-input-file --remarks-filter=attn --remark-format=emitRemark 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARKS
// REMARKS: Fallback {{.*}}Reason="arguments that TMA cannot describe, with strides of 0 or below, are computed by 8 warps with mma.sync", key_block=64

!q = memref<1x2x100x128xbf16>

// Boxes are in the order of the tensors' own dimensions. 32 KiB of queries, two stages of keys and of values, 9 barriers.
// CHECK: module attributes {fovea.launches = {main = {aligned = array<i64: 0, 1, 2, 3>, shared_bytes = 163912 : i64, tensor_maps =
// CHECK-SAME: [{box = array<i64: 1, 1, 128, 64>, param = 0 : i64, swizzle = 128 : i64},
// CHECK-SAME: {box = array<i64: 1, 1, 128, 64>, param = 1 : i64, swizzle = 128 : i64},
// CHECK-SAME: {box = array<i64: 1, 1, 128, 64>, param = 2 : i64, swizzle = 128 : i64}], threads = 384 : i64}}}
// CHECK-DAG: llvm.mlir.global external constant @fovea_tensor_map_2() {{.*}}!llvm.array<128 x i8>
// CHECK-DAG: llvm.mlir.global external @fovea_shared() {addr_space = 3 : i32, alignment = 1024 : i64}
// CHECK-LABEL: func.func @main
// CHECK: attn.task
// One thread initialises: queries, full and empty of two stages of keys and values.
// CHECK-COUNT-9: nvvm.mbarrier.init
// CHECK: nvvm.fence.mbarrier.init
// CHECK: nvvm.barrier0
// The producer.
// CHECK: nvvm.setmaxregister decrease 40
// CHECK: nvvm.mbarrier.arrive.expect_tx
// CHECK-COUNT-2: nvvm.cp.async.bulk.tensor.shared.cluster.global
// CHECK: scf.while
// CHECK: nvvm.mbarrier.try_wait.parity
// CHECK: nvvm.mbarrier.arrive.expect_tx
// CHECK: llvm.mlir.addressof @fovea_tensor_map_1
// CHECK-COUNT-2: nvvm.cp.async.bulk.tensor.shared.cluster.global
// CHECK: nvvm.mbarrier.try_wait.parity
// CHECK: nvvm.mbarrier.arrive.expect_tx
// CHECK: llvm.mlir.addressof @fovea_tensor_map_2
// CHECK-COUNT-2: nvvm.cp.async.bulk.tensor.shared.cluster.global
// The consumers: the first scores by themselves,
// CHECK: nvvm.setmaxregister increase 232
// CHECK-COUNT-2: nvvm.mbarrier.try_wait.parity
// CHECK: nvvm.wgmma.fence.aligned
// CHECK: wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {$0, {{.*}}, $63}, $64, $65, 0, 1, 1, 0, 0;", "=f,
// CHECK-COUNT-7: $63}, $64, $65, 1, 1, 1, 0, 0;"
// CHECK: nvvm.wgmma.commit.group
// CHECK: "wgmma.wait_group.sync.aligned 0;", {{.*}}"=f,{{.*}},0,1,
// CHECK: nvvm.mbarrier.arrive
// CHECK: math.exp2
// then the next block's scores and this block's weighted values together.
// CHECK: scf.while
// CHECK: nvvm.mbarrier.try_wait.parity
// CHECK: "wgmma.fence.sync.aligned;"
// CHECK-COUNT-8: $63}, $64, $65,
// CHECK: nvvm.mbarrier.try_wait.parity
// CHECK-COUNT-8: $63}, {$64, $65, $66, $67}, $68, 1, 1, 1, 1;"
// CHECK: "wgmma.wait_group.sync.aligned 1;"
// CHECK: nvvm.mbarrier.arrive
// CHECK: math.exp2
// CHECK: "wgmma.wait_group.sync.aligned 0;"
// CHECK: nvvm.mbarrier.arrive
// CHECK: nvvm.mbarrier.try_wait.parity
// CHECK-COUNT-8: $63}, {$64, $65, $66, $67}, $68, 1, 1, 1, 1;"
// CHECK: "wgmma.wait_group.sync.aligned 0;"
// CHECK: llvm.store {{.*}} : i32, !llvm.ptr<1>
// For what TMA refuses, the same tiles by warps, which --convert-attn-to-gpu makes.
// CHECK-LABEL: func.func @main_fallback
// CHECK-SAME: attributes {fovea.fallback_of = "main"}
// CHECK-NEXT: attn.attention {{.*}} schedule <query_tile = 128, key_block = 64, lanes = 1, panel = 16, micro_keys = 8>
func.func @main(%q: !q, %k: !q, %v: !q, %o: !q) {
  attn.attention %q, %k, %v outs(%o) schedule <query_tile = 128, key_block = 128, lanes = 32, panel = 64, micro_keys = 8>
    : (!q, !q, !q, !q) -> ()
  return
}

// -----

// In bnhd, rows are the second dimension; with one consumer nothing is reallocated.
// CHECK: box = array<i64: 1, 64, 1, 64>, param = 0 : i64
// CHECK: box = array<i64: 1, 32, 1, 64>, param = 1 : i64
// CHECK: threads = 256
// CHECK-LABEL: func.func @bnhd
// CHECK-NOT: nvvm.setmaxregister
// CHECK: func.func @bnhd_fallback
// CHECK-NEXT: attn.attention {{.*}} schedule <query_tile = 64, key_block = 32,
!h = memref<1x100x2x64xf16>
func.func @bnhd(%q: !h, %k: !h, %v: !h, %o: !h) {
  attn.attention %q, %k, %v outs(%o) layout <bnhd> schedule <query_tile = 64, key_block = 32, lanes = 32, panel = 64, micro_keys = 8>
    : (!h, !h, !h, !h) -> ()
  return
}

// -----

// Values that are not finite, in blocks that are PARTIAL for the task: all 256 consumers look at their shares, in both panels; where there is one,
// products of indicators count what it adds, and it becomes 0 for the async proxy, too.
// CHECK-LABEL: func.func @causal
// CHECK: nvvm.setmaxregister increase 232
// CHECK: "wgmma.wait_group.sync.aligned 0;"
// CHECK: math.exp2
// CHECK: scf.if
// CHECK: nvvm.mbarrier.try_wait.parity
// CHECK-COUNT-8: llvm.load {{.*}} : !llvm.ptr<3> -> vector<4xi32>
// CHECK: llvm.call_intrinsic "llvm.nvvm.barrier.cta.red.or.aligned.count"
// CHECK: scf.if
// CHECK: nvvm.mma.sync
// CHECK: nvvm.barrier id = %{{.*}} number_of_threads = %{{.*}}
// CHECK-COUNT-8: llvm.store {{.*}} : vector<4xi32>, !llvm.ptr<3>
// CHECK: nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
// CHECK-NEXT: arith.constant
// CHECK: nvvm.barrier id = %{{.*}} number_of_threads = %{{.*}}
// CHECK: scf.while
// CHECK: llvm.call_intrinsic "llvm.nvvm.barrier.cta.red.or.aligned.count"
// CHECK: func.func @causal_fallback
!q = memref<1x2x200x128xbf16>
func.func @causal(%q: !q, %k: !q, %v: !q, %o: !q) {
  attn.attention %q, %k, %v outs(%o) schedule <query_tile = 128, key_block = 128, lanes = 32, panel = 64, micro_keys = 8>
    mask (%b, %h, %i, %j) {
      %keep = arith.cmpi sge, %i, %j : index
      attn.yield %keep : i1
    } : (!q, !q, !q, !q) -> ()
  return
}

// -----

// A schedule for warps is left to --convert-attn-to-gpu.
// CHECK-LABEL: func.func @warps
// CHECK-NEXT: attn.attention
!h = memref<1x2x100x64xf16>
func.func @warps(%q: !h, %o: !h) {
  attn.attention %q, %q, %q outs(%o) schedule <query_tile = 64, key_block = 64, lanes = 1, panel = 16, micro_keys = 8> : (!h, !h, !h, !h) -> ()
  return
}

// -----

!h = memref<1x2x100x64xf16>
// expected-error @below {{kernel 'main' has a fallback 'main_fallback', which exists already}}
func.func @main(%q: !h, %o: !h) {
  attn.attention %q, %q, %q outs(%o) schedule <query_tile = 64, key_block = 64, lanes = 32, panel = 64, micro_keys = 8> : (!h, !h, !h, !h) -> ()
  return
}
// expected-note @below {{rename this one}}
func.func @main_fallback() {
  return
}

// -----

!h = memref<1x2x100x96xf16>
func.func @head_size(%q: !h, %o: !h) {
  // expected-error @below {{has a schedule for warpgroups (panel = 64), and they take equal head sizes of 64 or 128; with panel = 16}}
  attn.attention %q, %q, %q outs(%o) schedule <query_tile = 64, key_block = 64, lanes = 32, panel = 64, micro_keys = 8> : (!h, !h, !h, !h) -> ()
  return
}

// -----

!h = memref<1x2x100x64xf32>
func.func @f32(%q: !h, %o: !h) {
  // expected-error @below {{and they multiply f16 or bf16}}
  attn.attention %q, %q, %q outs(%o) schedule <query_tile = 64, key_block = 64, lanes = 32, panel = 64, micro_keys = 8> : (!h, !h, !h, !h) -> ()
  return
}

// -----

!h = memref<1x2x100x64xf16>
func.func @rows(%q: !h, %o: !h) {
  // expected-error @below {{at most two of them for its query rows: query_tile is 64 or 128}}
  attn.attention %q, %q, %q outs(%o) schedule <query_tile = 192, key_block = 64, lanes = 32, panel = 64, micro_keys = 8> : (!h, !h, !h, !h) -> ()
  return
}

// -----

!h = memref<1x2x100x64xf16>
func.func @keys(%q: !h, %o: !h) {
  // expected-error @below {{key_block is a multiple of 16 up to 256}}
  attn.attention %q, %q, %q outs(%o) schedule <query_tile = 64, key_block = 72, lanes = 32, panel = 64, micro_keys = 8> : (!h, !h, !h, !h) -> ()
  return
}

// -----

!h = memref<1x2x100x128xf16>
func.func @shared_memory(%q: !h, %o: !h) {
  // expected-error @below {{needs 294984 bytes of shared memory for its tiles, and the target has 232448; use a smaller key_block}}
  attn.attention %q, %q, %q outs(%o) schedule <query_tile = 128, key_block = 256, lanes = 32, panel = 64, micro_keys = 8> : (!h, !h, !h, !h) -> ()
  return
}

// -----

!h = memref<1x2x100x64xf16>
!s = memref<1x2x50x64xf16, strided<[12800, 6400, 64, 1]>>
func.func @views(%q: !h, %o: !s) {
  %s = memref.subview %q[0, 0, 0, 0] [1, 2, 50, 64] [1, 1, 1, 1] : !h to !s
  // expected-error @below {{a tensor map is of a whole argument}}
  attn.attention %s, %q, %q outs(%o) schedule <query_tile = 64, key_block = 64, lanes = 32, panel = 64, micro_keys = 8> : (!s, !h, !h, !s) -> ()
  return
}
