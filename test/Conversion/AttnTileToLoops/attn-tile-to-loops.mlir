// RUN: fovea-opt %s --convert-attn-tile-to-loops | FileCheck %s

// A tile is a buffer whose rows past the valid ones are zero.
// CHECK-LABEL: func @load(
// CHECK-SAME: %[[M:[a-z0-9]+]]: memref<2x4x?x16xf32>
// CHECK: attn.task (%[[B:.*]], %[[H:.*]], %[[T:.*]]) in
// CHECK: %[[TILE:.*]] = memref.alloc() : memref<32x16xf32>
// CHECK: scf.for %[[R:.*]] =
// CHECK: %[[LIVE:.*]] = arith.cmpi ult, %[[R]], %[[VALID:.*]] : index
// CHECK: scf.if %[[LIVE]] {
// CHECK: %[[ROW:.*]] = arith.addi %[[T]], %[[R]]
// CHECK: scf.for %[[C:.*]] =
// CHECK: %[[X:.*]] = memref.load %[[M]][%[[B]], %[[H]], %[[ROW]], %[[C]]]
// CHECK: memref.store %[[X]], %[[TILE]][%[[R]], %[[C]]]
// CHECK: } else {
// CHECK: scf.for %[[C0:.*]] =
// CHECK: %[[ZERO:.*]] = arith.constant 0.0
// CHECK: memref.store %[[ZERO]], %[[TILE]][%[[R]], %[[C0]]]
func.func @load(%m: memref<2x4x?x16xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %tile = attn.load_tile %m[%b, %h, %t] valid %n : memref<2x4x?x16xf32> -> !attn.tile<query, 32x16xf32>
  }
  return
}

// A state is three buffers: acc, m, l. Loops carry them, then drop them.
// CHECK-LABEL: func @update(
// CHECK: %[[ACC:.*]] = memref.alloc() : memref<32x16xf32>
// CHECK: %[[MAX:.*]] = memref.alloc() : memref<32xf32>
// CHECK: %[[SUM:.*]] = memref.alloc() : memref<32xf32>
// CHECK: arith.constant 0xFF800000 : f32
// CHECK: scf.for {{.*}} iter_args({{.*}}) -> (memref<32x16xf32>, memref<32xf32>, memref<32xf32>) {
// CHECK-DAG: %[[SCORES:.*]] = memref.alloc() : memref<64xf32>
// CHECK-DAG: %[[VISIBLE:.*]] = memref.alloc() : memref<64xi8>
// The score, then the mask, for absolute positions.
// CHECK: scf.for %[[R:.*]] = {{.*}} {
// CHECK: %[[I:.*]] = arith.addi %{{.*}}, %[[R]] : index
// CHECK: %[[J:.*]] = arith.addi
// CHECK: arith.constant 1.250000e-01 : f32
// CHECK: math.tanh
// CHECK: %[[KEEP:.*]] = arith.cmpi sge, %[[I]], %[[J]] : index
// CHECK: memref.store %{{.*}}, %[[SCORES]]
// CHECK: memref.store %{{.*}}, %[[VISIBLE]]
// Weights of visible keys only.
// CHECK: math.exp
// CHECK: scf.if {{.*}} -> (f32) {
// CHECK: math.exp
// CHECK: scf.yield %{{.*}}, %{{.*}}, %{{.*}} : memref<32x16xf32>, memref<32xf32>, memref<32xf32>
// CHECK-NOT: attn.update
func.func @update(%q: memref<2x4x?x16xf32>, %k: memref<2x4x?x16xf32>, %n: index, %step: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %tq = attn.load_tile %q[%b, %h, %t] valid %n : memref<2x4x?x16xf32> -> !attn.tile<query, 32x16xf32>
    %s = attn.init_state : !attn.state<32x16xf32>
    %last = scf.for %key = %t to %n step %step iter_args(%in = %s) -> (!attn.state<32x16xf32>) {
      %tk = attn.load_tile %k[%b, %h, %key] valid %n : memref<2x4x?x16xf32> -> !attn.tile<key, 64x16xf32>
      %tv = attn.load_tile %k[%b, %h, %key] valid %n : memref<2x4x?x16xf32> -> !attn.tile<value, 64x16xf32>
      %next = attn.update %in, %tq, %tk, %tv at (%b, %h, %t, %key) valid (%n, %n) scale 0.125
        score (%x, %sb, %sh, %i, %j) {
          %y = math.tanh %x : f32
          attn.yield %y : f32
        } mask (%mb, %mh, %i, %j) {
          %causal = arith.cmpi sge, %i, %j : index
          attn.yield %causal : i1
        } : !attn.state<32x16xf32>, !attn.tile<query, 32x16xf32>, !attn.tile<key, 64x16xf32>, !attn.tile<value, 64x16xf32>
      scf.yield %next : !attn.state<32x16xf32>
    }
  }
  return
}

// acc / l and m + log l; 0 and -inf where l is 0.
// CHECK-LABEL: func @finalize(
// CHECK-SAME: %[[O:[a-z0-9]+]]: memref<2x4x?x16xf32>, %[[LSE:[a-z0-9]+]]: memref<2x4x?xf32>
// CHECK: %[[EMPTY:.*]] = arith.cmpf oeq
// CHECK: %[[QUOTIENT:.*]] = arith.divf
// CHECK: %[[X:.*]] = arith.select %[[EMPTY]], %{{.*}}, %[[QUOTIENT]] : f32
// CHECK: memref.store %[[X]], %[[O]]
// CHECK: math.log
// CHECK: %[[L:.*]] = arith.select %[[EMPTY]]
// CHECK: memref.store %[[L]], %[[LSE]]
func.func @finalize(%o: memref<2x4x?x16xf32>, %lse: memref<2x4x?xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %s = attn.init_state : !attn.state<32x16xf32>
    attn.finalize %s into %o[%b, %h, %t] valid %n lse %lse : !attn.state<32x16xf32>, memref<2x4x?x16xf32>, memref<2x4x?xf32>
  }
  return
}

// attn.tile_bounds belongs to --attn-expand-tile-bounds.
// CHECK-LABEL: func @negative_tile_bounds(
// CHECK: attn.tile_bounds
func.func @negative_tile_bounds(%n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %bounds:4 = attn.tile_bounds (%b, %h) rows (%t to %n) keys (%t to %n step 64) mask (%mb, %mh, %i, %j) {
      %true = arith.constant true
      attn.yield %true : i1
    }
  }
  return
}

// Rows of several heads, n of each, taken to the latents of their head.
// CHECK-LABEL: func @absorb(
// CHECK-SAME: %[[M:[a-z0-9]+]]: memref<2x6x?x48xf32>, %[[UP:[a-z0-9]+]]: memref<6x32x64xf32>, %[[N:[a-z0-9]+]]: index
// CHECK: %[[TILE:.*]] = memref.alloc() : memref<32x80xf32>
// CHECK: %[[SOURCE:.*]] = memref.alloc() : memref<48xf32>
// CHECK: %[[HEADS:.*]] = arith.divui %[[NUMBER:.*]], %[[N]]
// CHECK: %[[HEAD:.*]] = arith.addi %{{.*}}, %[[HEADS]]
// CHECK: %[[ROW:.*]] = arith.remui %[[NUMBER]], %[[N]]
// CHECK: memref.load %[[M]][%{{.*}}, %[[HEAD]], %[[ROW]], %{{.*}}]
// CHECK: memref.load %[[UP]]
// CHECK: memref.store %{{.*}}, %[[TILE]]
func.func @absorb(%m: memref<2x6x?x48xf32>, %up: memref<6x32x64xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %tile = attn.load_tile %m[%b, %h, %t] valid %n heads_of %n absorb %up : memref<6x32x64xf32> : memref<2x6x?x48xf32> -> !attn.tile<query, 32x80xf32>
  }
  return
}

// A row is normalised into a buffer, from which it is rotated.
// CHECK-LABEL: func @norm(
// CHECK: %[[TILE:.*]] = memref.alloc() : memref<32x16xf32>
// CHECK: %[[ROW:.*]] = memref.alloc() : memref<16xf32>
// CHECK: arith.extf %{{.*}} : f32 to f64
// CHECK: math.sqrt %{{.*}} : f64
// CHECK: memref.store %{{.*}}, %[[ROW]][
// CHECK: memref.load %[[ROW]][
// CHECK: memref.store %{{.*}}, %[[TILE]][
func.func @norm(%m: memref<2x4x?x16xf32>, %g: memref<16xf32>, %cos: memref<?x8xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %tile = attn.load_tile %m[%b, %h, %t] valid %n norm %g epsilon 1.0e-6 : memref<16xf32> rope(%cos, %cos) at %t
      : memref<2x4x?x16xf32>, memref<?x8xf32>, memref<?x8xf32> -> !attn.tile<query, 32x16xf32>
  }
  return
}

// Additive scores: the weight of the head and column times the tanh of the sum.
// CHECK-LABEL: func @additive(
// CHECK-SAME: %[[Q:[a-z0-9]+]]: memref<2x4x?x16xf32>, %[[W:[a-z0-9]+]]: memref<4x16xf32>, %[[H:[a-z0-9]+]]: index
// CHECK: attn.task (%{{.*}}, %[[HEAD:.*]], %{{.*}}) in
// CHECK: %[[SUM:.*]] = arith.addf %{{.*}}, %{{.*}} : f32
// CHECK-NEXT: %[[TANH:.*]] = math.tanh %[[SUM]] : f32
// CHECK-NEXT: %[[WEIGHT:.*]] = memref.load %[[W]][%[[HEAD]], %{{.*}}]
// CHECK-NEXT: arith.mulf %[[WEIGHT]], %[[TANH]]
func.func @additive(%q: memref<2x4x?x16xf32>, %w: memref<4x16xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %s = attn.init_state : !attn.state<32x16xf32>
    %tq = attn.load_tile %q[%b, %h, %t] valid %n : memref<2x4x?x16xf32> -> !attn.tile<query, 32x16xf32>
    %tk = attn.load_tile %q[%b, %h, %t] valid %n : memref<2x4x?x16xf32> -> !attn.tile<key, 64x16xf32>
    %tv = attn.load_tile %q[%b, %h, %t] valid %n : memref<2x4x?x16xf32> -> !attn.tile<value, 64x16xf32>
    %next = attn.update %s, %tq, %tk, %tv at (%b, %h, %t, %n) valid (%n, %n) additive %w : memref<4x16xf32> scale 1.0
      : !attn.state<32x16xf32>, !attn.tile<query, 32x16xf32>, !attn.tile<key, 64x16xf32>, !attn.tile<value, 64x16xf32>
  }
  return
}
