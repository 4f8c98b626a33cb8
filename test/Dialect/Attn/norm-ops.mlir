// RUN: fovea-opt %s | FileCheck %s
// RUN: fovea-opt %s | fovea-opt | FileCheck %s
// RUN: fovea-opt %s --mlir-print-op-generic | fovea-opt | FileCheck %s
// RUN: fovea-opt %s --emit-bytecode | fovea-opt | FileCheck %s

// CHECK-LABEL: func @both
// CHECK: attn.attention %{{.*}}, %{{.*}}, %{{.*}} query_norm(%{{.*}}) key_norm(%{{.*}}) epsilon 1.000000e-05 query_rope(%{{.*}}, %{{.*}}) :
func.func @both(%x: tensor<2x4x?x64xf32>, %g: tensor<64xf32>, %cos: tensor<?x32xf32>) -> tensor<2x4x?x64xf32> {
  %o = attn.attention %x, %x, %x query_norm(%g) key_norm(%g) epsilon 1.0e-5 query_rope(%cos, %cos)
    : (tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>, tensor<64xf32>,
       tensor<64xf32>) -> tensor<2x4x?x64xf32>
  return %o : tensor<2x4x?x64xf32>
}

// Gains are f32 whatever the rows are.
// CHECK-LABEL: func @key_alone
// CHECK: attn.attention %{{.*}}, %{{.*}}, %{{.*}} outs(%{{.*}}) key_norm(%{{.*}}) :
func.func @key_alone(%x: memref<2x4x?x64xf16>, %g: memref<64xf32, strided<[2], offset: ?>>, %o: memref<2x4x?x64xf32>) {
  attn.attention %x, %x, %x outs(%o) key_norm(%g)
    : (memref<2x4x?x64xf16>, memref<2x4x?x64xf16>, memref<2x4x?x64xf16>, memref<2x4x?x64xf32>,
       memref<64xf32, strided<[2], offset: ?>>) -> ()
  return
}

// CHECK-LABEL: func @tile
// CHECK: attn.load_tile %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}] valid %{{.*}} norm %{{.*}} epsilon {{[^ ]*}} : memref<64xf32> rope(%{{.*}}, %{{.*}}) at %{{.*}} : memref<2x4x?x64xf32>, memref<?x32xf32>, memref<?x32xf32> -> <key, 64x64xf32>
func.func @tile(%x: memref<2x4x?x64xf32>, %g: memref<64xf32>, %cos: memref<?x32xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %k = attn.load_tile %x[%b, %h, %t] valid %n norm %g epsilon 1.0e-6 : memref<64xf32> rope(%cos, %cos) at %t
      : memref<2x4x?x64xf32>, memref<?x32xf32>, memref<?x32xf32> -> <key, 64x64xf32>
  }
  return
}
