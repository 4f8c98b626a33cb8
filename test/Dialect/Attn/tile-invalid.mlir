// RUN: fovea-opt %s --split-input-file --verify-diagnostics

func.func @f() {
  // expected-error@+1 {{'attn.yield' op expects parent op to be one of 'attn.attention, attn.linear_attention, attn.linear_chunk, attn.task, attn.tile_bounds, attn.update'}}
  attn.yield
}

// -----

// Tiles.

func.func @f(%n: index) {
  // expected-error@+1 {{a task is (sequence, head, query tile) in (batches, heads, tiles)}}
  attn.task (%b, %h) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
  }
  return
}

// -----

func.func @f(%n: index) {
  // expected-error@+1 {{'attn.task' op takes batches, heads, tiles and, if it is packed, group and splits; got 4 operands}}
  "attn.task"(%n, %n, %n, %n) <{schedule = #attn.schedule<query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4>}> ({
  ^bb0(%b: index, %h: index, %t: index, %s: index):
    attn.yield
  }) : (index, index, index, index) -> ()
  return
}

// -----

func.func @f(%n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    // expected-error@+1 {{'attn.partials' op must be at the top level of an attn.task with splits}}
    %buffer, %piece, %pieces = attn.partials %n : memref<?x?xi32, strided<[?, 1], offset: ?>>
  }
  return
}

// -----

func.func @f(%n: index) {
  // expected-error@+1 {{'attn.task' op body must take three indices: sequence, head, query tile; a packed one also the split}}
  "attn.task"(%n, %n, %n) <{schedule = #attn.schedule<query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4>}> ({
  ^bb0(%b: index):
    attn.yield
  }) : (index, index, index) -> ()
  return
}

// -----

func.func @f(%n: index) {
  // expected-error@+1 {{'attn.task' op yields nothing: its results are what attn.finalize writes}}
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    attn.yield %b : index
  }
  return
}

// -----

func.func @f(%m: memref<2x4x8x16xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    // expected-error@+1 {{'attn.task' op stands inside another task}}
    attn.task (%b2, %h2, %t2) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    }
  }
  return
}

// -----

func.func @f(%m: memref<2x4x8x16xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    // expected-error@+1 {{'attn.tile_bounds' op step must be positive, got 0}}
    %x:4 = attn.tile_bounds (%b, %h) rows (%t to %n) keys (%t to %n step 0) mask (%mb, %mh, %i, %j) {
      %true = arith.constant true
      attn.yield %true : i1
    }
  }
  return
}

// -----

func.func @f(%m: memref<2x4x8x16xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    // expected-error@+1 {{'attn.tile_bounds' op mask region must end with attn.yield of one 'i1'}}
    %x:4 = attn.tile_bounds (%b, %h) rows (%t to %n) keys (%t to %n step 4) mask (%mb, %mh, %i, %j) {
      attn.yield %i : index
    }
  }
  return
}

// -----

func.func @f(%m: memref<2x4x8x16xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    // expected-error@+1 {{'attn.load_tile' op source must have 32 columns, got 'memref<2x4x8x16xf32>'}}
    %x = attn.load_tile %m[%b, %h, %t] valid %n : memref<2x4x8x16xf32> -> !attn.tile<query, 32x32xf32>
  }
  return
}

// -----

func.func @f(%m: memref<2x4x8x16xf16>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    // expected-error@+1 {{'attn.load_tile' op source must have element type 'f32', got 'memref<2x4x8x16xf16>'}}
    %x = attn.load_tile %m[%b, %h, %t] valid %n : memref<2x4x8x16xf16> -> !attn.tile<query, 32x16xf32>
  }
  return
}

// -----

func.func @f(%m: memref<2x4x8x16xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    // expected-error@+1 {{'attn.load_tile' op has 16 rows, but the schedule's query_tile is 32}}
    %x = attn.load_tile %m[%b, %h, %t] valid %n : memref<2x4x8x16xf32> -> !attn.tile<query, 16x16xf32>
  }
  return
}

// -----

func.func @f(%m: memref<2x4x8x16xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    // expected-error@+1 {{'attn.load_tile' op has 32 rows, but the schedule's key_block is 64}}
    %x = attn.load_tile %m[%b, %h, %t] valid %n : memref<2x4x8x16xf32> -> !attn.tile<key, 32x16xf32>
  }
  return
}

// -----

func.func @f(%m: memref<2x4x8x16xf32>, %n: index) {
  // expected-error@+1 {{'attn.load_tile' op must be inside attn.task}}
  %x = attn.load_tile %m[%n, %n, %n] valid %n : memref<2x4x8x16xf32> -> !attn.tile<query, 32x16xf32>
  return
}

// -----

func.func @f(%m: memref<2x4x8x16xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    // expected-error@+1 {{'attn.init_state' op has 48 rows, but the schedule's query_tile is 32}}
    %x = attn.init_state : !attn.state<48x16xf32>
  }
  return
}

// -----

func.func @f(%q: !attn.tile<query, 32x16xf32>, %k: !attn.tile<value, 64x16xf32>, %v: !attn.tile<key, 64x16xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %s = attn.init_state : !attn.state<32x16xf32>
    // expected-error@+1 {{'attn.update' op takes a query, a key and a value tile in this order}}
    %r = attn.update %s, %q, %k, %v at (%b, %h, %n, %n) valid (%n, %n) scale 1.0 : !attn.state<32x16xf32>, !attn.tile<query, 32x16xf32>, !attn.tile<value, 64x16xf32>, !attn.tile<key, 64x16xf32>
  }
  return
}

// -----

func.func @f(%q: !attn.tile<query, 16x16xf32>, %k: !attn.tile<key, 64x16xf32>, %v: !attn.tile<value, 64x16xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %s = attn.init_state : !attn.state<32x16xf32>
    // expected-error@+1 {{'attn.update' op query tile has 16 rows, but the state has 32}}
    %r = attn.update %s, %q, %k, %v at (%b, %h, %n, %n) valid (%n, %n) scale 1.0 : !attn.state<32x16xf32>, !attn.tile<query, 16x16xf32>, !attn.tile<key, 64x16xf32>, !attn.tile<value, 64x16xf32>
  }
  return
}

// -----

func.func @f(%q: !attn.tile<query, 32x16xf32>, %k: !attn.tile<key, 64x16xf32>, %v: !attn.tile<value, 32x16xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %s = attn.init_state : !attn.state<32x16xf32>
    // expected-error@+1 {{'attn.update' op key and value tiles must have the same number of rows, got 64 and 32}}
    %r = attn.update %s, %q, %k, %v at (%b, %h, %n, %n) valid (%n, %n) scale 1.0 : !attn.state<32x16xf32>, !attn.tile<query, 32x16xf32>, !attn.tile<key, 64x16xf32>, !attn.tile<value, 32x16xf32>
  }
  return
}

// -----

func.func @f(%q: !attn.tile<query, 32x8xf32>, %k: !attn.tile<key, 64x16xf32>, %v: !attn.tile<value, 64x16xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %s = attn.init_state : !attn.state<32x16xf32>
    // expected-error@+1 {{'attn.update' op query and key tiles must have the same head size, got 8 and 16}}
    %r = attn.update %s, %q, %k, %v at (%b, %h, %n, %n) valid (%n, %n) scale 1.0 : !attn.state<32x16xf32>, !attn.tile<query, 32x8xf32>, !attn.tile<key, 64x16xf32>, !attn.tile<value, 64x16xf32>
  }
  return
}

// -----

func.func @f(%q: !attn.tile<query, 32x16xf32>, %k: !attn.tile<key, 64x16xf32>, %v: !attn.tile<value, 64x8xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %s = attn.init_state : !attn.state<32x16xf32>
    // expected-error@+1 {{'attn.update' op value tile has 8 columns, but the state has 16}}
    %r = attn.update %s, %q, %k, %v at (%b, %h, %n, %n) valid (%n, %n) scale 1.0 : !attn.state<32x16xf32>, !attn.tile<query, 32x16xf32>, !attn.tile<key, 64x16xf32>, !attn.tile<value, 64x8xf32>
  }
  return
}

// -----

func.func @f(%q: !attn.tile<query, 32x16xf32>, %k: !attn.tile<key, 32x16xf32>, %v: !attn.tile<value, 32x16xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %s = attn.init_state : !attn.state<32x16xf32>
    // expected-error@+1 {{'attn.update' op has 32 rows, but the schedule's key_block is 64}}
    %r = attn.update %s, %q, %k, %v at (%b, %h, %n, %n) valid (%n, %n) scale 1.0 : !attn.state<32x16xf32>, !attn.tile<query, 32x16xf32>, !attn.tile<key, 32x16xf32>, !attn.tile<value, 32x16xf32>
  }
  return
}

// -----

func.func @f(%q: !attn.tile<query, 32x16xf32>, %k: !attn.tile<key, 64x16xf32>, %v: !attn.tile<value, 64x16xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %s = attn.init_state : !attn.state<32x16xf32>
    // expected-error@+1 {{'attn.update' op scale must be finite in f32}}
    %r = attn.update %s, %q, %k, %v at (%b, %h, %n, %n) valid (%n, %n) scale 0x7FF8000000000000 : !attn.state<32x16xf32>, !attn.tile<query, 32x16xf32>, !attn.tile<key, 64x16xf32>, !attn.tile<value, 64x16xf32>
  }
  return
}

// -----

func.func @f(%q: !attn.tile<query, 32x16xf32>, %k: !attn.tile<key, 64x16xf32>, %v: !attn.tile<value, 64x16xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %s = attn.init_state : !attn.state<32x16xf32>
    // expected-error@+1 {{'attn.update' op score region must end with attn.yield of one 'f32'}}
    %r = attn.update %s, %q, %k, %v at (%b, %h, %n, %n) valid (%n, %n) scale 1.0 score (%x, %sb, %sh, %i, %j) { attn.yield %i : index } : !attn.state<32x16xf32>, !attn.tile<query, 32x16xf32>, !attn.tile<key, 64x16xf32>, !attn.tile<value, 64x16xf32>
  }
  return
}

// -----

func.func @f(%o: memref<2x4x8x8xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %s = attn.init_state : !attn.state<32x16xf32>
    // expected-error@+1 {{'attn.finalize' op output must have 16 columns, got 'memref<2x4x8x8xf32>'}}
    attn.finalize %s into %o[%b, %h, %t] valid %n : !attn.state<32x16xf32>, memref<2x4x8x8xf32>
  }
  return
}

// -----

func.func @f(%o: memref<2x4x8x16xf64>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %s = attn.init_state : !attn.state<32x16xf32>
    // expected-error@+1 {{'attn.finalize' op output must have element type 'f32', got 'memref<2x4x8x16xf64>'}}
    attn.finalize %s into %o[%b, %h, %t] valid %n : !attn.state<32x16xf32>, memref<2x4x8x16xf64>
  }
  return
}

// -----

// A state is linear.

func.func @f(%o: memref<2x4x8x16xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    // expected-error@+1 {{'attn.init_state' op produces a state with several uses; a state is linear, one use on each path}}
    %s = attn.init_state : !attn.state<32x16xf32>
    attn.finalize %s into %o[%b, %h, %t] valid %n : !attn.state<32x16xf32>, memref<2x4x8x16xf32>
    attn.finalize %s into %o[%b, %h, %t] valid %n : !attn.state<32x16xf32>, memref<2x4x8x16xf32>
  }
  return
}

// -----

// One of the two uses is in a branch: on that path it has two.
func.func @f(%o: memref<2x4x8x16xf32>, %n: index, %c: i1) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    // expected-error@+1 {{'attn.init_state' op produces a state with several uses}}
    %s = attn.init_state : !attn.state<32x16xf32>
    scf.if %c {
      attn.finalize %s into %o[%b, %h, %t] valid %n : !attn.state<32x16xf32>, memref<2x4x8x16xf32>
    }
    attn.finalize %s into %o[%b, %h, %t] valid %n : !attn.state<32x16xf32>, memref<2x4x8x16xf32>
  }
  return
}

// -----

// One use, but in a loop: it happens many times.
func.func @f(%o: memref<2x4x8x16xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    // expected-error@+1 {{'attn.init_state' op produces a state with several uses}}
    %s = attn.init_state : !attn.state<32x16xf32>
    scf.for %x = %n to %n step %n {
      attn.finalize %s into %o[%b, %h, %t] valid %n : !attn.state<32x16xf32>, memref<2x4x8x16xf32>
    }
  }
  return
}

// -----

func.func @f(%o: memref<2x4x8x16xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %s0 = attn.init_state : !attn.state<32x16xf32>
    // expected-error@+1 {{'scf.for' op carries a state with several uses}}
    %r = scf.for %x = %n to %n step %n iter_args(%s = %s0) -> (!attn.state<32x16xf32>) {
      attn.finalize %s into %o[%b, %h, %t] valid %n : !attn.state<32x16xf32>, memref<2x4x8x16xf32>
      scf.yield %s : !attn.state<32x16xf32>
    }
  }
  return
}

// -----

func.func @f(%a: memref<?x?xi32>) {
  // expected-error@+1 {{'attn.summary' op range takes one dimension of 'memref<?x?xi32>', got [0, 1]}}
  %s = attn.summary range of %a dims [0, 1] grains [8, 8] : memref<?x?xi32>
  return
}

// -----

func.func @f(%a: memref<?x?xi32>) {
  // expected-error@+1 {{'attn.summary' op range takes one dimension of 'memref<?x?xi32>', got [2]}}
  %s = attn.summary range of %a dims [2] grains [8] : memref<?x?xi32>
  return
}

// -----

func.func @f(%a: memref<?x?xi32>) {
  // expected-error@+1 {{'attn.summary' op count takes two ascending dimensions of 'memref<?x?xi32>', got [1, 0]}}
  %s = attn.summary count of %a dims [1, 0] grains [8, 8] : memref<?x?xi32>
  return
}

// -----

func.func @f(%a: memref<?x?xi32>) {
  // expected-error@+1 {{takes a power of two for each of its dimensions as grains, got [8, 6]}}
  %s = attn.summary count of %a dims [0, 1] grains [8, 6] : memref<?x?xi32>
  return
}

// -----

func.func @f(%a: memref<?xi32>) {
  // expected-error@+1 {{takes a power of two for each of its dimensions as grains, got []}}
  %s = attn.summary range of %a dims [0] grains [] : memref<?xi32>
  return
}

// -----

func.func @f(%a: memref<?xi128>) {
  // expected-error@+1 {{knows f16, bf16, f32, f64, index and signless integers up to i64, not 'i128'}}
  %s = attn.summary range of %a dims [0] grains [8] : memref<?xi128>
  return
}

// -----

func.func @f(%a: memref<?xi32>, %t: memref<?xindex>) {
  // expected-error@+1 {{is stored as 'memref<?xindex>', but is a 'memref<?xindex, strided<[1]>>'}}
  %s = attn.summary range of %a dims [0] grains [8] stored %t : memref<?xi32>, memref<?xindex>
  return
}

// -----

func.func @f(%a: memref<?xi32>, %c: i1) {
  scf.if %c {
    // expected-error@+1 {{must stand at the top of a function: all of it may ask}}
    %s = attn.summary range of %a dims [0] grains [8] : memref<?xi32>
  }
  return
}
