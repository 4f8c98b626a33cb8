// RUN: fovea-opt %s --convert-attn-linear-to-vector --split-input-file --verify-diagnostics | FileCheck %s

// The state in panels of 16 value columns; keys transposed for A; products with 4 x 2 sums, a triangle written out.
// CHECK: func private @attn_transpose_8
// CHECK-LABEL: func @causal(
// CHECK-DAG: %[[S:.*]] = memref.alloc() : memref<2x20x16xf32>
// CHECK-DAG: %[[Z:.*]] = memref.alloc() : memref<24xf32>
// CHECK-DAG: %[[K:.*]] = memref.alloc() : memref<32x32xf32>
// CHECK-DAG: %[[V:.*]] = memref.alloc() : memref<2x32x16xf32>
// CHECK-DAG: %[[A:.*]] = memref.alloc() : memref<32x40xf32>
// CHECK-DAG: %[[KT:.*]] = memref.alloc() : memref<1x24x40xf32>
// The chunk after this one is fetched meanwhile.
// CHECK: memref.prefetch %{{.*}}, read, locality<2>, data
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
// CHECK: memref.prefetch %{{.*}}, write, locality<2>, data
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

// The delta rule: M of keys with keys, 0 on its diagonal; U in place of V, row by row of the triangle, with 3 + 2 + 1 products for
// each of two vectors.
// CHECK-LABEL: func @delta(
// CHECK-SAME: %{{[a-z0-9]+}}: memref<2x4x?x16xf32>, %[[BETA:[a-z0-9]+]]: memref<2x4x?xf32>
// CHECK: memref.load %[[BETA]]
// CHECK: arith.cmpi slt, %{{.*}}, %{{.*}} : vector<8xi32>
// CHECK: arith.subf %{{.*}}, %{{.*}} : vector<8xf32>
// CHECK: arith.mulf
// CHECK: vector.store
// CHECK: vector.store
// CHECK-COUNT-6: vector.fma
// CHECK: arith.subf
// CHECK-COUNT-4: vector.fma
// CHECK: arith.subf
// CHECK-COUNT-2: vector.fma
// CHECK: arith.subf
// CHECK: arith.cmpi sle, %{{.*}}, %{{.*}} : vector<8xi32>
// One whole panel: O is written where it lies, if its rows are dense and the chunk is full.
// CHECK: %[[O:.*]] = memref.reinterpret_cast %{{.*}} to memref<1x32x16xf32, strided<[?, ?, 1], offset: ?>>
// CHECK: vector.store %{{.*}}, %[[O]][
// CHECK: memref.prefetch %{{.*}}, write
func.func @delta(%k: memref<2x4x?x16xf32>, %beta: memref<2x4x?xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 32, lanes = 8, panel = 16, micro_keys = 4> {
    %s0 = attn.init_linear_state(%b, %h) : !attn.linear_state<16x16xf32>
    %s1 = attn.linear_chunk %s0 at(%b, %h, %t) valid %n keys %k, %k beta %beta queries %k group %n into %k normalizer <none> epsilon 1.0e-6 scale 1.0
      : (!attn.linear_state<16x16xf32>, index, index, index, index, memref<2x4x?x16xf32>, memref<2x4x?x16xf32>, memref<2x4x?x16xf32>, index,
         memref<2x4x?x16xf32>, memref<2x4x?xf32>) -> !attn.linear_state<16x16xf32>
  }
  return
}

// -----

// Recurrent: no products of pairs, the state updated and then read in four sums for each vector. One token after the other.
// CHECK-LABEL: func @recurrent(
// CHECK-NOT: call @attn_transpose_8
// CHECK-NOT: memref.prefetch
// CHECK: %[[S:.*]] = memref.alloc() : memref<1x16x16xf32>
// CHECK: vector.load %[[S]]
// CHECK: vector.fma
// CHECK: vector.store %{{.*}}, %[[S]]
// CHECK: scf.for {{.*}} -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>) {
// CHECK-COUNT-8: vector.fma
// CHECK: scf.yield
func.func @recurrent(%k: memref<2x4x?x16xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 32, lanes = 8, panel = 16, micro_keys = 4> {
    %s0 = attn.init_linear_state(%b, %h) : !attn.linear_state<16x16xf32>
    %s1 = attn.linear_chunk %s0 at(%b, %h, %t) valid %n keys %k, %k queries %k group %n into %k form <recurrent> normalizer <none> epsilon 1.0e-6 scale 1.0
      : (!attn.linear_state<16x16xf32>, index, index, index, index, memref<2x4x?x16xf32>, memref<2x4x?x16xf32>, memref<2x4x?x16xf32>, index,
         memref<2x4x?x16xf32>) -> !attn.linear_state<16x16xf32>
  }
  return
}

// -----

// Parallel: the state is set to 0 and left alone.
// CHECK-LABEL: func @parallel(
// CHECK: %[[S:.*]] = memref.alloc() : memref<1x16x16xf32>
// CHECK-COUNT-2: vector.store %{{.*}}, %[[S]][
// CHECK-NOT: %[[S]][
func.func @parallel(%k: memref<2x4x32x16xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 32, lanes = 8, panel = 16, micro_keys = 4> {
    %s0 = attn.init_linear_state(%b, %h) : !attn.linear_state<16x16xf32>
    %s1 = attn.linear_chunk %s0 at(%b, %h, %t) valid %n keys %k, %k queries %k group %n into %k form <parallel> normalizer <none> epsilon 1.0e-6 scale 1.0
      : (!attn.linear_state<16x16xf32>, index, index, index, index, memref<2x4x32x16xf32>, memref<2x4x32x16xf32>, memref<2x4x32x16xf32>, index,
         memref<2x4x32x16xf32>) -> !attn.linear_state<16x16xf32>
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
