// RUN: fovea-opt %s | FileCheck %s
// RUN: fovea-opt %s | fovea-opt | FileCheck %s
// RUN: fovea-opt %s --mlir-print-op-generic | fovea-opt | FileCheck %s
// RUN: fovea-opt %s --emit-bytecode | fovea-opt | FileCheck %s

// CHECK-LABEL: func @plain
// CHECK: attn.linear_attention %{{.*}}, %{{.*}}, %{{.*}} : (tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<2x4x?x32xf32>) -> tensor<2x4x?x32xf32>
func.func @plain(%q: tensor<2x4x?x64xf32>, %v: tensor<2x4x?x32xf32>) -> tensor<2x4x?x32xf32> {
  %o = attn.linear_attention %q, %q, %v : (tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<2x4x?x32xf32>) -> tensor<2x4x?x32xf32>
  return %o : tensor<2x4x?x32xf32>
}

// Every optional part, grouped heads, a captured scalar, the final state with the column for z.
// CHECK-LABEL: func @everything
// CHECK: attn.linear_attention %{{.*}}, %{{.*}}, %{{.*}} decay %{{.*}} initial_state %{{.*}} normalizer <qz> epsilon 1.000000e-03 layout <bnhd> schedule <query_tile = 32, key_block = 32, lanes = 8, panel = 16, micro_keys = 4> feature (%[[X:.*]]) {
// CHECK: arith.mulf %[[X]], %{{.*}} : f32
// CHECK: attn.yield %{{.*}} : f32
func.func @everything(%q: tensor<?x?x32x64xf32>, %k: tensor<?x?x8x64xf32>, %v: tensor<?x?x8x32xf32>, %g: tensor<?x?x8x64xf32>,
                      %s: tensor<?x8x64x33xf32>, %c: f32) -> (tensor<?x?x32x32xf32>, tensor<?x8x64x33xf32>) {
  %o:2 = attn.linear_attention %q, %k, %v decay %g initial_state %s direction <causal> normalizer <qz> epsilon 1.0e-3 scale 1.0 layout <bnhd>
    schedule <query_tile = 32, key_block = 32, lanes = 8, panel = 16, micro_keys = 4>
    feature (%x) {
      %phi = arith.mulf %x, %c : f32
      attn.yield %phi : f32
    } : (tensor<?x?x32x64xf32>, tensor<?x?x8x64xf32>, tensor<?x?x8x32xf32>, tensor<?x?x8x64xf32>, tensor<?x8x64x33xf32>)
      -> (tensor<?x?x32x32xf32>, tensor<?x8x64x33xf32>)
  return %o#0, %o#1 : tensor<?x?x32x32xf32>, tensor<?x8x64x33xf32>
}

// CHECK-LABEL: func @memrefs
// CHECK: attn.linear_attention %{{.*}}, %{{.*}}, %{{.*}} decay %{{.*}} outs(%{{.*}}, %{{.*}}) scale 1.250000e-01 :
func.func @memrefs(%q: memref<2x4x?x64xf32>, %g: memref<4xf32>, %o: memref<2x4x?x64xf32>, %s: memref<2x4x64x64xf32>) {
  attn.linear_attention %q, %q, %q decay %g outs(%o, %s) scale 0.125
    : (memref<2x4x?x64xf32>, memref<2x4x?x64xf32>, memref<2x4x?x64xf32>, memref<4xf32>, memref<2x4x?x64xf32>, memref<2x4x64x64xf32>) -> ()
  return
}

// The delta rule, its norm, a form.
// CHECK-LABEL: func @delta
// CHECK: attn.linear_attention %{{.*}}, %{{.*}}, %{{.*}} decay %{{.*}} beta %{{.*}} rule <delta> normalizer <norm> form <recurrent> :
func.func @delta(%q: tensor<2x4x1x64xf32>, %g: tensor<4xf32>, %beta: tensor<2x4x1xf32>) -> tensor<2x4x1x64xf32> {
  %o = attn.linear_attention %q, %q, %q decay %g beta %beta rule <delta> normalizer <norm> form <recurrent>
    : (tensor<2x4x1x64xf32>, tensor<2x4x1x64xf32>, tensor<2x4x1x64xf32>, tensor<4xf32>, tensor<2x4x1xf32>) -> tensor<2x4x1x64xf32>
  return %o : tensor<2x4x1x64xf32>
}

// Queries and keys of other numbers.
// CHECK-LABEL: func @full
// CHECK: attn.linear_attention {{.*}} direction <full> :
func.func @full(%q: tensor<2x4x3x64xf32>, %k: tensor<2x4x9x64xf32>) -> tensor<2x4x3x64xf32> {
  %o = attn.linear_attention %q, %k, %k direction <full> : (tensor<2x4x3x64xf32>, tensor<2x4x9x64xf32>, tensor<2x4x9x64xf32>) -> tensor<2x4x3x64xf32>
  return %o : tensor<2x4x3x64xf32>
}

// The tile level: keys and queries together, keys alone, queries alone.
// CHECK-LABEL: func @tiles
// CHECK: %[[S0:.*]] = attn.init_linear_state(%{{.*}}, %{{.*}}) from %{{.*}} : <64x32xf32>, memref<2x4x64x33xf32>
// CHECK: %[[S1:.*]] = attn.linear_chunk %[[S0]] at(%{{.*}}, %{{.*}}, %{{.*}}) valid %{{.*}} keys %{{.*}}, %{{.*}} decay %{{.*}} queries %{{.*}} group %{{.*}} into %{{.*}} normalizer <qz> epsilon {{[^ ]*}} scale 1.000000e+00 feature (%[[X:.*]]) {
// CHECK: attn.linear_chunk %[[S1]] {{.*}} keys %{{.*}}, %{{.*}} normalizer <none>
// CHECK: attn.linear_chunk %{{.*}} valid %{{.*}} queries %{{.*}} group %{{.*}} into %{{.*}} normalizer <none>
// CHECK: attn.store_linear_state %{{.*}} into %{{.*}}[%{{.*}}, %{{.*}}] : <64x32xf32>, memref<2x4x64x32xf32>
func.func @tiles(%q: memref<2x4x?x64xf32>, %v: memref<2x4x?x32xf32>, %g: memref<2x4x?xf32>, %o: memref<2x4x?x32xf32>,
                 %in: memref<2x4x64x33xf32>, %out: memref<2x4x64x32xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 32, lanes = 8, panel = 16, micro_keys = 4> {
    %s0 = attn.init_linear_state(%b, %h) from %in : !attn.linear_state<64x32xf32>, memref<2x4x64x33xf32>
    %s1 = attn.linear_chunk %s0 at(%b, %h, %t) valid %n keys %q, %v decay %g queries %q group %n into %o normalizer <qz> epsilon 1.0e-6 scale 1.0
      feature (%x) {
        %phi = math.exp %x : f32
        attn.yield %phi : f32
      } : (!attn.linear_state<64x32xf32>, index, index, index, index, memref<2x4x?x64xf32>, memref<2x4x?x32xf32>, memref<2x4x?xf32>,
           memref<2x4x?x64xf32>, index, memref<2x4x?x32xf32>) -> !attn.linear_state<64x32xf32>
    %s2 = attn.linear_chunk %s1 at(%b, %h, %t) valid %n keys %q, %v normalizer <none> epsilon 1.0e-6 scale 1.0
      : (!attn.linear_state<64x32xf32>, index, index, index, index, memref<2x4x?x64xf32>, memref<2x4x?x32xf32>) -> !attn.linear_state<64x32xf32>
    %s3 = attn.linear_chunk %s2 at(%b, %h, %t) valid %n queries %q group %n into %o normalizer <none> epsilon 1.0e-6 scale 1.0
      : (!attn.linear_state<64x32xf32>, index, index, index, index, memref<2x4x?x64xf32>, index, memref<2x4x?x32xf32>) -> !attn.linear_state<64x32xf32>
    attn.store_linear_state %s3 into %out[%b, %h] : !attn.linear_state<64x32xf32>, memref<2x4x64x32xf32>
  }
  return
}
