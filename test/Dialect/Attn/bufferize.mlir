// As in phase 4 of the ladder, and without --attn-kernel-arguments.
// RUN: fovea-opt %s --one-shot-bufferize="bufferize-function-boundaries function-boundary-type-conversion=infer-layout-map" | FileCheck %s

// The value form allocates; sizes that its type leaves open are those of the query.
// CHECK-LABEL: func @value_form(
// CHECK-SAME: %[[Q:[a-z0-9]+]]: memref<?x4x?x16xf32, strided<[?, ?, ?, ?], offset: ?>>
// CHECK-DAG: %[[B:.*]] = memref.dim %[[Q]], %c0
// CHECK-DAG: %[[N:.*]] = memref.dim %[[Q]], %c2
// CHECK: %[[OUT:.*]] = memref.alloc(%[[B]], %[[N]]) {{.*}} : memref<?x4x?x16xf32>
// CHECK: attn.attention %[[Q]], %{{.*}}, %{{.*}} outs(%[[OUT]]) :
// CHECK-NOT: memref.copy
// CHECK: return %[[OUT]]
func.func @value_form(%q: tensor<?x4x?x16xf32>, %k: tensor<?x4x?x16xf32>) -> tensor<?x4x?x16xf32> {
  %o = attn.attention %q, %k, %k : (tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>) -> tensor<?x4x?x16xf32>
  return %o : tensor<?x4x?x16xf32>
}

// The log-sum-exp is [B, Hq, Nq] also where the query is [B, Nq, Hq, D].
// CHECK-LABEL: func @lse(
// CHECK: %[[N:.*]] = memref.dim %[[Q:.*]], %c1
// CHECK: %[[OUT:.*]] = memref.alloc(%[[N]]) {{.*}} : memref<2x?x4x16xf32>
// CHECK: %[[N2:.*]] = memref.dim %[[Q]], %c1
// CHECK: %[[LSE:.*]] = memref.alloc(%[[N2]]) {{.*}} : memref<2x4x?xf32>
// CHECK: attn.attention {{.*}} outs(%[[OUT]], %[[LSE]]) scale 5.000000e-01 layout <bnhd> :
// CHECK: return %[[OUT]], %[[LSE]]
func.func @lse(%q: tensor<2x?x4x16xf32>) -> (tensor<2x?x4x16xf32>, tensor<2x4x?xf32>) {
  %o:2 = attn.attention %q, %q, %q scale 0.5 layout <bnhd>
    : (tensor<2x?x4x16xf32>, tensor<2x?x4x16xf32>, tensor<2x?x4x16xf32>) -> (tensor<2x?x4x16xf32>, tensor<2x4x?xf32>)
  return %o#0, %o#1 : tensor<2x?x4x16xf32>, tensor<2x4x?xf32>
}

// With outs nothing is allocated or copied.
// CHECK-LABEL: func @outs(
// CHECK-SAME: %[[Q:[a-z0-9]+]]: memref{{.*}}, %[[O:[a-z0-9]+]]: memref
// CHECK-NOT: memref.alloc
// CHECK: attn.attention %[[Q]], %[[Q]], %[[Q]] outs(%[[O]]) :
// CHECK-NOT: memref.copy
func.func @outs(%q: tensor<2x4x8x16xf32>, %o: tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32> {
  %r = attn.attention %q, %q, %q outs(%o)
    : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return %r : tensor<2x4x8x16xf32>
}

// An out that is also read gets memory of its own.
// CHECK-LABEL: func @negative_in_place(
// CHECK: %[[OUT:.*]] = memref.alloc
// CHECK: attn.attention %[[Q:.*]], %[[Q]], %[[Q]] outs(%[[OUT]])
func.func @negative_in_place(%q: tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32> {
  %r = attn.attention %q, %q, %q outs(%q)
    : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return %r : tensor<2x4x8x16xf32>
}

// Captured tensors and offsets per sequence.
// CHECK-LABEL: func @captures(
// CHECK-SAME: %[[SLOPES:[a-z0-9]+]]: memref<4xf32, {{[^,]*}}, offset: ?>>, %[[PAST:[a-z0-9]+]]: memref<2xi32
// CHECK: attn.attention {{.*}} q_offset %[[PAST]] outs
// CHECK-SAME: score (%[[S:.*]], %{{.*}}, %[[H:.*]], %{{.*}}, %{{.*}}) {
// CHECK: memref.load %[[SLOPES]][%[[H]]]
// CHECK-NOT: tensor.extract
func.func @captures(%q: tensor<2x4x8x16xf32>, %slopes: tensor<4xf32>, %past: tensor<2xi32>) -> tensor<2x4x8x16xf32> {
  %o = attn.attention %q, %q, %q q_offset %past score (%s, %b, %h, %i, %j) {
    %slope = tensor.extract %slopes[%h] : tensor<4xf32>
    %t = arith.mulf %s, %slope : f32
    attn.yield %t : f32
  } : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2xi32>) -> tensor<2x4x8x16xf32>
  return %o : tensor<2x4x8x16xf32>
}

// A state's open sizes are key's batches and heads, in every layout.
// CHECK-LABEL: func @linear(
// CHECK-SAME: %[[Q:[a-z0-9]+]]: memref<?x?x?x16xf32{{.*}}>, %[[K:[a-z0-9]+]]: memref<?x?x?x16xf32{{.*}}>, %[[G:[a-z0-9]+]]: memref<?xf32
// CHECK-DAG: %[[B:.*]] = memref.dim %[[K]], %c0
// CHECK-DAG: %[[H:.*]] = memref.dim %[[K]], %c2
// CHECK: %[[STATE:.*]] = memref.alloc(%[[B]], %[[H]]) {{.*}}: memref<?x?x16x17xf32>
// CHECK: attn.linear_attention %[[Q]], %[[K]], %[[K]] decay %[[G]] outs(%{{.*}}, %[[STATE]]) normalizer <qz> layout <bnhd> feature (%{{.*}}) {
func.func @linear(%q: tensor<?x?x?x16xf32>, %k: tensor<?x?x?x16xf32>, %g: tensor<?xf32>) -> (tensor<?x?x?x16xf32>, tensor<?x?x16x17xf32>) {
  %o:2 = attn.linear_attention %q, %k, %k decay %g normalizer <qz> layout <bnhd> feature (%x) {
    %phi = math.exp %x : f32
    attn.yield %phi : f32
  } : (tensor<?x?x?x16xf32>, tensor<?x?x?x16xf32>, tensor<?x?x?x16xf32>, tensor<?xf32>) -> (tensor<?x?x?x16xf32>, tensor<?x?x16x17xf32>)
  return %o#0, %o#1 : tensor<?x?x?x16xf32>, tensor<?x?x16x17xf32>
}
