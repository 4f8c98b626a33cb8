// RUN: fovea-opt %s --split-input-file --verify-diagnostics

// attn.attention: form.

func.func @f(%q: tensor<2x4x8x16xf32>, %k: memref<2x4x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op mixes tensors and memrefs}}
  %o = attn.attention %q, %k, %k : (tensor<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: memref<2x4x8x16xf32>, %o: memref<2x4x8x16xf32>, %p: tensor<2xi32>) {
  // expected-error@+1 {{'attn.attention' op mixes tensors and memrefs}}
  attn.attention %q, %q, %q q_offset %p outs(%o) : (memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, tensor<2xi32>, memref<2x4x8x16xf32>) -> ()
  return
}

// -----

func.func @f(%q: memref<2x4x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op on memrefs needs outs}}
  attn.attention %q, %q, %q : (memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>) -> ()
  return
}

// -----

func.func @f(%q: memref<2x4x8x16xf32>, %o: memref<2x4x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op on memrefs writes its outs and has no results}}
  %r = attn.attention %q, %q, %q outs(%o) : (memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op must return the types of its outs}}
  attn.attention %q, %q, %q outs(%q) : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> ()
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op has 0 results; it takes the output and optionally the log-sum-exp}}
  attn.attention %q, %q, %q : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> ()
  return
}

// -----

func.func @f(%q: memref<2x4x8x16xf32>, %o: memref<2x4x8x16xf32>, %l: memref<2x4x8xf32>) {
  // expected-error@+1 {{'attn.attention' op has 3 outs; it takes the output and optionally the log-sum-exp}}
  attn.attention %q, %q, %q outs(%o, %l, %l) : (memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8xf32>, memref<2x4x8xf32>) -> ()
  return
}

// -----

func.func @f(%q: memref<2x4x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op writes a memref that it also reads}}
  attn.attention %q, %q, %q outs(%q) : (memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>) -> ()
  return
}

// -----

func.func @f(%q: memref<2x4x8x16xf32>, %o: memref<2x4x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op writes a memref that it also reads}}
  attn.attention %q, %q, %q outs(%o) score (%s, %b, %h, %i, %j) {
    %x = memref.load %o[%b, %h, %i, %j] : memref<2x4x8x16xf32>
    attn.yield %x : f32
  } : (memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>) -> ()
  return
}

// -----

func.func @f(%q: tensor<*xf32>) {
  // expected-error@+1 {{operand #0 must be ranked tensor or strided memref}}
  %o = attn.attention %q, %q, %q : (tensor<*xf32>, tensor<*xf32>, tensor<*xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

// attn.attention: shapes.

func.func @f(%q: tensor<4x8x16xf32>, %k: tensor<2x4x8x16xf32>, %v: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op query must have rank 4, got 'tensor<4x8x16xf32>'}}
  %o = attn.attention %q, %k, %v : (tensor<4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf64>) {
  // expected-error@+1 {{'attn.attention' op query must have element type f32, f16 or bf16, got 'tensor<2x4x8x16xf64>'}}
  %o = attn.attention %q, %q, %q : (tensor<2x4x8x16xf64>, tensor<2x4x8x16xf64>, tensor<2x4x8x16xf64>) -> tensor<2x4x8x16xf64>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xbf16>) {
  // expected-error@+1 {{'attn.attention' op output must have element type 'bf16' or f32, got 'tensor<2x4x8x16xf16>'}}
  %o = attn.attention %q, %q, %q : (tensor<2x4x8x16xbf16>, tensor<2x4x8x16xbf16>, tensor<2x4x8x16xbf16>) -> tensor<2x4x8x16xf16>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op output must have element type 'f32', got 'tensor<2x4x8x16xf16>'}}
  %o = attn.attention %q, %q, %q : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf16>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %k: tensor<2x4x8x16xf16>, %v: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op key must have element type 'f32' like query, got 'tensor<2x4x8x16xf16>'}}
  %o = attn.attention %q, %k, %v : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf16>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<1x1x4611686018427387904x1xf32>, %k: tensor<1x1x4611686018427387904x1xf32>, %v: tensor<1x1x4611686018427387904x1xf32>) {
  // expected-error@+1 {{'attn.attention' op query is larger than the address space}}
  %o = attn.attention %q, %k, %v : (tensor<1x1x4611686018427387904x1xf32>, tensor<1x1x4611686018427387904x1xf32>, tensor<1x1x4611686018427387904x1xf32>) -> tensor<1x1x4611686018427387904x1xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x?xf32>, %k: tensor<2x4x8x16xf32>, %v: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op head size of query must be static: the register tile depends on it}}
  %o = attn.attention %q, %k, %v : (tensor<2x4x8x?xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %k: tensor<2x4x8x16xf32>, %v: tensor<2x4x8x?xf32>) {
  // expected-error@+1 {{'attn.attention' op head size of value must be static}}
  %o = attn.attention %q, %k, %v : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x?xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x577xf32>, %k: tensor<2x4x8x577xf32>, %v: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op head size of query must be between 1 and 576, got 577}}
  %o = attn.attention %q, %k, %v : (tensor<2x4x8x577xf32>, tensor<2x4x8x577xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x0xf32>, %k: tensor<2x4x8x0xf32>, %v: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op head size of query must be between 1 and 576, got 0}}
  %o = attn.attention %q, %k, %v : (tensor<2x4x8x0xf32>, tensor<2x4x8x0xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %k: tensor<2x4x8x32xf32>, %v: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op query and key must have the same head size, got 16 and 32}}
  %o = attn.attention %q, %k, %v : (tensor<2x4x8x16xf32>, tensor<2x4x8x32xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %k: tensor<3x4x8x16xf32>, %v: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op query, key and value must have the same batch size, got 2, 3 and 2}}
  %o = attn.attention %q, %k, %v : (tensor<2x4x8x16xf32>, tensor<3x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %k: tensor<2x4x8x16xf32>, %v: tensor<2x2x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op key and value must have the same number of heads, got 4 and 2}}
  %o = attn.attention %q, %k, %v : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x2x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %k: tensor<2x4x8x16xf32>, %v: tensor<2x4x9x16xf32>) {
  // expected-error@+1 {{'attn.attention' op key and value must have the same number of positions, got 8 and 9}}
  %o = attn.attention %q, %k, %v : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x9x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %k: tensor<2x3x8x16xf32>, %v: tensor<2x3x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op the number of query heads (4) must be a multiple of the number of kv heads (3)}}
  %o = attn.attention %q, %k, %v : (tensor<2x4x8x16xf32>, tensor<2x3x8x16xf32>, tensor<2x3x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %k: tensor<2x0x8x16xf32>, %v: tensor<2x0x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op the number of query heads (4) must be a multiple of the number of kv heads (0)}}
  %o = attn.attention %q, %k, %v : (tensor<2x4x8x16xf32>, tensor<2x0x8x16xf32>, tensor<2x0x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %k: tensor<2x4x8x16xf32>, %v: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op output must have query's batches, heads and positions and value's head size}}
  %o = attn.attention %q, %k, %v : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x9x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %k: tensor<2x4x8x16xf32>, %v: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op output must have query's batches, heads and positions and value's head size}}
  %o = attn.attention %q, %k, %v : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x?xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %k: tensor<2x4x8x16xf32>, %v: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op output must have rank 4, got 'tensor<2x4x8xf32>'}}
  %o = attn.attention %q, %k, %v : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %k: tensor<2x4x8x16xf32>, %v: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op log-sum-exp must have rank 3}}
  %o:2 = attn.attention %q, %k, %v : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>)
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %k: tensor<2x4x8x16xf32>, %v: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op log-sum-exp must have element type f32}}
  %o:2 = attn.attention %q, %k, %v : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> (tensor<2x4x8x16xf32>, tensor<2x4x8xf64>)
  return
}

// -----

// The log-sum-exp is [B, Hq, Nq] in the layout bnhd too.
func.func @f(%q: tensor<2x4x8x16xf32>, %k: tensor<2x4x8x16xf32>, %v: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op log-sum-exp must be [B, Hq, Nq] in every layout, got 'tensor<2x4x8xf32>'}}
  %o:2 = attn.attention %q, %k, %v layout <bnhd> : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> (tensor<2x4x8x16xf32>, tensor<2x4x8xf32>)
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %k: tensor<2x4x8x16xf32>, %v: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op scale must be finite in f32}}
  %o = attn.attention %q, %k, %v scale 0x7FF0000000000000 : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

// Finite in f64 alone.
func.func @f(%q: tensor<2x4x8x16xf32>, %k: tensor<2x4x8x16xf32>, %v: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op scale must be finite in f32, at most 3.4e38}}
  %o = attn.attention %q, %k, %v scale 1.0e39 : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

// attn.attention: q_offset.

func.func @f(%q: tensor<2x4x8x16xf32>, %k: tensor<2x4x8x16xf32>, %v: tensor<2x4x8x16xf32>, %p: tensor<2xf32>) {
  // expected-error@+1 {{'attn.attention' op q_offset must be an index or one integer per sequence, got 'tensor<2xf32>'}}
  %o = attn.attention %q, %k, %v q_offset %p : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %k: tensor<2x4x8x16xf32>, %v: tensor<2x4x8x16xf32>, %p: tensor<2xi1>) {
  // expected-error@+1 {{'attn.attention' op q_offset must be an index or one integer per sequence}}
  %o = attn.attention %q, %k, %v q_offset %p : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2xi1>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %k: tensor<2x4x8x16xf32>, %v: tensor<2x4x8x16xf32>, %p: tensor<2xui32>) {
  // expected-error@+1 {{'attn.attention' op q_offset must be an index or one integer per sequence}}
  %o = attn.attention %q, %k, %v q_offset %p : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2xui32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %k: tensor<2x4x8x16xf32>, %v: tensor<2x4x8x16xf32>, %p: tensor<2x1xi32>) {
  // expected-error@+1 {{'attn.attention' op q_offset must be an index or one integer per sequence}}
  %o = attn.attention %q, %k, %v q_offset %p : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x1xi32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %k: tensor<2x4x8x16xf32>, %v: tensor<2x4x8x16xf32>, %p: tensor<3xi32>) {
  // expected-error@+1 {{'attn.attention' op q_offset must have one element per sequence (2), got 'tensor<3xi32>'}}
  %o = attn.attention %q, %k, %v q_offset %p : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<3xi32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %p: i32) {
  // expected-error@+1 {{operand #3 must be index or ranked tensor or strided memref, but got 'i32'}}
  %o = attn.attention %q, %q, %q q_offset %p : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, i32) -> tensor<2x4x8x16xf32>
  return
}

// -----

// Regions.

func.func @f(%q: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{a score region takes (score, b, h, i, j), but 4 arguments are named}}
  %o = attn.attention %q, %q, %q score (%b, %h, %i, %j) {
    attn.yield
  } : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{a mask region takes (b, h, i, j), but 5 arguments are named}}
  %o = attn.attention %q, %q, %q mask (%s, %b, %h, %i, %j) {
    attn.yield
  } : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op mask region must take ('index', 'index', 'index', 'index'), got ('i32', 'index', 'index', 'index')}}
  %o = "attn.attention"(%q, %q, %q) <{operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0>}> ({}, {
  ^bb0(%b: i32, %h: index, %i: index, %j: index):
    %true = arith.constant true
    "attn.yield"(%true) : (i1) -> ()
  }, {}) : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op score region must take ('f32', 'index', 'index', 'index', 'index'), got ('f32', 'index')}}
  %o = "attn.attention"(%q, %q, %q) <{operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0>}> ({
  ^bb0(%s: f32, %b: index):
    "attn.yield"(%s) : (f32) -> ()
  }, {}, {}) : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op mask region must be one block without control flow; use arith.select}}
  %o = attn.attention %q, %q, %q mask (%b, %h, %i, %j) {
    cf.br ^bb1
  ^bb1:
    %true = arith.constant true
    attn.yield %true : i1
  } : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>) {
  %o = attn.attention %q, %q, %q mask (%b, %h, %i, %j) {
    %c = arith.cmpi sge, %i, %j : index
    // expected-error@+1 {{'scf.if' op cannot be evaluated for many (i, j) at once, so it may not stand in a mask region}}
    %x = scf.if %c -> i1 {
      scf.yield %c : i1
    } else {
      scf.yield %c : i1
    }
    attn.yield %x : i1
  } : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>) {
  %o = attn.attention %q, %q, %q score (%s, %b, %h, %i, %j) {
    // expected-error@+1 {{'tensor.dim' op cannot be evaluated for many (i, j) at once, so it may not stand in a score region}}
    %n = tensor.dim %q, %b : tensor<2x4x8x16xf32>
    attn.yield %s : f32
  } : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>) {
  %o = attn.attention %q, %q, %q score (%s, %b, %h, %i, %j) {
    // expected-error@+1 {{'arith.constant' op works on 'vector<4xf32>', but a score region is scalar code}}
    %c = arith.constant dense<1.0> : vector<4xf32>
    attn.yield %s : f32
  } : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %w: tensor<4xf32>) {
  %o = attn.attention %q, %q, %q score (%s, %b, %h, %i, %j) {
    // expected-error@+1 {{'arith.addf' op works on 'tensor<4xf32>', but a score region is scalar code}}
    %c = arith.addf %w, %w : tensor<4xf32>
    attn.yield %s : f32
  } : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %w: tensor<4xcomplex<f32>>) {
  %o = attn.attention %q, %q, %q score (%s, %b, %h, %i, %j) {
    // expected-error@+1 {{'tensor.extract' op reads 'complex<f32>', but a score region is scalar code}}
    %c = tensor.extract %w[%h] : tensor<4xcomplex<f32>>
    attn.yield %s : f32
  } : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %n: i32) {
  %o = attn.attention %q, %q, %q score (%s, %b, %h, %i, %j) {
    // expected-error@+1 {{'math.fpowi' op may not stand in a score region; use math.powf}}
    %c = math.fpowi %s, %n : f32, i32
    attn.yield %c : f32
  } : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>) {
  %o = attn.attention %q, %q, %q mask (%b, %h, %i, %j) {
    // expected-error@+1 {{'arith.addui_extended' op on index may not stand in a mask region; cast to i64 first}}
    %sum, %carry = arith.addui_extended %i, %j : index, i1
    attn.yield %carry : i1
  } : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op mask region must end with attn.yield of one 'i1', true where the key is visible}}
  %o = attn.attention %q, %q, %q mask (%b, %h, %i, %j) {
    attn.yield %i : index
  } : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op score region must end with attn.yield of one 'f32', the new score}}
  %o = attn.attention %q, %q, %q score (%s, %b, %h, %i, %j) {
    attn.yield %s, %s : f32, f32
  } : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

// Attributes and types.

// expected-error@+1 {{schedule sizes must be positive}}
func.func private @f() attributes {a = #attn.schedule<query_tile = 64, key_block = 0, lanes = 8, panel = 16, micro_keys = 4>}

// -----

// expected-error@+1 {{query_tile (65600) and key_block (64) must be at most 65536}}
func.func private @f() attributes {a = #attn.schedule<query_tile = 65600, key_block = 64, lanes = 8, panel = 16, micro_keys = 4>}

// -----

// expected-error@+1 {{lanes (128) must be at most 64}}
func.func private @f() attributes {a = #attn.schedule<query_tile = 128, key_block = 64, lanes = 128, panel = 128, micro_keys = 4>}

// -----

// expected-error@+1 {{panel (12) must be a multiple of lanes (8)}}
func.func private @f() attributes {a = #attn.schedule<query_tile = 24, key_block = 64, lanes = 8, panel = 12, micro_keys = 4>}

// -----

// expected-error@+1 {{query_tile (40) must be a multiple of panel (16)}}
func.func private @f() attributes {a = #attn.schedule<query_tile = 40, key_block = 64, lanes = 8, panel = 16, micro_keys = 4>}

// -----

// expected-error@+1 {{key_block (66) must be a multiple of micro_keys (4)}}
func.func private @f() attributes {a = #attn.schedule<query_tile = 64, key_block = 66, lanes = 8, panel = 16, micro_keys = 4>}

// -----

// expected-error@+1 {{micro_keys * panel / lanes (512) must be at most 256}}
func.func private @f() attributes {a = #attn.schedule<query_tile = 64, key_block = 64, lanes = 8, panel = 64, micro_keys = 64>}

// -----

// expected-error@+1 {{expected ROWSxCOLUMNSxTYPE, for example 128x64xf32}}
func.func private @f(!attn.tile<query, 128xf32>)

// -----

// expected-error@+1 {{element type must be f32, got 'f16'}}
func.func private @f(!attn.tile<query, 128x64xf16>)

// -----

// expected-error@+1 {{rows and columns must be positive, got 0x64}}
func.func private @f(!attn.state<0x64xf32>)

// -----

// expected-error@+1 {{rows and columns must be at most 65536, got 4x65537}}
func.func private @f(!attn.state<4x65537xf32>)

// -----

// expected-error@+2 {{expected ::fovea::attn::TileRole to be one of: query, key, value}}
// expected-error@+1 {{failed to parse Attn_TileType parameter 'role'}}
func.func private @f(!attn.tile<output, 4x4xf32>)

// -----

// expected-error@+1 {{unknown  type `block` in dialect `attn`}}
func.func private @f(!attn.block<4x4xf32>)

// -----

func.func @pointwise_lse(%q: tensor<2x4x8x16xf32>) {
  // expected-error @+1 {{has pointwise weights, which have no log-sum-exp; drop it}}
  %o:2 = attn.attention %q, %q, %q weights <pointwise>
    : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> (tensor<2x4x8x16xf32>, tensor<2x4x8xf32>)
  return
}
