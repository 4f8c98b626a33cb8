// RUN: fovea-opt %s --convert-attn-linear-to-vector --split-input-file --verify-diagnostics | FileCheck %s

// The state in panels of 16 value columns; keys transposed for A; products with 4 x 2 sums, a triangle written out.
// CHECK: func private @attn_transpose_8
// CHECK-LABEL: func @causal(
// CHECK-DAG: %[[S:.*]] = memref.alloc() : memref<2x20x16xf32>
// CHECK-DAG: %[[Z:.*]] = memref.alloc() : memref<24xf32>
// CHECK-DAG: %[[K:.*]] = memref.alloc() : memref<32x32xf32>
// CHECK-DAG: %[[V:.*]] = memref.alloc() : memref<2x32x16xf32>
// CHECK-DAG: %[[A:.*]] = memref.alloc() : memref<32x40xf32>
// CHECK-DAG: %[[KT:.*]] = memref.alloc() : memref<24x40xf32>
// CHECK: call @attn_transpose_8
// A: sums over the head size of 20, keys past the token are 0.
// CHECK: %[[TILE:.*]]:8 = scf.for %{{.*}} = %{{.*}} to %{{.*}} step %{{.*}} iter_args
// CHECK-COUNT-8: vector.fma
// CHECK: arith.cmpi sle, %{{.*}}, %{{.*}} : vector<8xi32>
// CHECK: arith.select %{{.*}} : vector<8xi1>, vector<8xf32>
// CHECK: vector.store %{{.*}}, %[[A]]
// The divisor: q . z + sum of A.
// CHECK: vector.load %[[Z]]
// CHECK: vector.reduction <add>
// O: q S, then A V below the diagonal, then 4 + 3 + 2 + 1 products for each of two vectors.
// CHECK: vector.load %[[S]]
// CHECK-COUNT-8: vector.fma
// CHECK: memref.load %[[A]]
// CHECK-COUNT-8: vector.fma
// CHECK: scf.yield
// CHECK-COUNT-20: vector.fma
// CHECK: arith.mulf
// CHECK: vector.maskedstore
// S = S + k^T V, z = z + sum k
// CHECK-COUNT-8: vector.fma
// CHECK: vector.store %{{.*}}, %[[S]]
// CHECK: vector.store %{{.*}}, %[[Z]]
// CHECK-NOT: attn.linear
func.func @causal(%k: memref<2x4x?x20xf32, strided<[?, ?, ?, ?], offset: ?>>, %v: memref<2x4x?x30xf32, strided<[?, ?, ?, ?], offset: ?>>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 32, lanes = 8, panel = 16, micro_keys = 4> {
    %s0 = attn.init_linear_state(%b, %h) : !attn.linear_state<20x30xf32>
    %s1 = attn.linear_chunk %s0 at(%b, %h, %t) valid %n keys %k, %v queries %k group %n into %v normalizer <qz> epsilon 1.0e-6 scale 1.0
      : (!attn.linear_state<20x30xf32>, index, index, index, index, memref<2x4x?x20xf32, strided<[?, ?, ?, ?], offset: ?>>,
         memref<2x4x?x30xf32, strided<[?, ?, ?, ?], offset: ?>>, memref<2x4x?x20xf32, strided<[?, ?, ?, ?], offset: ?>>, index,
         memref<2x4x?x30xf32, strided<[?, ?, ?, ?], offset: ?>>) -> !attn.linear_state<20x30xf32>
  }
  return
}

// -----

func.func @lanes(%n: index) {
  // expected-error@+1 {{'attn.task' op has 3 lanes; vector code needs a power of two, at least 2}}
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 30, key_block = 30, lanes = 3, panel = 3, micro_keys = 3> {
    %s0 = attn.init_linear_state(%b, %h) : !attn.linear_state<20x30xf32>
  }
  return
}
