// RUN: fovea-opt %s --split-input-file --verify-diagnostics

func.func @f(%q: tensor<2x4x8x16xf32>, %k: memref<2x4x8x16xf32>) {
  // expected-error@+1 {{'attn.linear_attention' op mixes tensors and memrefs}}
  %o = attn.linear_attention %q, %k, %k : (tensor<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: memref<2x4x8x16xf32>) {
  // expected-error@+1 {{'attn.linear_attention' op on memrefs needs outs}}
  attn.linear_attention %q, %q, %q : (memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>) -> ()
  return
}

// -----

func.func @f(%q: memref<2x4x8x16xf32>, %o: memref<2x4x8x16xf32>) {
  // expected-error@+1 {{op on memrefs writes its outs and has no results}}
  %r = attn.linear_attention %q, %q, %q outs(%o) : (memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{op must return the types of its outs}}
  attn.linear_attention %q, %q, %q outs(%q) : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> ()
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{op has 0 results; it takes the output and optionally the final state}}
  attn.linear_attention %q, %q, %q : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> ()
  return
}

// -----

func.func @f(%q: memref<2x4x8x16xf32>) {
  // expected-error@+1 {{op writes a memref that it also reads}}
  attn.linear_attention %q, %q, %q outs(%q) : (memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>) -> ()
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %k: tensor<2x4x8x17xf32>) {
  // expected-error@+1 {{op query and key must have the same head size, got 16 and 17}}
  %o = attn.linear_attention %q, %k, %q : (tensor<2x4x8x16xf32>, tensor<2x4x8x17xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %k: tensor<2x3x8x16xf32>) {
  // expected-error@+1 {{op the number of query heads (4) must be a multiple of the number of kv heads (3)}}
  %o = attn.linear_attention %q, %k, %k : (tensor<2x4x8x16xf32>, tensor<2x3x8x16xf32>, tensor<2x3x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %k: tensor<2x4x9x16xf32>) {
  // expected-error@+1 {{op is causal with 8 queries and 9 keys; every token has both, unless the direction is full}}
  %o = attn.linear_attention %q, %k, %k : (tensor<2x4x8x16xf32>, tensor<2x4x9x16xf32>, tensor<2x4x9x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %g: tensor<4xf32>) {
  // expected-error@+1 {{op has a decay in direction full, where tokens have no order; use direction <causal>}}
  %o = attn.linear_attention %q, %q, %q decay %g direction <full> : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<4xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %g: tensor<2x4xf32>) {
  // expected-error@+1 {{op decay must be per head [Hkv], per token [B, Hkv, N], or per token and channel [B, Hkv, N, Dk], got 'tensor<2x4xf32>'}}
  %o = attn.linear_attention %q, %q, %q decay %g : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %g: tensor<5xf32>) {
  // expected-error@+1 {{op decay per head must have one element for each of 4 kv heads}}
  %o = attn.linear_attention %q, %q, %q decay %g : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<5xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %g: tensor<2x8x4xf32>) {
  // expected-error@+1 {{op decay must have key's batches, heads and positions, got}}
  %o = attn.linear_attention %q, %q, %q decay %g : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x8x4xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %g: tensor<2x4x8x1xf32>) {
  // expected-error@+1 {{op decay must have key's batches, heads and positions, and its head size, got}}
  %o = attn.linear_attention %q, %q, %q decay %g : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x1xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %g: tensor<4xf64>) {
  // expected-error@+1 {{op decay must have element type f32}}
  %o = attn.linear_attention %q, %q, %q decay %g : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<4xf64>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %s: tensor<2x4x16x16xf32>) {
  // expected-error@+1 {{op initial_state must be [B, Hkv, 16, 17], the last column for the normalizer, got}}
  %o = attn.linear_attention %q, %q, %q initial_state %s normalizer <qz> : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x16x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{op final state must be [B, Hkv, 16, 16], got}}
  %o:2 = attn.linear_attention %q, %q, %q : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> (tensor<2x4x8x16xf32>, tensor<2x4x16x17xf32>)
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{op output must have query's batches, heads and positions and value's head size}}
  %o = attn.linear_attention %q, %q, %q : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x15xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{op divides by a normalizer, which a scale would not reach; leave the scale out}}
  %o = attn.linear_attention %q, %q, %q normalizer <qz> scale 0.5 : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{op epsilon must be a number that is not negative, got -1}}
  %o = attn.linear_attention %q, %q, %q normalizer <qz> epsilon -1.0 : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{op scale must be finite in f32}}
  %o = attn.linear_attention %q, %q, %q scale 1.0e39 : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{a feature region takes (x), but 2 arguments are named}}
  %o = attn.linear_attention %q, %q, %q feature (%x, %y) {
    attn.yield %x : f32
  } : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{op feature region must end with attn.yield of one 'f32', the feature of x}}
  %o = attn.linear_attention %q, %q, %q feature (%x) {
    %c = arith.constant 1 : index
    attn.yield %c : index
  } : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>) {
  %o = attn.linear_attention %q, %q, %q feature (%x) {
    // expected-error@+1 {{cannot be evaluated for many (i, j) at once, so it may not stand in a feature region}}
    %c = tensor.empty() : tensor<2xf32>
    attn.yield %x : f32
  } : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %b: tensor<2x4x8xf32>) {
  // expected-error@+1 {{op has a beta, which only rule <delta> uses}}
  %o = attn.linear_attention %q, %q, %q beta %b : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{op has rule <delta> without a beta, the strength of each write: beta [B, Hkv, N]}}
  %o = attn.linear_attention %q, %q, %q rule <delta> : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %b: tensor<2x4x8xf32>) {
  // expected-error@+1 {{op has rule <delta> in direction full, where tokens have no order; use direction <causal>}}
  %o = attn.linear_attention %q, %q, %q beta %b rule <delta> direction <full> : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %b: tensor<2x4x8xf32>) {
  // expected-error@+1 {{op has rule <delta>, whose state is no sum of keys that a normalizer could divide by; use normalizer <none> or <norm>}}
  %o = attn.linear_attention %q, %q, %q beta %b rule <delta> normalizer <qz> : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %b: tensor<2x8x4xf32>) {
  // expected-error@+1 {{op beta must have key's batches, heads and positions, got 'tensor<2x8x4xf32>'}}
  %o = attn.linear_attention %q, %q, %q beta %b rule <delta> : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x8x4xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %b: tensor<4xf32>) {
  // expected-error@+1 {{op beta must have rank 3, got 'tensor<4xf32>'}}
  %o = attn.linear_attention %q, %q, %q beta %b rule <delta> : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<4xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{op in direction full has no form but <chunked>: the state of all keys comes before any output}}
  %o = attn.linear_attention %q, %q, %q direction <full> form <recurrent> : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{op in form <parallel> has no state; drop initial and final state, or use form <chunked>}}
  %o:2 = attn.linear_attention %q, %q, %q form <parallel> : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> (tensor<2x4x8x16xf32>, tensor<2x4x16x16xf32>)
  return
}

// -----

func.func @f(%q: tensor<2x4x?x16xf32>) {
  // expected-error@+1 {{op in form <parallel> must have a static number of tokens, at most 128: all of them are one chunk}}
  %o = attn.linear_attention %q, %q, %q form <parallel> : (tensor<2x4x?x16xf32>, tensor<2x4x?x16xf32>, tensor<2x4x?x16xf32>) -> tensor<2x4x?x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{op final state must be [B, Hkv, 16, 17], the last column for the normalizer, got}}
  %o:2 = attn.linear_attention %q, %q, %q normalizer <z> : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> (tensor<2x4x8x16xf32>, tensor<2x4x16x16xf32>)
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %n: tensor<2xf32>) {
  // expected-error@+1 {{op lengths must be one integer per sequence, got 'tensor<2xf32>'}}
  %o = attn.linear_attention %q, %q, %q lengths %n : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>, %n: tensor<3xi32>) {
  // expected-error@+1 {{op lengths must have one element per sequence (2), got 'tensor<3xi32>'}}
  %o = attn.linear_attention %q, %q, %q lengths %n : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<3xi32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

// The tile level.

func.func @f(%n: index) {
  // expected-error@+1 {{'attn.init_linear_state' op must be inside attn.task}}
  %s = attn.init_linear_state(%n, %n) : !attn.linear_state<16x16xf32>
  return
}

// -----

func.func @f(%m: memref<2x4x16x18xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 32, lanes = 8, panel = 16, micro_keys = 4> {
    // expected-error@+1 {{op the initial state must be [B, Hkv, 16, 16], or have one more column for z}}
    %s = attn.init_linear_state(%b, %h) from %m : !attn.linear_state<16x16xf32>, memref<2x4x16x18xf32>
  }
  return
}

// -----

func.func @f(%n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 32, lanes = 8, panel = 16, micro_keys = 4> {
    %s = attn.init_linear_state(%b, %h) : !attn.linear_state<16x16xf32>
    // expected-error@+1 {{op does nothing without keys or queries}}
    %r = attn.linear_chunk %s at(%b, %h, %t) valid %n normalizer <none> epsilon 1.0e-6 scale 1.0
      : (!attn.linear_state<16x16xf32>, index, index, index, index) -> !attn.linear_state<16x16xf32>
  }
  return
}

// -----

func.func @f(%k: memref<2x4x?x16xf32>, %v: memref<2x4x?x17xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 32, lanes = 8, panel = 16, micro_keys = 4> {
    %s = attn.init_linear_state(%b, %h) : !attn.linear_state<16x16xf32>
    // expected-error@+1 {{op value must have 16 columns, as the state says}}
    %r = attn.linear_chunk %s at(%b, %h, %t) valid %n keys %k, %v normalizer <none> epsilon 1.0e-6 scale 1.0
      : (!attn.linear_state<16x16xf32>, index, index, index, index, memref<2x4x?x16xf32>, memref<2x4x?x17xf32>) -> !attn.linear_state<16x16xf32>
  }
  return
}

// -----

func.func @f(%k: memref<2x4x?x16xf32>, %g: memref<4xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 32, lanes = 8, panel = 16, micro_keys = 4> {
    %s = attn.init_linear_state(%b, %h) : !attn.linear_state<16x16xf32>
    // expected-error@+1 {{op has a decay, but no keys that enter the state}}
    %r = attn.linear_chunk %s at(%b, %h, %t) valid %n decay %g queries %k group %n into %k normalizer <none> epsilon 1.0e-6 scale 1.0
      : (!attn.linear_state<16x16xf32>, index, index, index, index, memref<4xf32>, memref<2x4x?x16xf32>, index, memref<2x4x?x16xf32>) -> !attn.linear_state<16x16xf32>
  }
  return
}

// -----

func.func @f(%k: memref<2x4x?x16xf32>, %beta: memref<2x4x?xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 32, lanes = 8, panel = 16, micro_keys = 4> {
    %s = attn.init_linear_state(%b, %h) : !attn.linear_state<16x16xf32>
    // expected-error@+1 {{op has a beta, but no keys that enter the state}}
    %r = attn.linear_chunk %s at(%b, %h, %t) valid %n beta %beta queries %k group %n into %k normalizer <none> epsilon 1.0e-6 scale 1.0
      : (!attn.linear_state<16x16xf32>, index, index, index, index, memref<2x4x?x16xf32>, index, memref<2x4x?x16xf32>, memref<2x4x?xf32>) -> !attn.linear_state<16x16xf32>
  }
  return
}

// -----

func.func @f(%k: memref<2x4x?x16xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 32, lanes = 8, panel = 16, micro_keys = 4> {
    %s = attn.init_linear_state(%b, %h) : !attn.linear_state<16x16xf32>
    // expected-error@+1 {{op has keys or queries alone; only form <chunked> has them apart}}
    %r = attn.linear_chunk %s at(%b, %h, %t) valid %n keys %k, %k form <recurrent> normalizer <none> epsilon 1.0e-6 scale 1.0
      : (!attn.linear_state<16x16xf32>, index, index, index, index, memref<2x4x?x16xf32>, memref<2x4x?x16xf32>) -> !attn.linear_state<16x16xf32>
  }
  return
}

// -----

func.func @f(%k: memref<2x4x16x16xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 32, lanes = 8, panel = 16, micro_keys = 4> {
    // expected-error@+1 {{op produces a state with several uses; a state is linear, one use on each path}}
    %s = attn.init_linear_state(%b, %h) : !attn.linear_state<16x16xf32>
    attn.store_linear_state %s into %k[%b, %h] : !attn.linear_state<16x16xf32>, memref<2x4x16x16xf32>
    attn.store_linear_state %s into %k[%b, %h] : !attn.linear_state<16x16xf32>, memref<2x4x16x16xf32>
  }
  return
}
