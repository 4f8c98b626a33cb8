// RUN: fovea-opt %s | FileCheck %s
// RUN: fovea-opt %s | fovea-opt | FileCheck %s
// RUN: fovea-opt %s --mlir-print-op-generic | fovea-opt | FileCheck %s
// RUN: fovea-opt %s --emit-bytecode | fovea-opt | FileCheck %s

// CHECK-LABEL: func @plain
// CHECK: attn.attention %{{.*}}, %{{.*}}, %{{.*}} : (tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<2x4x?x32xf32>) -> tensor<2x4x?x32xf32>
func.func @plain(%q: tensor<2x4x?x64xf32>, %k: tensor<2x4x?x64xf32>, %v: tensor<2x4x?x32xf32>) -> tensor<2x4x?x32xf32> {
  %o = attn.attention %q, %k, %v : (tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<2x4x?x32xf32>) -> tensor<2x4x?x32xf32>
  return %o : tensor<2x4x?x32xf32>
}

// Every optional part, grouped heads, captured scalar and tensor, log-sum-exp.
// CHECK-LABEL: func @everything
// CHECK: attn.attention %{{.*}}, %{{.*}}, %{{.*}} q_offset %{{.*}} scale 1.250000e-01 layout <bnhd> schedule <query_tile = 64, key_block = 128, lanes = 8, panel = 16, micro_keys = 4>
// CHECK-SAME: score (%[[S:.*]], %{{.*}}, %[[H:.*]], %{{.*}}, %{{.*}}) {
// CHECK: tensor.extract %{{.*}}[%[[H]]] : tensor<32xf32>
// CHECK: attn.yield %{{.*}} : f32
// CHECK: mask (%{{.*}}, %{{.*}}, %[[I:.*]], %[[J:.*]]) {
// CHECK: arith.cmpi sge, %[[I]], %[[J]] : index
func.func @everything(%q: tensor<?x?x32x64xf32>, %k: tensor<?x?x8x64xf32>, %v: tensor<?x?x8x64xf32>, %past: index, %window: index,
                      %slopes: tensor<32xf32>) -> (tensor<?x?x32x64xf32>, tensor<?x32x?xf32>) {
  %o:2 = attn.attention %q, %k, %v q_offset %past scale 0.125 layout <bnhd>
    schedule <query_tile = 64, key_block = 128, lanes = 8, panel = 16, micro_keys = 4>
    score (%s, %b, %h, %i, %j) {
      %slope = tensor.extract %slopes[%h] : tensor<32xf32>
      %d = arith.subi %j, %i : index
      %di = arith.index_cast %d : index to i32
      %df = arith.sitofp %di : i32 to f32
      %bias = arith.mulf %slope, %df : f32
      %t = arith.addf %s, %bias : f32
      attn.yield %t : f32
    }
    mask (%b, %h, %i, %j) {
      %causal = arith.cmpi sge, %i, %j : index
      %age = arith.subi %i, %j : index
      %near = arith.cmpi slt, %age, %window : index
      %keep = arith.andi %causal, %near : i1
      attn.yield %keep : i1
    } : (tensor<?x?x32x64xf32>, tensor<?x?x8x64xf32>, tensor<?x?x8x64xf32>, index) -> (tensor<?x?x32x64xf32>, tensor<?x32x?xf32>)
  return %o#0, %o#1 : tensor<?x?x32x64xf32>, tensor<?x32x?xf32>
}

// CHECK-LABEL: func @memrefs
// CHECK: attn.attention %{{.*}}, %{{.*}}, %{{.*}} q_offset %{{.*}} outs(%{{.*}}) :
func.func @memrefs(%q: memref<2x4x?x64xf32>, %k: memref<2x4x?x64xf32>, %v: memref<2x4x?x32xf32>, %past: memref<2xi32>,
                   %o: memref<2x4x?x32xf32>) {
  attn.attention %q, %k, %v q_offset %past outs(%o)
    : (memref<2x4x?x64xf32>, memref<2x4x?x64xf32>, memref<2x4x?x32xf32>, memref<2xi32>, memref<2x4x?x32xf32>) -> ()
  return
}

// CHECK-LABEL: func @tensor_outs
func.func @tensor_outs(%q: tensor<2x4x?x64xf32>, %o: tensor<2x4x?x64xf32>) -> tensor<2x4x?x64xf32> {
  %r = attn.attention %q, %q, %q outs(%o)
    : (tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>) -> tensor<2x4x?x64xf32>
  return %r : tensor<2x4x?x64xf32>
}
