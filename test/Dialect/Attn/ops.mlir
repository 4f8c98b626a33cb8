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

// 16-bit floats, and outputs in f32.
// CHECK-LABEL: func @halves
// CHECK: -> tensor<2x4x?x64xbf16>
// CHECK: -> (tensor<2x4x?x64xf32>, tensor<2x4x?xf32>)
func.func @halves(%a: tensor<2x4x?x64xbf16>, %b: tensor<2x4x?x64xf16>) -> (tensor<2x4x?x64xbf16>, tensor<2x4x?x64xf32>, tensor<2x4x?xf32>) {
  %o = attn.attention %a, %a, %a : (tensor<2x4x?x64xbf16>, tensor<2x4x?x64xbf16>, tensor<2x4x?x64xbf16>) -> tensor<2x4x?x64xbf16>
  %p:2 = attn.attention %b, %b, %b : (tensor<2x4x?x64xf16>, tensor<2x4x?x64xf16>, tensor<2x4x?x64xf16>) -> (tensor<2x4x?x64xf32>, tensor<2x4x?xf32>)
  return %o, %p#0, %p#1 : tensor<2x4x?x64xbf16>, tensor<2x4x?x64xf32>, tensor<2x4x?xf32>
}

// Every optional part, grouped heads, captured scalar and tensor, log-sum-exp.
// CHECK-LABEL: func @everything
// CHECK: attn.attention %{{.*}}, %{{.*}}, %{{.*}} q_offset %{{.*}} scale 1.250000e-01 layout <bnhd> schedule <query_tile = 64, key_block = 128, lanes = 8, panel = 16, micro_keys = 4> score (%[[S:.*]], %{{.*}}, %[[H:.*]], %{{.*}}, %{{.*}}) {
// CHECK: tensor.extract %{{.*}}[%[[H]]] : tensor<32xf32>
// CHECK: attn.yield %{{.*}} : f32
// CHECK: } mask (%{{.*}}, %{{.*}}, %[[I:.*]], %[[J:.*]]) {
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

// Names and dimensions of arguments and results.
// CHECK-LABEL: func @named
// CHECK-SAME: {attn.dims = ["B", "H", "N", ""], attn.name = "x"}
// CHECK-SAME: {attn.dims = [], attn.name = "factor"}
// CHECK-SAME: {attn.name = "y"}
func.func @named(%q: tensor<2x4x?x64xf32> {attn.name = "x", attn.dims = ["B", "H", "N", ""]},
                 %f: tensor<f32> {attn.name = "factor", attn.dims = []}) -> (tensor<2x4x?x64xf32> {attn.name = "y"}) {
  return %q : tensor<2x4x?x64xf32>
}

// The tile level.
#schedule = #attn.schedule<query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4>

// CHECK-LABEL: func @tiles
// CHECK: attn.task (%[[B:.*]], %[[H:.*]], %[[T:.*]]) in (%{{.*}}, %{{.*}}, %{{.*}}) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
// CHECK: %{{.*}}, %{{.*}}, %{{.*}}, %[[FULL:.*]] = attn.tile_bounds(%[[B]], %[[H]]) rows(%{{.*}} to %{{.*}}) keys(%{{.*}} to %{{.*}} step 64) mask (%{{.*}}, %{{.*}}, %[[I:.*]], %[[J:.*]]) {
// CHECK-NEXT: arith.cmpi sge, %[[I]], %[[J]] : index
// CHECK: attn.load_tile %{{.*}}[%[[B]], %[[H]], %{{.*}}] valid %{{.*}} : memref<2x4x?x64xf32> -> <query, 32x64xf32>
// CHECK: %[[S:.*]] = attn.init_state : <32x48xf32>
// CHECK: attn.update %[[S]], %{{.*}}, %{{.*}}, %{{.*}} at(%[[B]], %[[H]], %{{.*}}, %{{.*}}) valid(%{{.*}}, %{{.*}}) scale 1.250000e-01 : <32x48xf32>, <query, 32x64xf32>, <key, 64x64xf32>, <value, 64x48xf32>
// CHECK: attn.update %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} at(%[[B]], %[[H]], %{{.*}}, %{{.*}}) valid(%{{.*}}, %{{.*}}) full %[[FULL]] scale 1.250000e-01 score (%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}) {
// CHECK: } mask (%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}) {
// CHECK: } : <32x48xf32>, <query, 32x64xf32>, <key, 64x64xf32>, <value, 64x48xf32>
// CHECK: attn.finalize %{{.*}} into %{{.*}}[%[[B]], %[[H]], %{{.*}}] valid %{{.*}} : <32x48xf32>, memref<2x4x?x48xf32>
// CHECK: attn.finalize %{{.*}} into %{{.*}}[%[[B]], %[[H]], %{{.*}}] valid %{{.*}} lse %{{.*}} : <32x48xf32>, memref<2x4x?x48xf32>, memref<2x4x?xf32>
func.func @tiles(%q: memref<2x4x?x64xf32>, %k: memref<2x4x?x64xf32>, %v: memref<2x4x?x48xf32>, %o: memref<2x4x?x48xf32>,
                 %lse: memref<2x4x?xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %begin, %end, %visited, %full = attn.tile_bounds (%b, %h) rows (%t to %n) keys (%t to %n step 64) mask (%mb, %mh, %i, %j) {
      %causal = arith.cmpi sge, %i, %j : index
      attn.yield %causal : i1
    }
    %tq = attn.load_tile %q[%b, %h, %t] valid %n : memref<2x4x?x64xf32> -> !attn.tile<query, 32x64xf32>
    %tk = attn.load_tile %k[%b, %h, %t] valid %n : memref<2x4x?x64xf32> -> !attn.tile<key, 64x64xf32>
    %tv = attn.load_tile %v[%b, %h, %t] valid %n : memref<2x4x?x48xf32> -> !attn.tile<value, 64x48xf32>
    %s = attn.init_state : !attn.state<32x48xf32>
    %s1 = attn.update %s, %tq, %tk, %tv at (%b, %h, %t, %begin) valid (%n, %n) scale 0.125
      : !attn.state<32x48xf32>, !attn.tile<query, 32x64xf32>, !attn.tile<key, 64x64xf32>, !attn.tile<value, 64x48xf32>
    %s2 = attn.update %s1, %tq, %tk, %tv at (%b, %h, %t, %end) valid (%n, %n) full %full scale 0.125
      score (%x, %sb, %sh, %i, %j) {
        %y = math.tanh %x : f32
        attn.yield %y : f32
      }
      mask (%mb, %mh, %i, %j) {
        %causal = arith.cmpi sge, %i, %j : index
        attn.yield %causal : i1
      } : !attn.state<32x48xf32>, !attn.tile<query, 32x64xf32>, !attn.tile<key, 64x64xf32>, !attn.tile<value, 64x48xf32>
    attn.finalize %s2 into %o[%b, %h, %t] valid %n : !attn.state<32x48xf32>, memref<2x4x?x48xf32>
    %s3 = attn.init_state : !attn.state<32x48xf32>
    attn.finalize %s3 into %o[%b, %h, %t] valid %n lse %lse : !attn.state<32x48xf32>, memref<2x4x?x48xf32>, memref<2x4x?xf32>
  }
  return
}

// CHECK-LABEL: func @summaries
// CHECK: %[[TABLE:.*]] = attn.summary range of %{{.*}} dims [1] grains [8] : memref<?x?xi32, strided<[?, ?], offset: ?>>
// CHECK: attn.summary count of %{{.*}} dims [0, 1] grains [8, 1] stored %[[TABLE]] : memref<?x?xi32, strided<[?, ?], offset: ?>>, memref<?x?xindex, strided<[?, 1]>>
// CHECK: return %{{.*}}, %{{.*}} : memref<?x?xindex, strided<[?, 1]>>, memref<?x?xindex, strided<[?, 1]>>
func.func @summaries(%doc: memref<?x?xi32, strided<[?, ?], offset: ?>> {attn.sorted}, %bias: memref<4xf16> {attn.mask_bias})
    -> (memref<?x?xindex, strided<[?, 1]>>, memref<?x?xindex, strided<[?, 1]>>) {
  %s = attn.summary range of %doc dims [1] grains [8] : memref<?x?xi32, strided<[?, ?], offset: ?>>
  %t = attn.summary count of %doc dims [0, 1] grains [8, 1] stored %s
    : memref<?x?xi32, strided<[?, ?], offset: ?>>, memref<?x?xindex, strided<[?, 1]>>
  return %s, %t : memref<?x?xindex, strided<[?, 1]>>, memref<?x?xindex, strided<[?, 1]>>
}

// A state has one use on each path: branches may each use it.
// CHECK-LABEL: func @branches
func.func @branches(%c: i1, %n: index, %o: memref<2x4x?x48xf32>) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %s = attn.init_state : !attn.state<32x48xf32>
    scf.if %c {
      attn.finalize %s into %o[%b, %h, %t] valid %n : !attn.state<32x48xf32>, memref<2x4x?x48xf32>
    } else {
      attn.finalize %s into %o[%b, %h, %n] valid %n : !attn.state<32x48xf32>, memref<2x4x?x48xf32>
    }
  }
  return
}

// Types and attributes by themselves.
// CHECK-LABEL: func private @types(!attn.tile<value, 256x128xf32>, !attn.state<128x64xf32>)
// CHECK-SAME: attributes {a = #attn.schedule<query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4>, b = #attn.layout<bnhd>}
func.func private @types(!attn.tile<value, 256x128xf32>, !attn.state<128x64xf32>) attributes {a = #schedule, b = #attn.layout<bnhd>}

// CHECK-LABEL: func @pointwise
// CHECK: attn.attention %{{.*}}, %{{.*}}, %{{.*}} weights <pointwise> scale 1.000000e+00 :
func.func @pointwise(%q: tensor<2x4x?x64xf32>) -> tensor<2x4x?x64xf32> {
  %o = attn.attention %q, %q, %q weights <pointwise> scale 1.0 : (tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>) -> tensor<2x4x?x64xf32>
  return %o : tensor<2x4x?x64xf32>
}
