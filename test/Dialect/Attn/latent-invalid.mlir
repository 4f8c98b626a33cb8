// RUN: fovea-opt %s --split-input-file --verify-diagnostics

func.func @one_projection(%q: tensor<2x6x9x48xf32>, %c: tensor<2x1x9x80xf32>, %ku: tensor<6x32x64xf32>) {
  // expected-error @+1 {{has 1 latent projections; it takes two, of keys and of values}}
  %o = attn.attention %q, %c, %c latent(%ku) : (tensor<2x6x9x48xf32>, tensor<2x1x9x80xf32>, tensor<2x1x9x80xf32>, tensor<6x32x64xf32>) -> tensor<2x6x9x40xf32>
  return
}

// -----

func.func @two_caches(%q: tensor<2x6x9x48xf32>, %c: tensor<2x1x9x80xf32>, %d: tensor<2x1x9x80xf32>, %ku: tensor<6x32x64xf32>) {
  // expected-error @+1 {{is latent: keys and values come from one cache, which is given as both}}
  %o = attn.attention %q, %c, %d latent(%ku, %ku) : (tensor<2x6x9x48xf32>, tensor<2x1x9x80xf32>, tensor<2x1x9x80xf32>, tensor<6x32x64xf32>, tensor<6x32x64xf32>) -> tensor<2x6x9x32xf32>
  return
}

// -----

func.func @two_heads(%q: tensor<2x6x9x48xf32>, %c: tensor<2x2x9x80xf32>, %ku: tensor<6x32x64xf32>) {
  // expected-error @+1 {{is latent: all query heads share one head of the cache, got 2}}
  %o = attn.attention %q, %c, %c latent(%ku, %ku) : (tensor<2x6x9x48xf32>, tensor<2x2x9x80xf32>, tensor<2x2x9x80xf32>, tensor<6x32x64xf32>, tensor<6x32x64xf32>) -> tensor<2x6x9x32xf32>
  return
}

// -----

func.func @pointwise(%q: tensor<2x6x9x48xf32>, %c: tensor<2x1x9x80xf32>, %ku: tensor<6x32x64xf32>) {
  // expected-error @+1 {{is latent and has pointwise weights, which nothing computes}}
  %o = attn.attention %q, %c, %c latent(%ku, %ku) weights <pointwise> : (tensor<2x6x9x48xf32>, tensor<2x1x9x80xf32>, tensor<2x1x9x80xf32>, tensor<6x32x64xf32>, tensor<6x32x64xf32>) -> tensor<2x6x9x32xf32>
  return
}

// -----

func.func @projections_of_other_heads(%q: tensor<2x6x9x48xf32>, %c: tensor<2x1x9x80xf32>, %ku: tensor<5x32x64xf32>) {
  // expected-error @+1 {{key_up must have a projection for each query head (6), got 'tensor<5x32x64xf32>'}}
  %o = attn.attention %q, %c, %c latent(%ku, %ku) : (tensor<2x6x9x48xf32>, tensor<2x1x9x80xf32>, tensor<2x1x9x80xf32>, tensor<5x32x64xf32>, tensor<5x32x64xf32>) -> tensor<2x6x9x32xf32>
  return
}

// -----

func.func @rank(%q: tensor<2x6x9x48xf32>, %c: tensor<2x1x9x80xf32>, %ku: tensor<6x32x64xf32>, %vu: tensor<6x40xf32>) {
  // expected-error @+1 {{value_up must have rank 3, got 'tensor<6x40xf32>'}}
  %o = attn.attention %q, %c, %c latent(%ku, %vu) : (tensor<2x6x9x48xf32>, tensor<2x1x9x80xf32>, tensor<2x1x9x80xf32>, tensor<6x32x64xf32>, tensor<6x40xf32>) -> tensor<2x6x9x40xf32>
  return
}

// -----

func.func @element(%q: tensor<2x6x9x48xf32>, %c: tensor<2x1x9x80xf32>, %ku: tensor<6x32x64xf16>) {
  // expected-error @+1 {{key_up must have element type 'f32' like query, got 'tensor<6x32x64xf16>'}}
  %o = attn.attention %q, %c, %c latent(%ku, %ku) : (tensor<2x6x9x48xf32>, tensor<2x1x9x80xf32>, tensor<2x1x9x80xf32>, tensor<6x32x64xf16>, tensor<6x32x64xf16>) -> tensor<2x6x9x32xf32>
  return
}

// -----

func.func @dynamic(%q: tensor<2x6x9x48xf32>, %c: tensor<2x1x9x80xf32>, %ku: tensor<6x32x?xf32>) {
  // expected-error @+1 {{key_up must be [heads, columns, latents] with static columns and latents, got 'tensor<6x32x?xf32>'}}
  %o = attn.attention %q, %c, %c latent(%ku, %ku) : (tensor<2x6x9x48xf32>, tensor<2x1x9x80xf32>, tensor<2x1x9x80xf32>, tensor<6x32x?xf32>, tensor<6x32x?xf32>) -> tensor<2x6x9x32xf32>
  return
}

// -----

func.func @widths(%q: tensor<2x6x9x48xf32>, %c: tensor<2x1x9x80xf32>, %ku: tensor<6x32x64xf32>, %vu: tensor<6x40x60xf32>) {
  // expected-error @+1 {{key_up and value_up must project the same number of latents, got 64 and 60}}
  %o = attn.attention %q, %c, %c latent(%ku, %vu) : (tensor<2x6x9x48xf32>, tensor<2x1x9x80xf32>, tensor<2x1x9x80xf32>, tensor<6x32x64xf32>, tensor<6x40x60xf32>) -> tensor<2x6x9x40xf32>
  return
}

// -----

func.func @columns(%q: tensor<2x6x9x48xf32>, %c: tensor<2x1x9x81xf32>, %ku: tensor<6x32x64xf32>) {
  // expected-error @+1 {{has 81 columns in the cache, of which key_up makes 32 of 64 latents and leaves the others: that are not the 48 columns of query}}
  %o = attn.attention %q, %c, %c latent(%ku, %ku) : (tensor<2x6x9x48xf32>, tensor<2x1x9x81xf32>, tensor<2x1x9x81xf32>, tensor<6x32x64xf32>, tensor<6x32x64xf32>) -> tensor<2x6x9x32xf32>
  return
}

// -----

func.func @output(%q: tensor<2x6x9x48xf32>, %c: tensor<2x1x9x80xf32>, %ku: tensor<6x32x64xf32>) {
  // expected-error @+1 {{output must have query's batches, heads and positions and value's head size, got 'tensor<2x6x9x80xf32>'}}
  %o = attn.attention %q, %c, %c latent(%ku, %ku) : (tensor<2x6x9x48xf32>, tensor<2x1x9x80xf32>, tensor<2x1x9x80xf32>, tensor<6x32x64xf32>, tensor<6x32x64xf32>) -> tensor<2x6x9x80xf32>
  return
}

// -----

func.func @rope(%q: tensor<2x6x9x48xf32>, %c: tensor<2x1x9x80xf32>, %ku: tensor<6x32x64xf32>, %cos: tensor<99x9xf32>) {
  // expected-error @+1 {{rotates more columns of query than the 16 that do not come from latents}}
  %o = attn.attention %q, %c, %c query_rope(%cos, %cos) latent(%ku, %ku) : (tensor<2x6x9x48xf32>, tensor<2x1x9x80xf32>, tensor<2x1x9x80xf32>, tensor<99x9xf32>, tensor<99x9xf32>, tensor<6x32x64xf32>, tensor<6x32x64xf32>) -> tensor<2x6x9x32xf32>
  return
}

// -----

func.func @form_alone(%q: tensor<2x6x9x48xf32>) {
  // expected-error @+1 {{has the form of a latent attention without latent projections}}
  %o = attn.attention %q, %q, %q form <expanded> : (tensor<2x6x9x48xf32>, tensor<2x6x9x48xf32>, tensor<2x6x9x48xf32>) -> tensor<2x6x9x48xf32>
  return
}

// -----

func.func @absorbed_keys(%c: memref<2x1x?x80xf32>, %ku: memref<6x32x64xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 128, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    // expected-error @+1 {{absorbs a projection into rows that are no queries}}
    %k = attn.load_tile %c[%b, %h, %n] valid %n absorb %ku : memref<6x32x64xf32> : memref<2x1x?x80xf32> -> !attn.tile<key, 64x112xf32>
  }
  return
}

// -----

func.func @absorbed_widths(%c: memref<2x1x?x80xf32>, %ku: memref<6x32x64xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 128, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    // expected-error @+1 {{absorbs a projection [heads, columns, latents] of static sizes, with at most the tile's 48 latents, got 'memref<6x32x64xf32>'}}
    %k = attn.load_tile %c[%b, %h, %n] valid %n absorb %ku : memref<6x32x64xf32> : memref<2x1x?x80xf32> -> !attn.tile<query, 64x48xf32>
  }
  return
}

// -----

func.func @turned_beyond(%c: memref<2x1x?x80xf32>, %cos: memref<?x8xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 128, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    // expected-error @+1 {{rotates 16 columns from 65 on of 80}}
    %k = attn.load_tile %c[%b, %h, %n] valid %n rope(%cos, %cos) at %n columns from 65 : memref<2x1x?x80xf32>, memref<?x8xf32>, memref<?x8xf32> -> !attn.tile<key, 64x80xf32>
  }
  return
}

// -----

func.func @expanded_queries(%l: !attn.tile<query, 64x80xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 128, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    // expected-error @+1 {{makes keys or values of latents by a projection, which is a query tile}}
    %k = attn.expand_tile %l by %l rows 32 valid %n : !attn.tile<query, 64x80xf32>, !attn.tile<query, 64x80xf32> -> !attn.tile<key, 64x48xf32>
  }
  return
}

// -----

func.func @expanded_rows(%l: !attn.tile<key, 64x80xf32>, %u: !attn.tile<query, 32x64xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 128, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    // expected-error @+1 {{means 33 rows of a projection that has 32}}
    %k = attn.expand_tile %l by %u rows 33 valid %n : !attn.tile<key, 64x80xf32>, !attn.tile<query, 32x64xf32> -> !attn.tile<key, 64x48xf32>
  }
  return
}

// -----

func.func @expanded_columns(%l: !attn.tile<key, 64x80xf32>, %u: !attn.tile<query, 32x64xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 128, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    // expected-error @+1 {{cannot make 49 columns of 32 projected ones and 80 - 64 that latents have besides}}
    %k = attn.expand_tile %l by %u rows 32 valid %n : !attn.tile<key, 64x80xf32>, !attn.tile<query, 32x64xf32> -> !attn.tile<key, 64x49xf32>
  }
  return
}

// -----

func.func @packed_by_one(%s: !attn.state<32x64xf32>, %q: !attn.tile<query, 32x80xf32>, %k: !attn.tile<key, 64x80xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 128, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    // expected-error @+1 {{is packed by the first row and the rows of a head, got 1 numbers}}
    %s1 = attn.update %s, %q, %k, %k at (%b, %h, %n, %n) valid (%n, %n) packed(%n) scale 1.0
      : !attn.state<32x64xf32>, !attn.tile<query, 32x80xf32>, !attn.tile<key, 64x80xf32>, !attn.tile<key, 64x80xf32>
  }
  return
}

// -----

func.func @output_of_other_latents(%o: memref<2x6x?x40xf32>, %vu: memref<6x40x63xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 128, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %s = attn.init_state : !attn.state<32x64xf32>
    // expected-error @+1 {{expands by a projection [heads, columns, 64] of static sizes, got 'memref<6x40x63xf32>'}}
    attn.finalize %s into %o[%b, %h, %n] valid %n expand %vu : memref<6x40x63xf32> : !attn.state<32x64xf32>, memref<2x6x?x40xf32>
  }
  return
}
