// RUN: fovea-opt %s --split-input-file --verify-diagnostics

func.func @rank(%x: tensor<2x6x9x48xf32>, %w: tensor<48xf32>) {
  // expected-error @+1 {{additive must}}
  %o = attn.attention %x, %x, %x additive(%w) : (tensor<2x6x9x48xf32>, tensor<2x6x9x48xf32>, tensor<2x6x9x48xf32>, tensor<48xf32>) -> tensor<2x6x9x48xf32>
  return
}

// -----

func.func @type(%x: tensor<2x6x9x48xf32>, %w: tensor<6x48xf64>) {
  // expected-error @+1 {{additive must}}
  %o = attn.attention %x, %x, %x additive(%w) : (tensor<2x6x9x48xf32>, tensor<2x6x9x48xf32>, tensor<2x6x9x48xf32>, tensor<6x48xf64>) -> tensor<2x6x9x48xf32>
  return
}

// -----

func.func @heads(%x: tensor<2x6x9x48xf32>, %k: tensor<2x3x9x48xf32>, %w: tensor<3x48xf32>) {
  // expected-error @+1 {{additive must have a weight for each query head and column (6 x 48), got 'tensor<3x48xf32>'}}
  %o = attn.attention %x, %k, %k additive(%w) : (tensor<2x6x9x48xf32>, tensor<2x3x9x48xf32>, tensor<2x3x9x48xf32>, tensor<3x48xf32>) -> tensor<2x6x9x48xf32>
  return
}

// -----

func.func @columns(%x: tensor<2x6x9x48xf32>, %w: tensor<6x?xf32>) {
  // expected-error @+1 {{additive must have a weight for each query head and column (6 x 48), got 'tensor<6x?xf32>'}}
  %o = attn.attention %x, %x, %x additive(%w) : (tensor<2x6x9x48xf32>, tensor<2x6x9x48xf32>, tensor<2x6x9x48xf32>, tensor<6x?xf32>) -> tensor<2x6x9x48xf32>
  return
}

// -----

func.func @latent(%q: tensor<2x6x9x48xf32>, %c: tensor<2x1x9x80xf32>, %up: tensor<6x32x64xf32>, %w: tensor<6x48xf32>) {
  // expected-error @+1 {{is latent and additive, which nothing computes}}
  %o = attn.attention %q, %c, %c latent(%up, %up) additive(%w)
    : (tensor<2x6x9x48xf32>, tensor<2x1x9x80xf32>, tensor<2x1x9x80xf32>, tensor<6x32x64xf32>, tensor<6x32x64xf32>, tensor<6x48xf32>) -> tensor<2x6x9x32xf32>
  return
}

// -----

func.func @tile_columns(%q: memref<2x6x?x48xf32>, %w: memref<6x32xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %tq = attn.load_tile %q[%b, %h, %t] valid %n : memref<2x6x?x48xf32> -> !attn.tile<query, 32x48xf32>
    %tk = attn.load_tile %q[%b, %h, %t] valid %n : memref<2x6x?x48xf32> -> !attn.tile<key, 64x48xf32>
    %tv = attn.load_tile %q[%b, %h, %t] valid %n : memref<2x6x?x48xf32> -> !attn.tile<value, 64x48xf32>
    %s = attn.init_state : !attn.state<32x48xf32>
    // expected-error @+1 {{additive scores need a weight for each of 48 columns, got 'memref<6x32xf32>'}}
    %next = attn.update %s, %tq, %tk, %tv at (%b, %h, %t, %n) valid (%n, %n) additive %w : memref<6x32xf32> scale 1.0
      : !attn.state<32x48xf32>, !attn.tile<query, 32x48xf32>, !attn.tile<key, 64x48xf32>, !attn.tile<value, 64x48xf32>
  }
  return
}
