// RUN: fovea-opt %s --attn-bias-to-mask --split-input-file --verify-diagnostics | FileCheck %s

// The mark becomes a mask; the score still adds the bias.
// CHECK-LABEL: func @new_mask
// CHECK-SAME: %[[BIAS:[^:]*]]: tensor<?x?xf32>)
// CHECK: score (%[[S:.*]], %{{.*}}, %{{.*}}, %[[SI:.*]], %[[SJ:.*]]) {
// CHECK: tensor.extract %[[BIAS]][%[[SI]], %[[SJ]]]
// CHECK: arith.addf
// CHECK: } mask (%{{.*}}, %{{.*}}, %[[I:.*]], %[[J:.*]]) {
// CHECK: %[[TRUE:.*]] = arith.constant true
// CHECK: %[[X:.*]] = tensor.extract %[[BIAS]][%[[I]], %[[J]]] : tensor<?x?xf32>
// CHECK: %[[INF:.*]] = arith.constant 0xFF800000 : f32
// CHECK: %[[SHOWN:.*]] = arith.cmpf ogt, %[[X]], %[[INF]] : f32
// CHECK: %[[KEEP:.*]] = arith.andi %[[TRUE]], %[[SHOWN]] : i1
// CHECK: attn.yield %[[KEEP]] : i1
func.func @new_mask(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>, %bias: tensor<?x?xf32> {attn.mask_bias}) -> tensor<?x8x?x64xf32> {
  %o = attn.attention %q, %k, %v score (%s, %b, %h, %i, %j) {
      %x = tensor.extract %bias[%i, %j] : tensor<?x?xf32>
      %t = arith.addf %s, %x : f32
      attn.yield %t : f32
    } : (tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32>) -> tensor<?x8x?x64xf32>
  return %o : tensor<?x8x?x64xf32>
}

// -----

// Beside a mask; deep in a sum, of half precision, with code around the index, with a name that stays.
// CHECK-LABEL: func @and_mask
// CHECK-SAME: tensor<?x?x?x?xf16> {attn.name = "bias"}
// CHECK: mask (%[[B:.*]], %[[H:.*]], %[[I:.*]], %[[J:.*]]) {
// CHECK: %[[CAUSAL:.*]] = arith.cmpi sge, %[[I]], %[[J]]
// CHECK: %[[C4:.*]] = arith.constant 4 : index
// CHECK: %[[GROUP:.*]] = arith.divui %[[H]], %[[C4]]
// CHECK: tensor.extract %{{.*}}[%[[B]], %[[GROUP]], %[[I]], %[[J]]] : tensor<?x?x?x?xf16>
// CHECK: arith.constant 0xFC00 : f16
// CHECK: %[[SHOWN:.*]] = arith.cmpf ogt, %{{.*}}, %{{.*}} : f16
// CHECK: arith.andi %[[CAUSAL]], %[[SHOWN]]
func.func @and_mask(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>, %bias: tensor<?x?x?x?xf16> {attn.mask_bias, attn.name = "bias"}, %slope: f32) -> tensor<?x8x?x64xf32> {
  %o = attn.attention %q, %k, %v score (%s, %b, %h, %i, %j) {
      %c4 = arith.constant 4 : index
      %group = arith.divui %h, %c4 : index
      %x = tensor.extract %bias[%b, %group, %i, %j] : tensor<?x?x?x?xf16>
      %wide = arith.extf %x : f16 to f32
      %sum = arith.addf %wide, %slope : f32
      %t = arith.addf %s, %sum : f32
      attn.yield %t : f32
    } mask (%b, %h, %i, %j) {
      %causal = arith.cmpi sge, %i, %j : index
      attn.yield %causal : i1
    } : (tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32>) -> tensor<?x8x?x64xf32>
  return %o : tensor<?x8x?x64xf32>
}

// -----

// Without a mark the content may change from layer to layer.
// CHECK-LABEL: func @negative_not_marked
// CHECK-NOT: mask
func.func @negative_not_marked(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>, %bias: tensor<?x?xf32>) -> tensor<?x8x?x64xf32> {
  %o = attn.attention %q, %k, %v score (%s, %b, %h, %i, %j) {
      %x = tensor.extract %bias[%i, %j] : tensor<?x?xf32>
      %t = arith.addf %s, %x : f32
      attn.yield %t : f32
    } : (tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32>) -> tensor<?x8x?x64xf32>
  return %o : tensor<?x8x?x64xf32>
}

// -----

// tanh(-inf) is -1: nothing is hidden. Nor where the score chooses the element.
// CHECK-LABEL: func @negative_not_a_term
// CHECK-NOT: mask (
// CHECK: return
// expected-warning@+2 {{argument 3 is marked attn.mask_bias, but no score adds an element of it, so it hides nothing; let the score region end with arith.addf of such an element}}
// expected-warning@+1 {{argument 4 is marked attn.mask_bias}}
func.func @negative_not_a_term(%q: tensor<?x8x?x64xf32>, %k: tensor<?x2x?x64xf32>, %v: tensor<?x2x?x64xf32>, %bias: tensor<?x?xf32> {attn.mask_bias}, %other: tensor<?xf32> {attn.mask_bias}) -> tensor<?x8x?x64xf32> {
  %o = attn.attention %q, %k, %v score (%s, %b, %h, %i, %j) {
      %x = tensor.extract %bias[%i, %j] : tensor<?x?xf32>
      %sum = arith.addf %s, %x : f32
      %capped = math.tanh %sum : f32
      %i32 = arith.fptosi %s : f32 to i32
      %at = arith.index_cast %i32 : i32 to index
      %y = tensor.extract %other[%at] : tensor<?xf32>
      %t = arith.addf %capped, %y : f32
      attn.yield %t : f32
    } : (tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32>) -> tensor<?x8x?x64xf32>
  return %o : tensor<?x8x?x64xf32>
}
