// RUN: fovea-opt %s --attn-tile-linear-attention --split-input-file --verify-diagnostics | FileCheck %s

// One task per sequence and kv head; keys enter the state and queries read it chunk by chunk; then the state is kept.
// CHECK-LABEL: func @causal(
// CHECK-SAME: %[[Q:[a-z0-9]+]]: memref<?x8x?x64xf32>, %[[K:[a-z0-9]+]]: memref<?x4x?x64xf32>, %[[V:[a-z0-9]+]]: memref<?x4x?x32xf32>, %[[G:[a-z0-9]+]]: memref<?x4x?xf32>
// CHECK-SAME: %[[S:[a-z0-9]+]]: memref<?x4x64x33xf32>, %[[O:[a-z0-9]+]]: memref<?x8x?x32xf32>, %[[F:[a-z0-9]+]]: memref<?x4x64x33xf32>
// CHECK: cf.assert %{{.*}}, "query and key must have the same number of positions"
// CHECK: cf.assert %{{.*}}, "key and decay must have the same number of positions"
// CHECK: cf.assert %{{.*}}, "key and initial_state must have the same batch size"
// CHECK: cf.assert %{{.*}}, "key and final state must have the same batch size"
// CHECK: attn.task (%[[B:.*]], %[[H:.*]], %{{.*}}) in (%{{.*}}, %{{.*}}, %{{.*}}) schedule
// CHECK: %[[BEGIN:.*]], %[[END:.*]], %{{.*}}, %{{.*}} = attn.tile_bounds(%[[B]], %[[H]]) rows(%{{.*}} to %[[N:.*]]) keys(%{{.*}} to %[[N]] step 32) mask (%{{.*}}, %{{.*}}, %[[I:.*]], %[[J:.*]]) {
// CHECK: arith.cmpi sge, %[[I]], %[[J]] : index
// CHECK: %[[S0:.*]] = attn.init_linear_state(%[[B]], %[[H]]) from %[[S]] : <64x32xf32>, memref<?x4x64x33xf32>
// CHECK: %[[GROUP:.*]] = arith.divui
// CHECK: %[[LAST:.*]] = scf.for %[[T:.*]] = %[[BEGIN]] to %[[END]] step %{{.*}} iter_args(%[[IN:.*]] = %[[S0]]) -> (!attn.linear_state<64x32xf32>) {
// CHECK: %[[VALID:.*]] = arith.minui
// CHECK: %[[NEXT:.*]] = attn.linear_chunk %[[IN]] at(%[[B]], %[[H]], %[[T]]) valid %[[VALID]] keys %[[K]], %[[V]] decay %[[G]] queries %[[Q]] group %[[GROUP]] into %[[O]] normalizer <qz> epsilon {{[^ ]*}} scale 1.000000e+00 feature (%[[X:.*]]) {
// CHECK: math.exp %[[X]] : f32
// CHECK: scf.yield %[[NEXT]]
// CHECK: attn.store_linear_state %[[LAST]] into %[[F]][%[[B]], %[[H]]]
// CHECK-NOT: attn.linear_attention
func.func @causal(%q: memref<?x8x?x64xf32>, %k: memref<?x4x?x64xf32>, %v: memref<?x4x?x32xf32>, %g: memref<?x4x?xf32>, %s: memref<?x4x64x33xf32>,
                  %o: memref<?x8x?x32xf32>, %f: memref<?x4x64x33xf32>) {
  attn.linear_attention %q, %k, %v decay %g initial_state %s outs(%o, %f) normalizer <qz>
    schedule <query_tile = 32, key_block = 32, lanes = 8, panel = 16, micro_keys = 4>
    feature (%x) {
      %phi = math.exp %x : f32
      attn.yield %phi : f32
    } : (memref<?x8x?x64xf32>, memref<?x4x?x64xf32>, memref<?x4x?x32xf32>, memref<?x4x?xf32>, memref<?x4x64x33xf32>, memref<?x8x?x32xf32>,
         memref<?x4x64x33xf32>) -> ()
  return
}

// -----

// All keys, then all queries. A layout is a transpose.
// CHECK-LABEL: func @full(
// CHECK: %[[Q:.*]] = memref.transpose %{{.*}} (d0, d1, d2, d3) -> (d0, d2, d1, d3)
// CHECK: %[[K:.*]] = memref.transpose
// CHECK: %[[V:.*]] = memref.transpose
// CHECK: %[[O:.*]] = memref.transpose
// CHECK: attn.tile_bounds
// CHECK: arith.constant true
// CHECK: %[[S0:.*]] = attn.init_linear_state(%{{.*}}, %{{.*}}) : <64x64xf32>
// CHECK: %[[S1:.*]] = scf.for {{.*}} iter_args(%{{.*}} = %[[S0]])
// CHECK: attn.linear_chunk {{.*}} keys %[[K]], %[[V]] normalizer <none>
// CHECK: scf.for {{.*}} iter_args(%{{.*}} = %[[S1]])
// CHECK: attn.linear_chunk {{.*}} queries %[[Q]] group %{{.*}} into %[[O]] normalizer <none>
// CHECK-NOT: attn.store_linear_state
func.func @full(%q: memref<?x?x4x64xf32>, %k: memref<?x?x4x64xf32>, %o: memref<?x?x4x64xf32>) {
  attn.linear_attention %q, %k, %k outs(%o) direction <full> layout <bnhd> schedule <query_tile = 32, key_block = 32, lanes = 8, panel = 16, micro_keys = 4>
    : (memref<?x?x4x64xf32>, memref<?x?x4x64xf32>, memref<?x?x4x64xf32>, memref<?x?x4x64xf32>) -> ()
  return
}

// -----

func.func @tensors(%q: tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32> {
  // expected-error@+1 {{'attn.linear_attention' op is on tensors; bufferize before tiling (phase 4)}}
  %o = attn.linear_attention %q, %q, %q : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return %o : tensor<2x4x8x16xf32>
}

// -----

func.func @unscheduled(%q: memref<2x4x8x16xf32>, %o: memref<2x4x8x16xf32>) {
  // expected-error@+1 {{op has no schedule; run --attn-schedule-linear-attention first (phase 5) or give it one}}
  attn.linear_attention %q, %q, %q outs(%o) : (memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>) -> ()
  return
}

// -----

func.func @narrow_tile(%q: memref<2x4x8x16xf32>, %o: memref<2x4x8x16xf32>) {
  // expected-error@+1 {{op has a schedule with query_tile (16) below key_block (32); key_block is the chunk, query_tile the same in whole panels}}
  attn.linear_attention %q, %q, %q outs(%o) schedule <query_tile = 16, key_block = 32, lanes = 8, panel = 16, micro_keys = 4>
    : (memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>) -> ()
  return
}

// -----

// The delta rule, in a form.
// CHECK-LABEL: func @delta(
// CHECK: cf.assert %{{.*}}, "key and beta must have the same number of positions"
// CHECK: attn.linear_chunk {{.*}} keys %{{.*}}, %{{.*}} beta %{{.*}} queries %{{.*}} group %{{.*}} into %{{.*}} form <recurrent> normalizer <none>
func.func @delta(%q: memref<?x4x?x16xf32>, %beta: memref<?x4x?xf32>, %o: memref<?x4x?x16xf32>) {
  attn.linear_attention %q, %q, %q outs(%o) beta %beta rule <delta> form <recurrent> schedule <query_tile = 32, key_block = 32, lanes = 8, panel = 16, micro_keys = 4>
    : (memref<?x4x?x16xf32>, memref<?x4x?x16xf32>, memref<?x4x?x16xf32>, memref<?x4x?x16xf32>, memref<?x4x?xf32>) -> ()
  return
}

// -----

func.func @parallel(%q: memref<2x4x40x16xf32>, %o: memref<2x4x40x16xf32>) {
  // expected-error@+1 {{op in form <parallel> has a schedule with key_block (32) below its 40 tokens; all of them are one chunk}}
  attn.linear_attention %q, %q, %q outs(%o) form <parallel> schedule <query_tile = 32, key_block = 32, lanes = 8, panel = 16, micro_keys = 4>
    : (memref<2x4x40x16xf32>, memref<2x4x40x16xf32>, memref<2x4x40x16xf32>, memref<2x4x40x16xf32>) -> ()
  return
}
