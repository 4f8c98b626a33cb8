// RUN: fovea-opt %s --attn-kernel-arguments --split-input-file --verify-diagnostics | FileCheck %s

// A returned allocation becomes a trailing argument; names come from roles, memrefs have any strides.
// CHECK-LABEL: func @roles(
// CHECK-SAME: %[[Q:[a-z0-9]+]]: memref<2x4x8x16xf32, strided<[?, ?, ?, ?], offset: ?>> {attn.name = "query"}
// CHECK-SAME: %[[K:[a-z0-9]+]]: memref<{{.*}}> {attn.name = "key"}
// CHECK-SAME: %[[V:[a-z0-9]+]]: memref<{{.*}}> {attn.name = "value"}
// CHECK-SAME: %[[PAST:[a-z0-9]+]]: memref<2xi32, {{.*}}> {attn.name = "q_offset"}
// CHECK-SAME: %[[WINDOW:[a-z0-9]+]]: index {attn.name = "arg4"}
// CHECK-SAME: %[[OUT:[a-z0-9]+]]: memref<2x4x8x16xf32, {{.*}}> {attn.name = "out", attn.output}
// CHECK-SAME: %[[LSE:[a-z0-9]+]]: memref<2x4x8xf32, {{.*}}> {attn.name = "lse", attn.output}) {
// CHECK-NOT: memref.alloc
// CHECK: attn.attention %[[Q]], %[[K]], %[[V]] q_offset %[[PAST]] outs(%[[OUT]], %[[LSE]])
// CHECK: return{{$}}
func.func @roles(%q: memref<2x4x8x16xf32>, %k: memref<2x4x8x16xf32>, %v: memref<2x4x8x16xf32>, %past: memref<2xi32>, %window: index)
    -> (memref<2x4x8x16xf32>, memref<2x4x8xf32>) {
  %o = memref.alloc() : memref<2x4x8x16xf32>
  %lse = memref.alloc() : memref<2x4x8xf32>
  attn.attention %q, %k, %v q_offset %past outs(%o, %lse)
    : (memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2xi32>, memref<2x4x8x16xf32>, memref<2x4x8xf32>) -> ()
  return %o, %lse : memref<2x4x8x16xf32>, memref<2x4x8xf32>
}

// A location that is a name gives it.
// CHECK-LABEL: func @located(
// CHECK-SAME: index {attn.name = "window"}
// CHECK-SAME: index {attn.name = "window_"}
func.func @located(%a: index loc("window"), %b: index loc("window"(unknown))) {
  return
}

// Given names stay, those of results too, and are not given again.
// CHECK-LABEL: func @given_names(
// CHECK-SAME: {attn.name = "query_"}
// CHECK-SAME: {attn.dims = ["B", "H", "N", "D"], attn.name = "query"}
// CHECK-SAME: {attn.dims = ["B", "H", "N", "D"], attn.name = "y", attn.output}
func.func @given_names(%q: memref<2x4x8x16xf32>, %k: memref<2x4x8x16xf32> {attn.name = "query", attn.dims = ["B", "H", "N", "D"]})
    -> (memref<2x4x8x16xf32> {attn.name = "y", attn.dims = ["B", "H", "N", "D"], other.attribute}) {
  %o = memref.alloc() : memref<2x4x8x16xf32>
  attn.attention %q, %k, %k outs(%o) : (memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>) -> ()
  return %o : memref<2x4x8x16xf32>
}

// Views follow: none of them may promise strides that the caller does not have.
// CHECK-LABEL: func @views(
// CHECK-NOT: memref.cast
// CHECK: memref.subview {{.*}} to memref<2x4x4x16xf32, strided<[?, ?, ?, ?], offset: ?>>
// CHECK: memref.transpose {{.*}} to memref<2x4x4x16xf32, strided<[?, ?, ?, ?], offset: ?>>
// CHECK: memref.expand_shape {{.*}} into memref<2x4x8x16xf32, strided<[?, ?, ?, ?], offset: ?>>
func.func @views(%q: memref<2x8x4x16xf32>, %k: memref<8x8x16xf32>, %o: memref<2x4x4x16xf32>) {
  %half = memref.subview %q[0, 4, 0, 0] [2, 4, 4, 16] [1, 1, 1, 1]
    : memref<2x8x4x16xf32> to memref<2x4x4x16xf32, strided<[512, 64, 16, 1], offset: 256>>
  %qt = memref.transpose %half (b, n, h, d) -> (b, h, n, d)
    : memref<2x4x4x16xf32, strided<[512, 64, 16, 1], offset: 256>> to memref<2x4x4x16xf32, strided<[512, 16, 64, 1], offset: 256>>
  %ke = memref.expand_shape %k [[0, 1], [2], [3]] output_shape [2, 4, 8, 16] : memref<8x8x16xf32> into memref<2x4x8x16xf32>
  attn.attention %qt, %ke, %ke outs(%o)
    : (memref<2x4x4x16xf32, strided<[512, 16, 64, 1], offset: 256>>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x4x16xf32>) -> ()
  return
}

// CHECK-LABEL: func private @negative_private(%{{.*}}: memref<4xf32>)
func.func private @negative_private(%x: memref<4xf32>) {
  return
}

// CHECK-LABEL: func private @negative_external(memref<4xf32>)
func.func private @negative_external(memref<4xf32>)

// All that can cross the ABI.
// CHECK-LABEL: func @types(
func.func @types(%a: i1, %b: i7, %c: i64, %d: index, %e: f16, %f: bf16, %g: f32, %h: f64, %i: memref<1x1x1x1x1x1xi1>,
                 %j: memref<f32>, %k: memref<?xi8>, %l: memref<?xindex>, %m: memref<?xbf16>, %n: memref<4xf64, strided<[2]>>) {
  return
}

// -----

// expected-error@+1 {{argument 0 of kernel 'f' cannot be 'tensor<4xf32>': it is a tensor; bufferize first (phase 4)}}
func.func @f(%x: tensor<4xf32>) { return }

// -----

// expected-error@+1 {{argument 1 of kernel 'f' cannot be 'vector<4xf32>': kernels take f16, bf16, f32, f64, index and signless integers up to i64}}
func.func @f(%a: index, %x: vector<4xf32>) { return }

// -----

// expected-error@+1 {{argument 0 of kernel 'f' cannot be 'memref<?xcomplex<f32>>': kernels take}}
func.func @f(%x: memref<?xcomplex<f32>>) { return }

// -----

// expected-error@+1 {{argument 0 of kernel 'f' cannot be 'memref<4xmemref<4xf32>>': kernels take}}
func.func @f(%x: memref<4xmemref<4xf32>>) { return }

// -----

// expected-error@+1 {{argument 0 of kernel 'f' cannot be 'memref<4xf8E4M3FN>': kernels take}}
func.func @f(%x: memref<4xf8E4M3FN>) { return }

// -----

// expected-error@+1 {{argument 0 of kernel 'f' cannot be 'memref<4xi4>': kernels take}}
func.func @f(%x: memref<4xi4>) { return }

// -----

// expected-error@+1 {{argument 0 of kernel 'f' cannot be 'memref<4xui8>': kernels take}}
func.func @f(%x: memref<4xui8>) { return }

// -----

// expected-error@+1 {{argument 0 of kernel 'f' cannot be 'i128': kernels take}}
func.func @f(%x: i128) { return }

// -----

// expected-error@+1 {{argument 0 of kernel 'f' cannot be 'memref<*xf32>': kernels take}}
func.func @f(%x: memref<*xf32>) { return }

// -----

// expected-error@+1 {{argument 0 of kernel 'f' cannot be 'memref<1x1x1x1x1x1x1xf32>': its rank is above 6}}
func.func @f(%x: memref<1x1x1x1x1x1x1xf32>) { return }

// -----

// expected-error@+1 {{argument 0 of kernel 'f' cannot be 'memref<8xf32, affine_map<(d0) -> (d0 mod 3)>>': its layout is not strided}}
func.func @f(%x: memref<8xf32, affine_map<(d0) -> (d0 mod 3)>>) { return }

// -----

// expected-error@+1 {{argument 0 of kernel 'f' cannot be 'memref<8xf32, 3>': its memory space is not the default one}}
func.func @f(%x: memref<8xf32, 3>) { return }

// -----

// expected-error@+1 {{result 0 of kernel 'f' is its argument 0, unchanged; return what attn.attention computes}}
func.func @f(%x: memref<8xf32>) -> memref<8xf32> { return %x : memref<8xf32> }

// -----

!m = memref<1x4x8x16xf32>
// expected-error@+1 {{result 0 of kernel 'f' is its argument 1, which outs writes already; drop the result, or the outs}}
func.func @f(%q: !m, %o: !m) -> !m {
  attn.attention %q, %q, %q outs(%o) : (!m, !m, !m, !m) -> ()
  return %o : !m
}

// -----

// expected-error@+1 {{result 0 of kernel 'f' is not computed by an attn op of its own; return what attn.attention returns}}
func.func @f(%x: memref<8xf32>) -> memref<4xf32, strided<[1]>> {
  %y = memref.subview %x[0] [4] [1] : memref<8xf32> to memref<4xf32, strided<[1]>>
  return %y : memref<4xf32, strided<[1]>>
}

// -----

// expected-error@+1 {{result 1 of kernel 'f' is result 0 once more; return it once}}
func.func @f() -> (memref<8xf32>, memref<8xf32>) {
  %x = memref.alloc() : memref<8xf32>
  return %x, %x : memref<8xf32>, memref<8xf32>
}

// -----

// expected-error@+1 {{kernel 'f' must be one block that returns: control flow around attention is not supported}}
func.func @f(%c: i1) {
  cf.cond_br %c, ^bb1, ^bb1
^bb1:
  return
}

// -----

// expected-error@+1 {{kernel 'f' must be one block that returns}}
func.func @f() {
  ub.unreachable
}

// -----

func.func @f(%x: memref<4x4xf32>) {
  // expected-error@+1 {{'memref.collapse_shape' op cannot take an argument of a kernel: callers choose its strides; load from it, slice, transpose or expand it}}
  %y = memref.collapse_shape %x [[0, 1]] : memref<4x4xf32> into memref<16xf32>
  return
}

// -----

// The roles of linear attention.
// CHECK-LABEL: func @linear(
// CHECK-SAME: {attn.name = "query"}
// CHECK-SAME: {attn.name = "decay"}
// CHECK-SAME: {attn.name = "initial_state"}
// CHECK-SAME: memref<2x4x8x16xf32, {{.*}}> {attn.name = "out", attn.output}
// CHECK-SAME: memref<2x4x16x16xf32, {{.*}}> {attn.name = "final_state", attn.output}) {
// CHECK-NOT: memref.alloc
func.func @linear(%q: memref<2x4x8x16xf32>, %g: memref<4xf32>, %s: memref<2x4x16x16xf32>) -> (memref<2x4x8x16xf32>, memref<2x4x16x16xf32>) {
  %o = memref.alloc() : memref<2x4x8x16xf32>
  %f = memref.alloc() : memref<2x4x16x16xf32>
  attn.linear_attention %q, %q, %q decay %g initial_state %s outs(%o, %f)
    : (memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<4xf32>, memref<2x4x16x16xf32>, memref<2x4x8x16xf32>,
       memref<2x4x16x16xf32>) -> ()
  return %o, %f : memref<2x4x8x16xf32>, memref<2x4x16x16xf32>
}

// -----

// Tables that query and key share have the plain names; positions index their table.
// CHECK-LABEL: func @rope(
// CHECK-SAME: {attn.name = "cos"}, %{{[a-z0-9]+}}: memref<{{.*}}> {attn.name = "sin"}
// CHECK-SAME: {attn.indexes = 1 : i64, attn.name = "positions"}
// CHECK-SAME: {attn.indexes = 1 : i64, attn.name = "key_positions"}
func.func @rope(%x: memref<2x4x?x64xf32>, %cos: memref<?x32xf32>, %sin: memref<?x32xf32>, %at: memref<2x?xi32>, %kat: memref<2x?xi32>,
                %o: memref<2x4x?x64xf32>) {
  attn.attention %x, %x, %x outs(%o) query_rope(%cos, %sin, %at) key_rope(%cos, %sin, %kat)
    : (memref<2x4x?x64xf32>, memref<2x4x?x64xf32>, memref<2x4x?x64xf32>, memref<2x4x?x64xf32>, memref<?x32xf32>, memref<?x32xf32>,
       memref<2x?xi32>, memref<?x32xf32>, memref<?x32xf32>, memref<2x?xi32>) -> ()
  return
}

// -----

// CHECK-LABEL: func @far(
// CHECK-SAME: {attn.name = "far_cos"}, %{{[a-z0-9]+}}: memref<{{.*}}> {attn.name = "far_sin"}
// CHECK-SAME: {attn.indexes = 1 : i64, attn.name = "far_positions"}
// CHECK-SAME: {attn.name = "far_key_cos"}
func.func @far(%x: memref<2x4x?x64xf32>, %cos: memref<?x32xf32>, %sin: memref<?x32xf32>, %at: memref<2x?xi32>, %c: memref<?x32xf32>,
               %o: memref<2x4x?x64xf32>) {
  attn.attention %x, %x, %x outs(%o) far_query_rope(%cos, %sin, %at) far_key_rope(%c, %c) far (%b, %h, %i, %j) {
    %past = arith.cmpi sgt, %i, %j : index
    attn.yield %past : i1
  } : (memref<2x4x?x64xf32>, memref<2x4x?x64xf32>, memref<2x4x?x64xf32>, memref<2x4x?x64xf32>, memref<?x32xf32>, memref<?x32xf32>,
       memref<2x?xi32>, memref<?x32xf32>, memref<?x32xf32>) -> ()
  return
}

// -----

// CHECK-LABEL: func @norm(
// CHECK-SAME: memref<64xf32, strided<[?], offset: ?>> {attn.name = "query_norm"}, %{{[a-z0-9]+}}: memref<64xf32, strided<[?], offset: ?>> {attn.name = "key_norm"}
func.func @norm(%x: memref<2x4x?x64xf32>, %a: memref<64xf32>, %b: memref<64xf32>, %o: memref<2x4x?x64xf32>) {
  attn.attention %x, %x, %x outs(%o) query_norm(%a) key_norm(%b)
    : (memref<2x4x?x64xf32>, memref<2x4x?x64xf32>, memref<2x4x?x64xf32>, memref<2x4x?x64xf32>, memref<64xf32>, memref<64xf32>) -> ()
  return
}

// -----

func.func @sliced_positions(%x: memref<2x4x8x64xf32>, %cos: memref<?x32xf32>, %all: memref<4x8xi32>, %o: memref<2x4x8x64xf32>) {
  %at = memref.subview %all[0, 0] [2, 8] [1, 1] : memref<4x8xi32> to memref<2x8xi32, strided<[8, 1]>>
  // expected-error @+1 {{reads positions or a table for them that are not arguments of the kernel as they are}}
  attn.attention %x, %x, %x outs(%o) query_rope(%cos, %cos, %at)
    : (memref<2x4x8x64xf32>, memref<2x4x8x64xf32>, memref<2x4x8x64xf32>, memref<2x4x8x64xf32>, memref<?x32xf32>, memref<?x32xf32>,
       memref<2x8xi32, strided<[8, 1]>>) -> ()
  return
}

// -----

func.func @two_tables(%x: memref<2x4x8x64xf32>, %a: memref<?x32xf32>, %b: memref<?x32xf32>, %at: memref<2x8xi32>, %o: memref<2x4x8x64xf32>) {
  // expected-error @+1 {{reads the rows of two tables at the same positions; pass the positions twice}}
  attn.attention %x, %x, %x outs(%o) query_rope(%a, %a, %at) key_rope(%b, %b, %at)
    : (memref<2x4x8x64xf32>, memref<2x4x8x64xf32>, memref<2x4x8x64xf32>, memref<2x4x8x64xf32>, memref<?x32xf32>, memref<?x32xf32>,
       memref<2x8xi32>, memref<?x32xf32>, memref<?x32xf32>, memref<2x8xi32>) -> ()
  return
}
