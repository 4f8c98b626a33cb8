// RUN: fovea-opt %s --split-input-file --verify-diagnostics

func.func @rank(%x: tensor<4x?x64xf32>, %c: tensor<?x32xf32>) {
  // expected-error @+1 {{'attn.rope' op input must have rank 4, got 'tensor<4x?x64xf32>'}}
  %a = attn.rope %x cos %c sin %c : tensor<4x?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>
  return
}

// -----

func.func @dynamic_head(%x: tensor<2x4x?x?xf32>, %c: tensor<?x32xf32>) {
  // expected-error @+1 {{input must have a static head size}}
  %a = attn.rope %x cos %c sin %c : tensor<2x4x?x?xf32>, tensor<?x32xf32>, tensor<?x32xf32>
  return
}

// -----

func.func @table_rank(%x: tensor<2x4x?x64xf32>, %c: tensor<32xf32>) {
  // expected-error @+1 {{cos and sin of input must be f32 tables [positions, pairs] or [B, N, pairs], got 'tensor<32xf32>'}}
  %a = attn.rope %x cos %c sin %c : tensor<2x4x?x64xf32>, tensor<32xf32>, tensor<32xf32>
  return
}

// -----

func.func @table_type(%x: tensor<2x4x?x64xf32>, %c: tensor<?x32xf64>) {
  // expected-error @+1 {{must be f32 tables}}
  %a = attn.rope %x cos %c sin %c : tensor<2x4x?x64xf32>, tensor<?x32xf64>, tensor<?x32xf64>
  return
}

// -----

func.func @dynamic_pairs(%x: tensor<2x4x?x64xf32>, %c: tensor<?x?xf32>) {
  // expected-error @+1 {{must have a static number of pairs, their last dimension}}
  %a = attn.rope %x cos %c sin %c : tensor<2x4x?x64xf32>, tensor<?x?xf32>, tensor<?x?xf32>
  return
}

// -----

func.func @different_tables(%x: tensor<2x4x?x64xf32>, %c: tensor<?x32xf32>, %s: tensor<?x16xf32>) {
  // expected-error @+1 {{cos and sin of input must have one shape, got 'tensor<?x32xf32>' and 'tensor<?x16xf32>'}}
  %a = attn.rope %x cos %c sin %s : tensor<2x4x?x64xf32>, tensor<?x32xf32>, tensor<?x16xf32>
  return
}

// -----

func.func @too_many_pairs(%x: tensor<2x4x?x64xf32>, %c: tensor<?x33xf32>) {
  // expected-error @+1 {{turns 33 pairs of columns, but input has 64 columns}}
  %a = attn.rope %x cos %c sin %c : tensor<2x4x?x64xf32>, tensor<?x33xf32>, tensor<?x33xf32>
  return
}

// -----

func.func @rows(%x: tensor<2x4x8x64xf32>, %c: tensor<2x9x32xf32>) {
  // expected-error @+1 {{cos and sin of input must have a row for each sequence and row, got 'tensor<2x9x32xf32>'}}
  %a = attn.rope %x cos %c sin %c : tensor<2x4x8x64xf32>, tensor<2x9x32xf32>, tensor<2x9x32xf32>
  return
}

// -----

func.func @rows_and_positions(%x: tensor<2x4x8x64xf32>, %c: tensor<2x8x32xf32>, %p: tensor<2x8xi32>) {
  // expected-error @+1 {{where positions mean nothing; drop them}}
  %a = attn.rope %x cos %c sin %c positions %p : tensor<2x4x8x64xf32>, tensor<2x8x32xf32>, tensor<2x8x32xf32>, tensor<2x8xi32>
  return
}

// -----

func.func @float_positions(%x: tensor<2x4x8x64xf32>, %c: tensor<?x32xf32>, %p: tensor<2x8xf32>) {
  // expected-error @+1 {{positions of input must be integers [B, N], got 'tensor<2x8xf32>'}}
  %a = attn.rope %x cos %c sin %c positions %p : tensor<2x4x8x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>, tensor<2x8xf32>
  return
}

// -----

func.func @few_positions(%x: tensor<2x4x8x64xf32>, %c: tensor<?x32xf32>, %p: tensor<2x7xi32>) {
  // expected-error @+1 {{positions of input must be one for each sequence and row, got 'tensor<2x7xi32>'}}
  %a = attn.rope %x cos %c sin %c positions %p : tensor<2x4x8x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>, tensor<2x7xi32>
  return
}

// -----

func.func @offset_and_positions(%x: tensor<2x4x8x64xf32>, %c: tensor<?x32xf32>, %p: tensor<2x8xi32>, %past: index) {
  // expected-error @+1 {{has an offset beside positions, which have it already}}
  %a = attn.rope %x cos %c sin %c positions %p offset %past : tensor<2x4x8x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>, tensor<2x8xi32>
  return
}

// -----

func.func @one_table(%x: memref<2x4x8x64xf32>, %c: memref<?x32xf32>, %o: memref<2x4x8x64xf32>) {
  // expected-error @+1 {{rotates query by 1 arrays; it takes cos, sin and optionally positions}}
  attn.attention %x, %x, %x outs(%o) query_rope(%c)
    : (memref<2x4x8x64xf32>, memref<2x4x8x64xf32>, memref<2x4x8x64xf32>, memref<2x4x8x64xf32>, memref<?x32xf32>) -> ()
  return
}

// -----

func.func @offset_per_sequence(%x: memref<2x4x8x64xf32>, %c: memref<?x32xf32>, %past: memref<2xi32>, %o: memref<2x4x8x64xf32>) {
  // expected-error @+1 {{has a q_offset per sequence; give query_rope the positions of the rows}}
  attn.attention %x, %x, %x q_offset %past outs(%o) query_rope(%c, %c)
    : (memref<2x4x8x64xf32>, memref<2x4x8x64xf32>, memref<2x4x8x64xf32>, memref<2xi32>, memref<2x4x8x64xf32>, memref<?x32xf32>,
       memref<?x32xf32>) -> ()
  return
}

// -----

func.func @tile_without_position(%x: memref<2x4x?x64xf32>, %c: memref<?x32xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    // expected-error @+1 {{needs the position of its first row with rope, and only then}}
    %q = "attn.load_tile"(%x, %b, %h, %t, %n, %c, %c) {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 2, 0, 0, 0, 0>}
      : (memref<2x4x?x64xf32>, index, index, index, index, memref<?x32xf32>, memref<?x32xf32>) -> !attn.tile<query, 32x64xf32>
  }
  return
}

// -----

func.func @rotated_values(%x: memref<2x4x?x64xf32>, %c: memref<?x32xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    // expected-error @+1 {{rotates values; only queries and keys are rotated}}
    %q = attn.load_tile %x[%b, %h, %t] valid %n rope(%c, %c) at %t
      : memref<2x4x?x64xf32>, memref<?x32xf32>, memref<?x32xf32> -> <value, 64x64xf32>
  }
  return
}

// -----

func.func @far_tables_alone(%x: tensor<2x4x8x64xf32>, %c: tensor<?x32xf32>) -> tensor<2x4x8x64xf32> {
  // expected-error @+1 {{has far_query_rope or far_key_rope without `far`, which says for which pairs}}
  %o = attn.attention %x, %x, %x far_key_rope(%c, %c) : (tensor<2x4x8x64xf32>, tensor<2x4x8x64xf32>, tensor<2x4x8x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>) -> tensor<2x4x8x64xf32>
  return %o : tensor<2x4x8x64xf32>
}

// -----

func.func @far_pairs(%x: tensor<2x4x8x64xf32>, %c: tensor<?x33xf32>) -> tensor<2x4x8x64xf32> {
  // expected-error @+1 {{turns 33 pairs of columns, but key has 64 columns}}
  %o = attn.attention %x, %x, %x far_key_rope(%c, %c) far (%b, %h, %i, %j) {
    %past = arith.cmpi sgt, %i, %j : index
    attn.yield %past : i1
  } : (tensor<2x4x8x64xf32>, tensor<2x4x8x64xf32>, tensor<2x4x8x64xf32>, tensor<?x33xf32>, tensor<?x33xf32>) -> tensor<2x4x8x64xf32>
  return %o : tensor<2x4x8x64xf32>
}

// -----

func.func @far_offset_per_sequence(%x: tensor<2x4x8x64xf32>, %c: tensor<?x32xf32>, %past: tensor<2xi32>) -> tensor<2x4x8x64xf32> {
  // expected-error @+1 {{has a q_offset per sequence; give far_query_rope the positions of the rows}}
  %o = attn.attention %x, %x, %x q_offset %past far_query_rope(%c, %c) far (%b, %h, %i, %j) {
    %p = arith.cmpi sgt, %i, %j : index
    attn.yield %p : i1
  }
    : (tensor<2x4x8x64xf32>, tensor<2x4x8x64xf32>, tensor<2x4x8x64xf32>, tensor<2xi32>, tensor<?x32xf32>, tensor<?x32xf32>) -> tensor<2x4x8x64xf32>
  return %o : tensor<2x4x8x64xf32>
}

// -----

func.func @far_is_no_condition(%x: tensor<2x4x8x64xf32>) -> tensor<2x4x8x64xf32> {
  // expected-error @+1 {{far region must end with attn.yield of one 'i1', true for a pair of the other rotation}}
  %o = attn.attention %x, %x, %x far (%b, %h, %i, %j) {
    attn.yield %i : index
  } : (tensor<2x4x8x64xf32>, tensor<2x4x8x64xf32>, tensor<2x4x8x64xf32>) -> tensor<2x4x8x64xf32>
  return %o : tensor<2x4x8x64xf32>
}

// -----

func.func @far_latent(%q: tensor<2x4x?x48xf32>, %c: tensor<2x1x?x80xf32>, %up: tensor<4x32x64xf32>) -> tensor<2x4x?x32xf32> {
  // expected-error @+1 {{is latent and has two rotations, which nothing computes}}
  %o = attn.attention %q, %c, %c latent(%up, %up) far (%b, %h, %i, %j) {
    %past = arith.cmpi sgt, %i, %j : index
    attn.yield %past : i1
  }
    : (tensor<2x4x?x48xf32>, tensor<2x1x?x80xf32>, tensor<2x1x?x80xf32>, tensor<4x32x64xf32>, tensor<4x32x64xf32>) -> tensor<2x4x?x32xf32>
  return %o : tensor<2x4x?x32xf32>
}
