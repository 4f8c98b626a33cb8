// RUN: fovea-opt %s --convert-attn-linear-to-loops | FileCheck %s

// The recurrence: a token enters S and z, then the query heads of the group read them.
// CHECK-LABEL: func @causal(
// CHECK-SAME: %[[K:[a-z0-9]+]]: memref<2x4x?x16xf32>, %[[V:[a-z0-9]+]]: memref<2x4x?x8xf32>, %[[G:[a-z0-9]+]]: memref<2x4x?xf32>, %[[O:[a-z0-9]+]]: memref<2x4x?x8xf32>, %[[F:[a-z0-9]+]]: memref<2x4x16x9xf32>
// CHECK: attn.task (%[[B:.*]], %[[H:.*]], %[[T:.*]]) in
// CHECK: %[[S:.*]] = memref.alloc() : memref<16x8xf32>
// CHECK: %[[Z:.*]] = memref.alloc() : memref<16xf32>
// CHECK: %[[FEATURES:.*]] = memref.alloc() : memref<16xf32>
// CHECK: %[[WRITTEN:.*]] = memref.alloc() : memref<8xf32>
// CHECK: scf.for %[[I:.*]] =
// CHECK: %[[TOKEN:.*]] = arith.addi %[[T]], %[[I]] : index
// CHECK: %[[GATE:.*]] = memref.load %[[G]][%[[B]], %[[H]], %[[TOKEN]]]
// CHECK: %[[KEPT:.*]] = math.exp %[[GATE]] : f32
// CHECK: arith.mulf %[[KEPT]]
// CHECK: memref.store %{{.*}}, %[[Z]]
// CHECK: arith.mulf %[[KEPT]]
// CHECK: memref.store %{{.*}}, %[[S]]
// CHECK: memref.load %[[V]]
// CHECK: memref.store %{{.*}}, %[[WRITTEN]]
// CHECK: %[[PHI:.*]] = math.absf
// CHECK: memref.store %{{.*}}, %[[Z]]
// CHECK: memref.load %[[WRITTEN]]
// CHECK: memref.store %{{.*}}, %[[S]]
// CHECK: math.absf
// CHECK: memref.store %{{.*}}, %[[FEATURES]]
// CHECK: %[[DOT:.*]] = scf.for
// CHECK: memref.load %[[Z]]
// CHECK: %[[DIVISOR:.*]] = arith.addf %[[DOT]], %{{.*}} : f32
// CHECK: arith.divf %{{.*}}, %[[DIVISOR]]
// CHECK: memref.store %{{.*}}, %[[O]]
// CHECK: memref.store %{{.*}}, %[[F]]
// CHECK-NOT: attn.linear
func.func @causal(%k: memref<2x4x?x16xf32>, %v: memref<2x4x?x8xf32>, %g: memref<2x4x?xf32>, %o: memref<2x4x?x8xf32>, %f: memref<2x4x16x9xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 32, lanes = 8, panel = 8, micro_keys = 4> {
    %s0 = attn.init_linear_state(%b, %h) : !attn.linear_state<16x8xf32>
    %s1 = attn.linear_chunk %s0 at(%b, %h, %t) valid %n keys %k, %v decay %g queries %k group %n into %o normalizer <qz> epsilon 1.0e-6 scale 1.0
      feature (%x) {
        %phi = math.absf %x : f32
        attn.yield %phi : f32
      } : (!attn.linear_state<16x8xf32>, index, index, index, index, memref<2x4x?x16xf32>, memref<2x4x?x8xf32>, memref<2x4x?xf32>,
           memref<2x4x?x16xf32>, index, memref<2x4x?x8xf32>) -> !attn.linear_state<16x8xf32>
    attn.store_linear_state %s1 into %f[%b, %h] : !attn.linear_state<16x8xf32>, memref<2x4x16x9xf32>
  }
  return
}

// Keys alone, without a decay: nothing is multiplied by what is kept, nothing is written but the state.
// CHECK-LABEL: func @keys(
// CHECK-NOT: math.exp
// CHECK-NOT: arith.divf
func.func @keys(%k: memref<2x4x?x16xf32>, %f: memref<2x4x16x16xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 32, lanes = 8, panel = 8, micro_keys = 4> {
    %s0 = attn.init_linear_state(%b, %h) from %f : !attn.linear_state<16x16xf32>, memref<2x4x16x16xf32>
    %s1 = attn.linear_chunk %s0 at(%b, %h, %t) valid %n keys %k, %k normalizer <none> epsilon 1.0e-6 scale 1.0
      : (!attn.linear_state<16x16xf32>, index, index, index, index, memref<2x4x?x16xf32>, memref<2x4x?x16xf32>) -> !attn.linear_state<16x16xf32>
    attn.store_linear_state %s1 into %f[%b, %h] : !attn.linear_state<16x16xf32>, memref<2x4x16x16xf32>
  }
  return
}

// The delta rule: beta (v - S^T k) is written.
// CHECK-LABEL: func @delta(
// CHECK-SAME: %[[K:[a-z0-9]+]]: memref<2x4x?x16xf32>, %[[BETA:[a-z0-9]+]]: memref<2x4x?xf32>
// CHECK: %[[RECALLED:.*]] = scf.for
// CHECK: arith.mulf
// CHECK: %[[REST:.*]] = arith.subf %{{.*}}, %[[RECALLED]] : f32
// CHECK: %[[B:.*]] = memref.load %[[BETA]]
// CHECK: %[[WRITE:.*]] = arith.mulf %[[B]], %[[REST]] : f32
// CHECK: memref.store %[[WRITE]]
func.func @delta(%k: memref<2x4x?x16xf32>, %beta: memref<2x4x?xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 32, lanes = 8, panel = 8, micro_keys = 4> {
    %s0 = attn.init_linear_state(%b, %h) : !attn.linear_state<16x16xf32>
    %s1 = attn.linear_chunk %s0 at(%b, %h, %t) valid %n keys %k, %k beta %beta normalizer <none> epsilon 1.0e-6 scale 1.0
      : (!attn.linear_state<16x16xf32>, index, index, index, index, memref<2x4x?x16xf32>, memref<2x4x?x16xf32>, memref<2x4x?xf32>) -> !attn.linear_state<16x16xf32>
  }
  return
}
