// RUN: fovea-opt %s --canonicalize | FileCheck %s

!t = tensor<2x4x8x16xf32>

// CHECK-LABEL: func @true_mask
// CHECK-NOT: mask
func.func @true_mask(%q: !t) -> !t {
  %o = attn.attention %q, %q, %q mask (%b, %h, %i, %j) {
    %true = arith.constant true
    attn.yield %true : i1
  } : (!t, !t, !t) -> !t
  return %o : !t
}

// Other folds find it first.
// CHECK-LABEL: func @mask_that_folds_to_true
// CHECK-NOT: mask (
func.func @mask_that_folds_to_true(%q: !t) -> !t {
  %o = attn.attention %q, %q, %q mask (%b, %h, %i, %j) {
    %same = arith.cmpi sge, %i, %i : index
    attn.yield %same : i1
  } : (!t, !t, !t) -> !t
  return %o : !t
}

// CHECK-LABEL: func @identity_score
// CHECK-NOT: score (
func.func @identity_score(%q: !t) -> !t {
  %o = attn.attention %q, %q, %q score (%s, %b, %h, %i, %j) {
    attn.yield %s : f32
  } : (!t, !t, !t) -> !t
  return %o : !t
}

// CHECK-LABEL: func @one_of_two
// CHECK: attn.attention %{{.*}}, %{{.*}}, %{{.*}} mask (
// CHECK-NOT: score
func.func @one_of_two(%q: !t) -> !t {
  %o = attn.attention %q, %q, %q score (%s, %b, %h, %i, %j) {
    attn.yield %s : f32
  } mask (%b, %h, %i, %j) {
    %causal = arith.cmpi sge, %i, %j : index
    attn.yield %causal : i1
  } : (!t, !t, !t) -> !t
  return %o : !t
}

// It hides every key: all rows are 0.
// CHECK-LABEL: func @negative_false_mask
// CHECK: mask (
func.func @negative_false_mask(%q: !t) -> !t {
  %o = attn.attention %q, %q, %q mask (%b, %h, %i, %j) {
    %false = arith.constant false
    attn.yield %false : i1
  } : (!t, !t, !t) -> !t
  return %o : !t
}

// CHECK-LABEL: func @negative_captured_mask
// CHECK: mask (
func.func @negative_captured_mask(%q: !t, %visible: i1) -> !t {
  %o = attn.attention %q, %q, %q mask (%b, %h, %i, %j) {
    attn.yield %visible : i1
  } : (!t, !t, !t) -> !t
  return %o : !t
}

// CHECK-LABEL: func @negative_constant_score
// CHECK: score (
func.func @negative_constant_score(%q: !t) -> !t {
  %one = arith.constant 1.0 : f32
  %o = attn.attention %q, %q, %q score (%s, %b, %h, %i, %j) {
    attn.yield %one : f32
  } : (!t, !t, !t) -> !t
  return %o : !t
}

// A summary that is stored is where it is stored; one that nobody asks is dead.
// CHECK-LABEL: func @stored_summary
// CHECK-SAME: (%{{.*}}: memref<?xi1>, %[[TABLE:.*]]: memref<?xindex, strided<[1]>>)
// CHECK-NEXT: return %[[TABLE]]
func.func @stored_summary(%a: memref<?xi1>, %table: memref<?xindex, strided<[1]>>) -> memref<?xindex, strided<[1]>> {
  %unused = attn.summary range of %a dims [0] grains [8] : memref<?xi1>
  %s = attn.summary range of %a dims [0] grains [8] stored %table : memref<?xi1>, memref<?xindex, strided<[1]>>
  return %s : memref<?xindex, strided<[1]>>
}

// CHECK-LABEL: func @all_near
// CHECK-SAME: %[[Q:[a-z0-9]+]]: tensor<2x4x8x16xf32>, %[[COS:[a-z0-9]+]]: tensor<?x8xf32>, %[[FAR:[a-z0-9]+]]: tensor<?x8xf32>
// CHECK: attn.attention %[[Q]], %[[Q]], %[[Q]] query_rope(%[[COS]], %[[COS]]) : (
func.func @all_near(%q: !t, %cos: tensor<?x8xf32>, %far: tensor<?x8xf32>) -> !t {
  %o = attn.attention %q, %q, %q query_rope(%cos, %cos) far_key_rope(%far, %far) far (%b, %h, %i, %j) {
    %false = arith.constant false
    attn.yield %false : i1
  } : (!t, !t, !t, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) -> !t
  return %o : !t
}

// CHECK-LABEL: func @all_far
// CHECK-SAME: %[[Q:[a-z0-9]+]]: tensor<2x4x8x16xf32>, %[[COS:[a-z0-9]+]]: tensor<?x8xf32>, %[[FAR:[a-z0-9]+]]: tensor<?x8xf32>
// CHECK: attn.attention %[[Q]], %[[Q]], %[[Q]] key_rope(%[[FAR]], %[[FAR]]) : (
func.func @all_far(%q: !t, %cos: tensor<?x8xf32>, %far: tensor<?x8xf32>) -> !t {
  %o = attn.attention %q, %q, %q query_rope(%cos, %cos) far_key_rope(%far, %far) far (%b, %h, %i, %j) {
    %true = arith.constant true
    attn.yield %true : i1
  } : (!t, !t, !t, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) -> !t
  return %o : !t
}
