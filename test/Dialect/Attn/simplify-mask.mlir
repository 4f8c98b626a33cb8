// RUN: fovea-opt %s --attn-simplify-mask --split-input-file | FileCheck %s
// RUN: fovea-opt %s --attn-simplify-mask --split-input-file --remarks-filter=attn --remark-format=emitRemark 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

!t = tensor<2x4x64x16xf32>
!one = tensor<2x4x1x16xf32>

// A window wider than the sequence.
// REMARK: simplify-mask.mlir:[[#@LINE+5]]:{{.*}} remark: [Passed] MaskDropped | {{.*}}the mask hides nothing
// CHECK-LABEL: func @wide_window
// CHECK: attn.attention %{{.*}}, %{{.*}}, %{{.*}} :
// CHECK-NOT: arith
func.func @wide_window(%q: !t) -> !t {
  %o = attn.attention %q, %q, %q mask (%b, %h, %i, %j) {
    %c100 = arith.constant 100 : index
    %age = arith.subi %i, %j : index
    %near = arith.cmpi slt, %age, %c100 : index
    attn.yield %near : i1
  } : (!t, !t, !t) -> !t
  return %o : !t
}

// -----

// One new row behind all keys: causal hides nothing.
!t = tensor<2x4x64x16xf32>
!one = tensor<2x4x1x16xf32>
// REMARK: MaskDropped
// CHECK-LABEL: func @causal_decode
// CHECK-NOT: mask
func.func @causal_decode(%q: !one, %k: !t) -> !one {
  %past = arith.constant 63 : index
  %o = attn.attention %q, %k, %k q_offset %past mask (%b, %h, %i, %j) {
    %causal = arith.cmpi sge, %i, %j : index
    attn.yield %causal : i1
  } : (!one, !t, !t, index) -> !one
  return %o : !one
}

// -----

// Half of a conjunction is a tautology here, for run-time heads and sequences too.
!t = tensor<?x?x64x16xf32>
// REMARK: simplify-mask.mlir:[[#@LINE+11]]:{{.*}} remark: [Passed] ComparisonDropped | {{.*}}always true for these shapes
// REMARK: [Passed] EveryRowSeesAKey | {{.*}}the key at its own position
// CHECK-LABEL: func @half
// CHECK: %[[CAUSAL:.*]] = arith.cmpi sge
// CHECK: %[[TRUE:.*]] = arith.constant true
// CHECK-NOT: arith.cmpi
// CHECK: arith.andi %[[CAUSAL]], %[[TRUE]]
func.func @half(%q: !t) -> !t {
  %o = attn.attention %q, %q, %q mask (%b, %h, %i, %j) {
    %c64 = arith.constant 64 : index
    %causal = arith.cmpi sge, %i, %j : index
    %inside = arith.cmpi slt, %j, %c64 : index
    %keep = arith.andi %causal, %inside : i1
    attn.yield %keep : i1
  } : (!t, !t, !t) -> !t
  return %o : !t
}

// -----

// What is proven may depend on a symbol.
!t = tensor<2x4x64x16xf32>
// REMARK: [Analysis] EveryRowSeesAKey | {{.*}}the key at its own position, if window > 0
// CHECK-LABEL: func @window
// CHECK: arith.cmpi slt
func.func @window(%q: !t, %window: index {attn.name = "window"}) -> !t {
  %o = attn.attention %q, %q, %q mask (%b, %h, %i, %j) {
    %causal = arith.cmpi sge, %i, %j : index
    %age = arith.subi %i, %j : index
    %near = arith.cmpi slt, %age, %window : index
    %keep = arith.andi %causal, %near : i1
    attn.yield %keep : i1
  } : (!t, !t, !t) -> !t
  return %o : !t
}

// -----

// Sizes are unknown, so positions could be anything: nothing is dropped.
!t = tensor<?x?x?x16xf32>
// REMARK-NOT: Dropped
// CHECK-LABEL: func @negative_dynamic
// CHECK: arith.cmpi slt
func.func @negative_dynamic(%q: !t) -> !t {
  %o = attn.attention %q, %q, %q mask (%b, %h, %i, %j) {
    %c100 = arith.constant 100 : index
    %age = arith.subi %i, %j : index
    %near = arith.cmpi slt, %age, %c100 : index
    attn.yield %near : i1
  } : (!t, !t, !t) -> !t
  return %o : !t
}

// -----

// Rows before the first key see nothing, and no witness says otherwise.
!t = tensor<2x4x64x16xf32>
// REMARK: [Missed] EveryRowSeesAKey | {{.*}}not proven; a row that sees none gives 0 and log-sum-exp -inf
// CHECK-LABEL: func @strictly_causal
func.func @strictly_causal(%q: !t) -> !t {
  %o = attn.attention %q, %q, %q mask (%b, %h, %i, %j) {
    %causal = arith.cmpi sgt, %i, %j : index
    attn.yield %causal : i1
  } : (!t, !t, !t) -> !t
  return %o : !t
}

// -----

!t = tensor<2x4x64x16xf32>
// REMARK: [Analysis] MaskHidesAll | {{.*}}no row sees a key
// REMARK: [Passed] ComparisonDropped | {{.*}}always false
// CHECK-LABEL: func @nothing
// CHECK: mask (
func.func @nothing(%q: !t) -> !t {
  %o = attn.attention %q, %q, %q mask (%b, %h, %i, %j) {
    %c64 = arith.constant 64 : index
    %behind = arith.cmpi sge, %j, %c64 : index
    attn.yield %behind : i1
  } : (!t, !t, !t) -> !t
  return %o : !t
}

// -----

// Captured tensors: one per head, one per position, one shifted out on one side, one far away.
!t = tensor<2x4x64x16xf32>
// REMARK: [Passed] IndexInBounds | {{.*}}for every sequence, head, row and key
// REMARK: [Passed] IndexInBounds
// REMARK: [Missed] IndexInBounds | {{.*}}not proven; outside the tensor it reads 0
// REMARK: [Failure] IndexInBounds | {{.*}}always outside the tensor: it reads 0
// CHECK-LABEL: func @captured
func.func @captured(%q: !t, %slopes: tensor<4xf32>, %bias: tensor<64x64xf32>) -> !t {
  %o = attn.attention %q, %q, %q score (%s, %b, %h, %i, %j) {
    %c1 = arith.constant 1 : index
    %c64 = arith.constant 64 : index
    %slope = tensor.extract %slopes[%h] : tensor<4xf32>
    %at = tensor.extract %bias[%i, %j] : tensor<64x64xf32>
    %next = arith.addi %j, %c1 : index
    %shifted = tensor.extract %bias[%i, %next] : tensor<64x64xf32>
    %far = arith.addi %j, %c64 : index
    %outside = tensor.extract %bias[%i, %far] : tensor<64x64xf32>
    %s1 = arith.mulf %s, %slope : f32
    %s2 = arith.addf %s1, %at : f32
    %s3 = arith.addf %s2, %shifted : f32
    %s4 = arith.addf %s3, %outside : f32
    attn.yield %s4 : f32
  } : (!t, !t, !t) -> !t
  return %o : !t
}

// -----

// Sizes known at run time only: nothing is proven about the index.
// REMARK: [Missed] IndexInBounds
// CHECK-LABEL: func @negative_run_time_bias
func.func @negative_run_time_bias(%q: tensor<?x4x?x16xf32>, %bias: tensor<?x?xf32>) -> tensor<?x4x?x16xf32> {
  %o = attn.attention %q, %q, %q score (%s, %b, %h, %i, %j) {
    %at = tensor.extract %bias[%i, %j] : tensor<?x?xf32>
    %t = arith.addf %s, %at : f32
    attn.yield %t : f32
  } : (tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>, tensor<?x4x?x16xf32>) -> tensor<?x4x?x16xf32>
  return %o : tensor<?x4x?x16xf32>
}

// -----

// A window of two rotations wider than the sequence; canonicalization drops the far one.
!t = tensor<2x4x64x16xf32>
// REMARK: remark: [Passed] ComparisonDropped | {{.*}}always false for these shapes
// CHECK-LABEL: func @all_near
// CHECK: far (
// CHECK: %[[FALSE:.*]] = arith.constant false
// CHECK: attn.yield %[[FALSE]]
func.func @all_near(%q: !t) -> !t {
  %o = attn.attention %q, %q, %q far (%b, %h, %i, %j) {
    %c100 = arith.constant 100 : index
    %ahead = arith.subi %i, %j : index
    %far = arith.cmpi sge, %ahead, %c100 : index
    attn.yield %far : i1
  } : (!t, !t, !t) -> !t
  return %o : !t
}
