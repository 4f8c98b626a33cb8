// RUN: fovea-opt %s --split-input-file --verify-diagnostics

func.func @rank(%x: tensor<2x4x?x64xf32>, %g: tensor<1x64xf32>) -> tensor<2x4x?x64xf32> {
  // expected-error @+1 {{query_norm must have rank 1, got 'tensor<1x64xf32>'}}
  %o = attn.attention %x, %x, %x query_norm(%g) : (tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<1x64xf32>) -> tensor<2x4x?x64xf32>
  return %o : tensor<2x4x?x64xf32>
}

// -----

func.func @type(%x: tensor<2x4x?x64xf32>, %g: tensor<64xf16>) -> tensor<2x4x?x64xf32> {
  // expected-error @+1 {{key_norm must have element type f32, got 'tensor<64xf16>'}}
  %o = attn.attention %x, %x, %x key_norm(%g) : (tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<64xf16>) -> tensor<2x4x?x64xf32>
  return %o : tensor<2x4x?x64xf32>
}

// -----

func.func @size(%x: tensor<2x4x?x64xf32>, %g: tensor<32xf32>) -> tensor<2x4x?x64xf32> {
  // expected-error @+1 {{query_norm must have a gain for each of 64 columns, got 'tensor<32xf32>'}}
  %o = attn.attention %x, %x, %x query_norm(%g) : (tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<32xf32>) -> tensor<2x4x?x64xf32>
  return %o : tensor<2x4x?x64xf32>
}

// -----

func.func @dynamic(%x: tensor<2x4x?x64xf32>, %g: tensor<?xf32>) -> tensor<2x4x?x64xf32> {
  // expected-error @+1 {{key_norm must have a gain for each of 64 columns, got 'tensor<?xf32>'}}
  %o = attn.attention %x, %x, %x key_norm(%g) : (tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<?xf32>) -> tensor<2x4x?x64xf32>
  return %o : tensor<2x4x?x64xf32>
}

// -----

func.func @epsilon_alone(%x: tensor<2x4x?x64xf32>, %g: tensor<64xf32>) -> tensor<2x4x?x64xf32> {
  // expected-error @+1 {{has an epsilon and neither query_norm nor key_norm, whose epsilon it is}}
  %o = attn.attention %x, %x, %x epsilon 1.0e-6 : (tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>) -> tensor<2x4x?x64xf32>
  return %o : tensor<2x4x?x64xf32>
}

// -----

func.func @negative(%x: tensor<2x4x?x64xf32>, %g: tensor<64xf32>) -> tensor<2x4x?x64xf32> {
  // expected-error @+1 {{epsilon must be in [0, 1], got}}
  %o = attn.attention %x, %x, %x query_norm(%g) epsilon -1.0e-6 : (tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<64xf32>) -> tensor<2x4x?x64xf32>
  return %o : tensor<2x4x?x64xf32>
}

// -----

func.func @nan(%x: tensor<2x4x?x64xf32>, %g: tensor<64xf32>) -> tensor<2x4x?x64xf32> {
  // expected-error @+1 {{epsilon must be in [0, 1], got}}
  %o = attn.attention %x, %x, %x query_norm(%g) epsilon 0x7FF8000000000000 : (tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<64xf32>) -> tensor<2x4x?x64xf32>
  return %o : tensor<2x4x?x64xf32>
}

// -----

func.func @latent(%q: tensor<2x4x?x48xf32>, %c: tensor<2x1x?x80xf32>, %up: tensor<4x32x64xf32>, %g: tensor<48xf32>) -> tensor<2x4x?x32xf32> {
  // expected-error @+1 {{is latent and has a query_norm, which nothing computes; latents are normalised before they enter the cache}}
  %o = attn.attention %q, %c, %c query_norm(%g) latent(%up, %up)
    : (tensor<2x4x?x48xf32>, tensor<2x1x?x80xf32>, tensor<2x1x?x80xf32>, tensor<4x32x64xf32>, tensor<4x32x64xf32>, tensor<48xf32>) -> tensor<2x4x?x32xf32>
  return %o : tensor<2x4x?x32xf32>
}

// -----

func.func @values(%x: memref<2x4x?x64xf32>, %g: memref<?xf32>, %g32: memref<32xf32>, %g64: memref<64xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    // expected-error @+1 {{normalises queries or keys by a gain for each of 64 columns}}
    %k = attn.load_tile %x[%b, %h, %t] valid %n norm %g64 epsilon 1.0e-6 : memref<64xf32> : memref<2x4x?x64xf32> -> <value, 64x64xf32>
  }
  return
}

// -----

func.func @tile_size(%x: memref<2x4x?x64xf32>, %g: memref<?xf32>, %g32: memref<32xf32>, %g64: memref<64xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    // expected-error @+1 {{normalises queries or keys by a gain for each of 64 columns}}
    %k = attn.load_tile %x[%b, %h, %t] valid %n norm %g32 epsilon 1.0e-6 : memref<32xf32> : memref<2x4x?x64xf32> -> <key, 64x64xf32>
  }
  return
}

// -----

func.func @tile_epsilon(%x: memref<2x4x?x64xf32>, %g: memref<?xf32>, %g32: memref<32xf32>, %g64: memref<64xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    // expected-error @+1 {{needs an epsilon with norm, and only then}}
    %k = attn.load_tile %x[%b, %h, %t] valid %n {epsilon = 1.0e-6 : f64} : memref<2x4x?x64xf32> -> <key, 64x64xf32>
  }
  return
}
