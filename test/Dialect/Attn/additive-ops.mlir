// RUN: fovea-opt %s | FileCheck %s
// RUN: fovea-opt %s | fovea-opt | FileCheck %s
// RUN: fovea-opt %s --mlir-print-op-generic | fovea-opt | FileCheck %s
// RUN: fovea-opt %s --emit-bytecode | fovea-opt | FileCheck %s

!q = tensor<2x6x?x48xf32>
!k = tensor<2x2x?x48xf32>

// CHECK-LABEL: func @values(
// CHECK: attn.attention %{{.*}}, %{{.*}}, %{{.*}} additive(%{{.*}}) scale 5.000000e-01 : (tensor<2x6x?x48xf32>, tensor<2x2x?x48xf32>, tensor<2x2x?x48xf32>, tensor<6x48xf32>)
func.func @values(%q: !q, %k: !k, %w: tensor<6x48xf32>) -> !q {
  %o = attn.attention %q, %k, %k additive(%w) scale 0.5 : (!q, !k, !k, tensor<6x48xf32>) -> !q
  return %o : !q
}

// CHECK-LABEL: func @buffers(
// CHECK: attn.attention {{.*}} q_offset %{{.*}} outs(%{{.*}}) query_rope(%{{.*}}, %{{.*}}) key_rope(%{{.*}}, %{{.*}}) additive(%{{.*}}) weights <pointwise> mask
func.func @buffers(%q: memref<2x6x?x48xf32>, %w: memref<?x48xf32>, %o: memref<2x6x?x48xf32>, %cos: memref<?x8xf32>, %past: index) {
  attn.attention %q, %q, %q q_offset %past outs(%o) query_rope(%cos, %cos) key_rope(%cos, %cos) additive(%w) weights <pointwise>
    mask (%b, %h, %i, %j) {
      %seen = arith.cmpi sge, %i, %j : index
      attn.yield %seen : i1
    } : (memref<2x6x?x48xf32>, memref<2x6x?x48xf32>, memref<2x6x?x48xf32>, index, memref<2x6x?x48xf32>, memref<?x8xf32>, memref<?x8xf32>,
         memref<?x8xf32>, memref<?x8xf32>, memref<?x48xf32>) -> ()
  return
}

// CHECK-LABEL: func @tiles(
// CHECK: attn.update {{.*}} valid(%{{.*}}, %{{.*}}) additive %{{.*}} : memref<?x48xf32> scale 1.000000e+00 :
func.func @tiles(%q: memref<2x6x?x48xf32>, %w: memref<?x48xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %tq = attn.load_tile %q[%b, %h, %t] valid %n : memref<2x6x?x48xf32> -> !attn.tile<query, 32x48xf32>
    %tk = attn.load_tile %q[%b, %h, %t] valid %n : memref<2x6x?x48xf32> -> !attn.tile<key, 64x48xf32>
    %tv = attn.load_tile %q[%b, %h, %t] valid %n : memref<2x6x?x48xf32> -> !attn.tile<value, 64x48xf32>
    %s = attn.init_state : !attn.state<32x48xf32>
    %next = attn.update %s, %tq, %tk, %tv at (%b, %h, %t, %n) valid (%n, %n) additive %w : memref<?x48xf32> scale 1.0
      : !attn.state<32x48xf32>, !attn.tile<query, 32x48xf32>, !attn.tile<key, 64x48xf32>, !attn.tile<value, 64x48xf32>
  }
  return
}
