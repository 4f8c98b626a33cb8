// RUN: fovea-opt %s | FileCheck %s
// RUN: fovea-opt %s | fovea-opt | FileCheck %s
// RUN: fovea-opt %s --mlir-print-op-generic | fovea-opt | FileCheck %s
// RUN: fovea-opt %s --emit-bytecode | fovea-opt | FileCheck %s

// CHECK-LABEL: func @tables
// CHECK: attn.rope %{{.*}} cos %{{.*}} sin %{{.*}} : tensor<2x4x?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>
// CHECK: attn.rope %{{.*}} cos %{{.*}} sin %{{.*}} positions %{{.*}} pairing <interleaved> layout <bnhd> : tensor<2x4x?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>, tensor<2x4xi32>
// CHECK: attn.rope %{{.*}} cos %{{.*}} sin %{{.*}} offset %{{.*}} : tensor<2x4x?x64xf32>
// CHECK: attn.rope %{{.*}} cos %{{.*}} sin %{{.*}} : tensor<2x4x?x64xf32>, tensor<2x?x8xf32>, tensor<2x?x8xf32>
func.func @tables(%x: tensor<2x4x?x64xf32>, %cos: tensor<?x32xf32>, %sin: tensor<?x32xf32>, %at: tensor<2x4xi32>, %past: index,
                  %c: tensor<2x?x8xf32>, %s: tensor<2x?x8xf32>) {
  %a = attn.rope %x cos %cos sin %sin : tensor<2x4x?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>
  %b = attn.rope %x cos %cos sin %sin positions %at pairing <interleaved> layout <bnhd>
    : tensor<2x4x?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>, tensor<2x4xi32>
  %d = attn.rope %x cos %cos sin %sin offset %past : tensor<2x4x?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>
  %e = attn.rope %x cos %c sin %s : tensor<2x4x?x64xf32>, tensor<2x?x8xf32>, tensor<2x?x8xf32>
  return
}

// CHECK-LABEL: func @attention
// CHECK: attn.attention %{{.*}}, %{{.*}}, %{{.*}} outs(%{{.*}}) query_rope(%{{.*}}, %{{.*}}) key_rope(%{{.*}}, %{{.*}}, %{{.*}}) pairing <interleaved> :
func.func @attention(%x: memref<2x4x?x64xf32>, %cos: memref<?x32xf32>, %at: memref<2x?xi64>, %o: memref<2x4x?x64xf32>) {
  attn.attention %x, %x, %x outs(%o) query_rope(%cos, %cos) key_rope(%cos, %cos, %at) pairing <interleaved>
    : (memref<2x4x?x64xf32>, memref<2x4x?x64xf32>, memref<2x4x?x64xf32>, memref<2x4x?x64xf32>, memref<?x32xf32>, memref<?x32xf32>,
       memref<?x32xf32>, memref<?x32xf32>, memref<2x?xi64>) -> ()
  return
}

// CHECK-LABEL: func @far
// CHECK: attn.attention %{{.*}}, %{{.*}}, %{{.*}} query_rope(%{{.*}}, %{{.*}}) far_query_rope(%{{.*}}, %{{.*}}) far_key_rope(%{{.*}}, %{{.*}}, %{{.*}}) far (%{{.*}}, %{{.*}}, %[[I:.*]], %[[J:.*]]) {
// CHECK-NEXT: arith.cmpi sgt, %[[I]], %[[J]]
func.func @far(%x: tensor<2x4x?x64xf32>, %cos: tensor<?x32xf32>, %at: tensor<2x?xi64>) -> tensor<2x4x?x64xf32> {
  %o = attn.attention %x, %x, %x query_rope(%cos, %cos) far_query_rope(%cos, %cos) far_key_rope(%cos, %cos, %at) far (%b, %h, %i, %j) {
    %past = arith.cmpi sgt, %i, %j : index
    attn.yield %past : i1
  } : (tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>,
       tensor<?x32xf32>, tensor<?x32xf32>, tensor<2x?xi64>) -> tensor<2x4x?x64xf32>
  return %o : tensor<2x4x?x64xf32>
}

// CHECK-LABEL: func @tile
// CHECK: attn.load_tile %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}] valid %{{.*}} rope(%{{.*}}, %{{.*}}) at %{{.*}} pairing <interleaved> : memref<2x4x?x64xf32>, memref<?x32xf32>, memref<?x32xf32> -> <query, 32x64xf32>
func.func @tile(%x: memref<2x4x?x64xf32>, %cos: memref<?x32xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %q = attn.load_tile %x[%b, %h, %t] valid %n rope(%cos, %cos) at %t pairing <interleaved>
      : memref<2x4x?x64xf32>, memref<?x32xf32>, memref<?x32xf32> -> <query, 32x64xf32>
  }
  return
}
