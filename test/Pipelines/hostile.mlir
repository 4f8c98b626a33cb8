// What the ladder cannot compile: an error with a place, whatever the module.
// RUN: fovea-opt %s --fovea-pipeline=target=loops --split-input-file --verify-diagnostics
// RUN: fovea-opt %s --fovea-pipeline=target=cpu:x86-64-v3 --split-input-file --verify-diagnostics

!t = tensor<1x4x8x16xf32>
func.func @attention_in_branch(%q: !t, %c: i1) -> !t {
  // expected-error@+1 {{'scf.if' on tensors has no place in a kernel, which is one attn.attention with slices, reshapes and scalar code around it; let the caller do it, between kernels}}
  %o = scf.if %c -> !t {
    %a = attn.attention %q, %q, %q : (!t, !t, !t) -> !t
    scf.yield %a : !t
  } else {
    scf.yield %q : !t
  }
  return %o : !t
}

// -----

!t = tensor<1x4x8x16xf32>
func.func @attention_in_loop(%q: !t, %n: index) -> !t {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  // expected-error@+1 {{'scf.for' on tensors has no place in a kernel}}
  %o = scf.for %layer = %c0 to %n step %c1 iter_args(%x = %q) -> !t {
    %a = attn.attention %x, %q, %q : (!t, !t, !t) -> !t
    scf.yield %a : !t
  }
  return %o : !t
}

// -----

!t = tensor<1x4x8x16xf32>
// expected-error@+1 {{result 0 of kernel 'returns_out' is its argument 1, which outs writes already; drop the result, or the outs}}
func.func @returns_out(%q: !t, %o: !t) -> !t {
  %a = attn.attention %q, %q, %q outs(%o) : (!t, !t, !t, !t) -> !t
  return %a : !t
}

// -----

!t = tensor<1x4x8x16xf32>
// expected-error@+1 {{result 1 of kernel 'returns_input' is its argument 0, unchanged; return what attn.attention computes}}
func.func @returns_input(%q: !t) -> (!t, !t) {
  %a = attn.attention %q, %q, %q : (!t, !t, !t) -> !t
  return %a, %q : !t, !t
}

// -----

!t = tensor<1x4x8x16xf32>
// expected-error@+1 {{result 1 of kernel 'returns_twice' is result 0 once more; return it once}}
func.func @returns_twice(%q: !t) -> (!t, !t) {
  %a = attn.attention %q, %q, %q : (!t, !t, !t) -> !t
  return %a, %a : !t, !t
}

// -----

!m = memref<1x4x8x16xf32>
func.func @memref_attention_in_branch(%q: !m, %o: !m, %c: i1) {
  // expected-error@+1 {{'scf.if' stands beside an attention in kernel 'memref_attention_in_branch'; only shape and scalar code may}}
  scf.if %c {
    attn.attention %q, %q, %q outs(%o) : (!m, !m, !m, !m) -> ()
  }
  return
}

// -----

!t = tensor<1x4x8x16xf32>
func.func private @g(%q: !t) -> !t {
  %a = attn.attention %q, %q, %q : (!t, !t, !t) -> !t
  return %a : !t
}
// expected-error@+1 {{result 0 of kernel 'calls' is not computed by an attn op of its own}}
func.func @calls(%q: !t) -> !t {
  %o = call @g(%q) : (!t) -> !t
  return %o : !t
}

// -----

!t = tensor<1x4x8x16xf32>
func.func @two(%q: !t) -> !t {
  // expected-error@+1 {{'memref.alloc' stands beside an attention in kernel 'two'}}
  %a = attn.attention %q, %q, %q : (!t, !t, !t) -> !t
  %b = attn.attention %a, %q, %q : (!t, !t, !t) -> !t
  return %b : !t
}

// -----

!t = tensor<1x4x8x16xf32>
// expected-error@+1 {{result 1 of kernel 'used_after' is not computed by an attn op of its own}}
func.func @used_after(%q: !t, %i: index) -> (!t, f32) {
  %a = attn.attention %q, %q, %q : (!t, !t, !t) -> !t
  %x = tensor.extract %a[%i, %i, %i, %i] : !t
  return %a, %x : !t, f32
}

// -----

!t = tensor<1x4x8x16xf32>
// expected-error@+1 {{kernel 'branches' must be one block that returns}}
func.func @branches(%q: !t, %c: i1) -> !t {
  cf.cond_br %c, ^bb1, ^bb2
^bb1:
  %a = attn.attention %q, %q, %q : (!t, !t, !t) -> !t
  return %a : !t
^bb2:
  return %q : !t
}

// -----

!t = tensor<1x4x8x16xf32>
func.func @captured_vector(%q: !t, %w: vector<4xf32>) -> !t {
  %a = attn.attention %q, %q, %q score (%s, %b, %h, %i, %j) {
    // expected-error@+1 {{'vector.extract' op cannot be evaluated for many (i, j) at once}}
    %x = vector.extract %w[0] : f32 from vector<4xf32>
    attn.yield %x : f32
  } : (!t, !t, !t) -> !t
  return %a : !t
}

// -----

// expected-error@+1 {{has no public function: nothing to run}}
module {
  module {
    func.func @f() {
      return
    }
  }
}

// -----

// What looks hostile and compiles: no heads, sizes that only the caller knows, slices before and in the regions.
!t = tensor<1x0x8x16xf32>
func.func @no_heads(%q: !t) -> !t {
  %a = attn.attention %q, %q, %q : (!t, !t, !t) -> !t
  return %a : !t
}
func.func @open_group(%q: tensor<1x?x8x16xf32>, %k: tensor<1x3x8x16xf32>) -> tensor<1x?x8x16xf32> {
  %a = attn.attention %q, %k, %k : (tensor<1x?x8x16xf32>, tensor<1x3x8x16xf32>, tensor<1x3x8x16xf32>) -> tensor<1x?x8x16xf32>
  return %a : tensor<1x?x8x16xf32>
}
func.func @slices(%q: tensor<1x4x16x16xf32>, %w: tensor<?xf32>, %n: index) -> tensor<1x4x8x16xf32> {
  %half = tensor.extract_slice %q[0, 0, 4, 0] [1, 4, 8, 16] [1, 1, 1, 1] : tensor<1x4x16x16xf32> to tensor<1x4x8x16xf32>
  %part = tensor.extract_slice %w[%n] [4] [1] : tensor<?xf32> to tensor<4xf32>
  %a = attn.attention %half, %q, %q score (%s, %b, %h, %i, %j) {
    %x = tensor.extract %part[%h] : tensor<4xf32>
    %y = arith.mulf %s, %x : f32
    attn.yield %y : f32
  } : (tensor<1x4x8x16xf32>, tensor<1x4x16x16xf32>, tensor<1x4x16x16xf32>) -> tensor<1x4x8x16xf32>
  return %a : tensor<1x4x8x16xf32>
}
