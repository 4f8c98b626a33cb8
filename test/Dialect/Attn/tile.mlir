// RUN: fovea-opt %s --attn-tile --split-input-file --verify-diagnostics | FileCheck %s

// Without a mask: one ask for the task's bounds, then every block is updated.
// CHECK-LABEL: func @plain(
// CHECK-SAME: %[[Q:[a-z0-9]+]]: memref<?x4x?x16xf32>, %[[K:[a-z0-9]+]]: memref<?x4x?x16xf32>, %[[O:[a-z0-9]+]]: memref<?x4x?x16xf32>
// CHECK: %[[BATCHES:.*]] = memref.dim %[[Q]], %c0
// CHECK: cf.assert %{{.*}}, "query and key must have the same batch size"
// CHECK: cf.assert %{{.*}}, "query and value must have the same batch size"
// CHECK: cf.assert %{{.*}}, "key and value must have the same number of heads"
// CHECK: cf.assert %{{.*}}, "key and value must have the same number of positions"
// CHECK: cf.assert %{{.*}}, "query and output must have the same batch size"
// CHECK: cf.assert %{{.*}}, "query and output must have the same number of heads"
// CHECK: cf.assert %{{.*}}, "query and output must have the same number of positions"
// CHECK: cf.assert %{{.*}}, "the number of query heads must be a multiple of the number of kv heads"
// CHECK: %[[TILES:.*]] = arith.ceildivui %{{.*}}, %c32
// CHECK: attn.task (%[[B:.*]], %[[H:.*]], %[[T:.*]]) in (%[[BATCHES]], %{{.*}}, %[[TILES]]) schedule <query_tile = 32, key_block = 64,
// CHECK: %[[ROW:.*]] = arith.muli %[[T]], %c32
// CHECK: %[[VALID:.*]] = arith.minui
// CHECK: %[[KVHEAD:.*]] = arith.divui %[[H]],
// CHECK: %[[BEGIN:.*]], %[[END:.*]], %{{.*}}, %{{.*}} = attn.tile_bounds(%[[B]], %[[H]]) rows({{.*}}) keys(%c0{{.*}} to %{{.*}} step 64)
// CHECK: %[[TQ:.*]] = attn.load_tile %[[Q]][%[[B]], %[[H]], %[[ROW]]] valid %[[VALID]]
// CHECK: %[[S:.*]] = attn.init_state : <32x16xf32>
// CHECK: %[[LOOP:.*]] = scf.for %[[KEY:.*]] = %[[BEGIN]] to %[[END]] step %{{.*}} iter_args(%[[IN:.*]] = %[[S]])
// CHECK-NOT: attn.tile_bounds
// CHECK: %[[TK:.*]] = attn.load_tile %[[K]][%[[B]], %[[KVHEAD]], %[[KEY]]] valid %[[VALIDKEYS:.*]] : {{.*}} -> <key, 64x16xf32>
// CHECK: %[[TV:.*]] = attn.load_tile %[[K]][%[[B]], %[[KVHEAD]], %[[KEY]]] valid %[[VALIDKEYS]] : {{.*}} -> <value, 64x16xf32>
// CHECK: attn.update %[[IN]], %[[TQ]], %[[TK]], %[[TV]] at({{.*}}, %[[KEY]]) valid(%[[VALID]], %[[VALIDKEYS]]) scale 2.500000e-01 :
// CHECK: attn.finalize %[[LOOP]] into %[[O]][%[[B]], %[[H]], %[[ROW]]] valid %[[VALID]] :
func.func @plain(%q: memref<?x4x?x16xf32>, %k: memref<?x4x?x16xf32>, %o: memref<?x4x?x16xf32>) {
  attn.attention %q, %k, %k outs(%o) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4>
    : (memref<?x4x?x16xf32>, memref<?x4x?x16xf32>, memref<?x4x?x16xf32>, memref<?x4x?x16xf32>) -> ()
  return
}

// With a mask: each block is asked about again, skipped when it is EMPTY, and told when it is FULL.
// CHECK-LABEL: func @masked(
// CHECK: attn.tile_bounds{{.*}} step 64) mask (
// CHECK: scf.for
// CHECK: %{{.*}}, %{{.*}}, %[[VISITED:.*]], %[[FULL:.*]] = attn.tile_bounds{{.*}} step 64) mask (
// CHECK: %[[ANY:.*]] = arith.cmpi ne, %[[VISITED]], %c0
// CHECK: scf.if %[[ANY]] -> (!attn.state<32x16xf32>) {
// CHECK: attn.update {{.*}} full %[[FULL]] scale {{.*}} score ({{.*}} {
// CHECK: math.tanh
// CHECK: } mask (
// CHECK: arith.cmpi sge
// CHECK: } else {
// CHECK-NEXT: scf.yield
func.func @masked(%q: memref<2x4x8x16xf32>, %o: memref<2x4x8x16xf32>) {
  attn.attention %q, %q, %q outs(%o) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4>
    score (%s, %b, %h, %i, %j) {
      %t = math.tanh %s : f32
      attn.yield %t : f32
    } mask (%b, %h, %i, %j) {
      %causal = arith.cmpi sge, %i, %j : index
      attn.yield %causal : i1
    } : (memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>) -> ()
  return
}

// Large tasks are cut by panels until there are 64 of them, or until they have 128 rows.
// CHECK-LABEL: func @few_rows(
// CHECK: %[[PANELS:.*]] = arith.ceildivui %{{.*}}, %c2048
// CHECK: %[[SHARE:.*]] = arith.muli %[[PANELS]], %c32
// CHECK: %[[ENOUGH:.*]] = arith.maxui %[[SHARE]], %c128
// CHECK: %[[ROWS:.*]] = arith.minui %[[ENOUGH]], %c512
// CHECK: %[[TILES:.*]] = arith.ceildivui %{{.*}}, %[[ROWS]]
// CHECK: attn.task (%{{.*}}, %{{.*}}, %[[T:.*]]) in (%{{.*}}, %{{.*}}, %[[TILES]])
// CHECK: %[[ROW:.*]] = arith.muli %[[T]], %[[ROWS]]
// CHECK: arith.minui %[[ROWS]], %{{.*}}
func.func @few_rows(%q: memref<?x4x?x16xf32>, %o: memref<?x4x?x16xf32>) {
  attn.attention %q, %q, %q outs(%o) schedule <query_tile = 512, key_block = 64, lanes = 16, panel = 32, micro_keys = 8>
    : (memref<?x4x?x16xf32>, memref<?x4x?x16xf32>, memref<?x4x?x16xf32>, memref<?x4x?x16xf32>) -> ()
  return
}

// What is read at a position itself covers all positions, each array and divisor once; computed positions are not checked.
// CHECK-LABEL: func @captures(
// CHECK-SAME: %[[DOC:[a-z0-9]+]]: memref<?xi32>
// CHECK-SAME: %[[WIDTH:[a-z0-9]+]]: i32
// CHECK: cf.assert %{{.*}}, "the score reads 'doc' at every query head, and dimension 0 does not cover them all"
// CHECK: cf.assert %{{.*}}, "the mask reads 'doc' at every query position, and dimension 0 does not cover them all"
// CHECK: cf.assert %{{.*}}, "the mask reads 'doc' at every key, and dimension 0 does not cover them all"
// CHECK: %[[NONZERO:.*]] = arith.cmpi ne, %[[WIDTH]], %{{.*}} : i32
// CHECK: cf.assert %[[NONZERO]], "the mask divides by a value, which is 0"
// CHECK-NOT: cf.assert
// CHECK: attn.task
func.func @captures(%q: memref<?x4x?x16xf32>, %o: memref<?x4x?x16xf32>, %doc: memref<?xi32> {attn.name = "doc"}, %width: i32) {
  attn.attention %q, %q, %q outs(%o) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4>
    score (%s, %b, %h, %i, %j) {
      %past = arith.addi %h, %j : index
      %mine = memref.load %doc[%h] : memref<?xi32>
      %other = memref.load %doc[%past] : memref<?xi32>
      %sum = arith.addi %mine, %other : i32
      %real = arith.sitofp %sum : i32 to f32
      %t = arith.addf %s, %real : f32
      attn.yield %t : f32
    } mask (%b, %h, %i, %j) {
      %w = arith.index_cast %width : i32 to index
      %row = memref.load %doc[%i] : memref<?xi32>
      %key = memref.load %doc[%j] : memref<?xi32>
      %again = memref.load %doc[%j] : memref<?xi32>
      %same = arith.cmpi eq, %row, %key : i32
      %cell = arith.divsi %i, %w : index
      %far = arith.divsi %j, %w : index
      %near = arith.cmpi eq, %cell, %far : index
      %keep = arith.andi %same, %near : i1
      %one = arith.cmpi eq, %key, %again : i32
      %both = arith.andi %keep, %one : i1
      attn.yield %both : i1
    } : (memref<?x4x?x16xf32>, memref<?x4x?x16xf32>, memref<?x4x?x16xf32>, memref<?x4x?x16xf32>) -> ()
  return
}

// Layout bnhd is a transposed view; the log-sum-exp is [B, Hq, Nq] already.
// CHECK-LABEL: func @bnhd_lse(
// CHECK-SAME: %[[Q:[a-z0-9]+]]: memref<2x8x4x16xf32>, %[[K:[a-z0-9]+]]: memref<2x?x2x16xf32>, %[[O:[a-z0-9]+]]: memref<2x8x4x16xf32>, %[[L:[a-z0-9]+]]: memref<2x4x8xf32>
// CHECK: %[[QT:.*]] = memref.transpose %[[Q]] (d0, d1, d2, d3) -> (d0, d2, d1, d3)
// CHECK: %[[KT:.*]] = memref.transpose %[[K]] (d0, d1, d2, d3) -> (d0, d2, d1, d3)
// CHECK: %[[OT:.*]] = memref.transpose %[[O]] (d0, d1, d2, d3) -> (d0, d2, d1, d3)
// CHECK: cf.assert %{{.*}}, "query and log-sum-exp must have the same number of positions"
// CHECK: attn.load_tile %[[QT]]
// CHECK: attn.load_tile %[[KT]]
// CHECK: attn.finalize %{{.*}} into %[[OT]][{{.*}}] valid %{{.*}} lse %[[L]]
func.func @bnhd_lse(%q: memref<2x8x4x16xf32>, %k: memref<2x?x2x16xf32>, %o: memref<2x8x4x16xf32>, %l: memref<2x4x8xf32>) {
  attn.attention %q, %k, %k outs(%o, %l) layout <bnhd> schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4>
    : (memref<2x8x4x16xf32>, memref<2x?x2x16xf32>, memref<2x?x2x16xf32>, memref<2x8x4x16xf32>, memref<2x4x8xf32>) -> ()
  return
}

// The offset moves positions, not the rows that are loaded.
// CHECK-LABEL: func @offset(
// CHECK-SAME: %[[Q:[a-z0-9]+]]: memref<2x4x8x16xf32>, %[[PAST:[a-z0-9]+]]: index
// CHECK: attn.task (
// CHECK: %[[ROW:.*]] = arith.muli
// CHECK: %[[POSITION:.*]] = arith.addi %[[ROW]], %[[PAST]]
// CHECK: %[[POSITION_END:.*]] = arith.addi %[[POSITION]],
// CHECK: attn.tile_bounds{{.*}} rows(%[[POSITION]] to %[[POSITION_END]])
// CHECK: attn.load_tile %[[Q]][{{.*}}, %[[ROW]]]
// CHECK: attn.update {{.*}} at(%{{.*}}, %{{.*}}, %[[POSITION]], %{{.*}})
func.func @offset(%q: memref<2x4x8x16xf32>, %past: index, %o: memref<2x4x8x16xf32>) {
  attn.attention %q, %q, %q q_offset %past outs(%o) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4>
    : (memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, index, memref<2x4x8x16xf32>) -> ()
  return
}

// CHECK-LABEL: func @offset_per_sequence(
// CHECK-SAME: %[[PAST:[a-z0-9]+]]: memref<?xi32>
// CHECK: cf.assert %{{.*}}, "query and q_offset must have the same batch size"
// CHECK: attn.task (%[[B:.*]], %{{.*}}, %{{.*}}) in
// CHECK: %[[ELEMENT:.*]] = memref.load %[[PAST]][%[[B]]]
// CHECK: arith.index_cast %[[ELEMENT]] : i32 to index
func.func @offset_per_sequence(%q: memref<2x4x8x16xf32>, %past: memref<?xi32>, %o: memref<2x4x8x16xf32>) {
  attn.attention %q, %q, %q q_offset %past outs(%o) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4>
    : (memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<?xi32>, memref<2x4x8x16xf32>) -> ()
  return
}

// Loads rotate: a query stands at its absolute position, a key at its row.
// CHECK-LABEL: func @rope(
// CHECK: cf.assert %{{.*}}, "cos and sin of query must have one shape"
// CHECK: cf.assert %{{.*}}, "cos and sin of query do not reach the position of every row; make longer tables"
// CHECK: cf.assert %{{.*}}, "key and its positions have another number of rows"
// CHECK: attn.task
// CHECK: %[[ROW:.*]] = arith.muli
// CHECK: %[[POSITION:.*]] = arith.addi %[[ROW]], %{{.*}} : index
// CHECK: attn.load_tile %{{.*}}[%{{.*}}, %{{.*}}, %[[ROW]]] valid %{{.*}} rope(%{{.*}}, %{{.*}}) at %[[POSITION]] :
// CHECK: scf.for %[[KEY:[a-z0-9]+]] =
// CHECK: attn.load_tile %{{.*}}[%{{.*}}, %{{.*}}, %[[KEY]]] valid %{{.*}} rope(%{{.*}}, %{{.*}}, %{{.*}}) at %[[KEY]] :
func.func @rope(%x: memref<2x4x?x16xf32>, %past: index, %cos: memref<?x8xf32>, %sin: memref<?x8xf32>, %at: memref<2x?xi32>, %o: memref<2x4x?x16xf32>) {
  attn.attention %x, %x, %x q_offset %past outs(%o) query_rope(%cos, %sin) key_rope(%cos, %sin, %at)
    schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4>
    : (memref<2x4x?x16xf32>, memref<2x4x?x16xf32>, memref<2x4x?x16xf32>, index, memref<2x4x?x16xf32>, memref<?x8xf32>, memref<?x8xf32>,
       memref<?x8xf32>, memref<?x8xf32>, memref<2x?xi32>) -> ()
  return
}

// Loads normalise, then rotate; an epsilon that is not given is 1e-6.
// CHECK-LABEL: func @norm(
// CHECK: attn.load_tile %{{.*}} norm %{{.*}} epsilon {{[^ ]*}} : memref<16xf32> : memref<2x4x?x16xf32> -> <query, 32x16xf32>
// CHECK: scf.for
// CHECK: attn.load_tile %{{.*}} norm %{{.*}} epsilon {{[^ ]*}} : memref<16xf32> rope(%{{.*}}, %{{.*}}) at %{{.*}} : {{.*}} -> <key, 64x16xf32>
// CHECK: attn.load_tile %{{.*}} : memref<2x4x?x16xf32> -> <value, 64x16xf32>
func.func @norm(%x: memref<2x4x?x16xf32>, %g: memref<16xf32>, %cos: memref<?x8xf32>, %o: memref<2x4x?x16xf32>) {
  attn.attention %x, %x, %x outs(%o) query_norm(%g) key_norm(%g) key_rope(%cos, %cos)
    schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4>
    : (memref<2x4x?x16xf32>, memref<2x4x?x16xf32>, memref<2x4x?x16xf32>, memref<2x4x?x16xf32>, memref<?x8xf32>, memref<?x8xf32>,
       memref<16xf32>, memref<16xf32>) -> ()
  return
}

// Of two rotations each has tiles, and a product behind bounds of its own; the task's bounds are those of the mask.
// CHECK-LABEL: func @far(
// CHECK-SAME: %[[X:[a-z0-9]+]]: memref<2x4x?x16xf32>, %[[W:[a-z0-9]+]]: index, %[[COS:[a-z0-9]+]]: memref<?x8xf32>, %[[FAR:[a-z0-9]+]]: memref<?x8xf32>
// CHECK: cf.assert %{{.*}}, "cos and sin of far query do not reach the position of every row; make longer tables"
// CHECK: attn.tile_bounds
// CHECK-NEXT: %[[CAUSAL:.*]] = arith.cmpi sge
// CHECK-NEXT: attn.yield %[[CAUSAL]]
// CHECK: %[[NEARQ:.*]] = attn.load_tile %[[X]]{{.*}} rope(%[[COS]], %[[COS]]) at {{.*}} -> <query
// CHECK: %[[FARQ:.*]] = attn.load_tile %[[X]]{{.*}} rope(%[[FAR]], %[[FAR]]) at {{.*}} -> <query
// CHECK: scf.for {{.*}} iter_args(%[[STATE:.*]] = %{{.*}})
// CHECK: attn.tile_bounds
// CHECK: arith.xori
// CHECK: arith.andi
// CHECK: %[[NEAR:.*]] = scf.if
// CHECK: %[[NEARK:.*]] = attn.load_tile %[[X]]{{.*}} rope(%[[COS]], %[[COS]]) at {{.*}} -> <key
// CHECK: attn.update %[[STATE]], %[[NEARQ]], %[[NEARK]],
// CHECK: arith.xori
// CHECK: attn.tile_bounds
// CHECK: arith.cmpi sge, %{{.*}}, %[[W]]
// CHECK: arith.andi
// CHECK: scf.if
// CHECK: %[[FARK:.*]] = attn.load_tile %[[X]]{{.*}} valid %{{[a-z0-9]+}} : {{.*}} -> <key
// CHECK: attn.update %[[NEAR]], %[[FARQ]], %[[FARK]],
// CHECK: arith.cmpi sge, %{{.*}}, %[[W]]
func.func @far(%x: memref<2x4x?x16xf32>, %w: index, %cos: memref<?x8xf32>, %far: memref<?x8xf32>, %o: memref<2x4x?x16xf32>) {
  attn.attention %x, %x, %x outs(%o) query_rope(%cos, %cos) key_rope(%cos, %cos) far_query_rope(%far, %far)
    schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4>
    mask (%b, %h, %i, %j) {
      %causal = arith.cmpi sge, %i, %j : index
      attn.yield %causal : i1
    } far (%b, %h, %i, %j) {
      %ahead = arith.subi %i, %j : index
      %past = arith.cmpi sge, %ahead, %w : index
      attn.yield %past : i1
    } : (memref<2x4x?x16xf32>, memref<2x4x?x16xf32>, memref<2x4x?x16xf32>, memref<2x4x?x16xf32>, memref<?x8xf32>, memref<?x8xf32>,
         memref<?x8xf32>, memref<?x8xf32>, memref<?x8xf32>, memref<?x8xf32>) -> ()
  return
}

// Additive scores: an update takes the weights as they are, for which a scale of 1 is the default.
// CHECK-LABEL: func @additive(
// CHECK-SAME: %[[Q:[a-z0-9]+]]: memref<2x?x8x16xf32>, %[[W:[a-z0-9]+]]: memref<?x16xf32>
// CHECK: cf.assert %{{.*}}, "query and additive must have the same number of heads"
// CHECK: attn.update {{.*}} additive %[[W]] : memref<?x16xf32> scale 1.000000e+00 :
func.func @additive(%q: memref<2x?x8x16xf32>, %w: memref<?x16xf32>, %o: memref<2x?x8x16xf32>) {
  attn.attention %q, %q, %q outs(%o) additive(%w) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4>
    : (memref<2x?x8x16xf32>, memref<2x?x8x16xf32>, memref<2x?x8x16xf32>, memref<2x?x8x16xf32>, memref<?x16xf32>) -> ()
  return
}

// Eight rows: two tokens of the four query heads that read one head of keys.
// CHECK-LABEL: func @packed(
// CHECK: attn.task (%[[B:.*]], %[[KV:.*]], %{{.*}}) in (
// CHECK: %[[HEAD:.*]] = arith.muli %[[KV]], %{{.*}}
// CHECK: attn.load_tile %{{.*}}[%[[B]], %[[HEAD]], %{{.*}}] valid %{{.*}} heads_of %{{.*}} : {{.*}} -> <query, 8x16xf32>
// CHECK: attn.load_tile %{{.*}}[%[[B]], %[[KV]], %{{.*}}] {{.*}} -> <key, 64x16xf32>
// CHECK: attn.update {{.*}} packed({{.*}})
// CHECK: attn.finalize %{{.*}} into %{{.*}}[%[[B]], %[[HEAD]], %{{.*}}] valid %{{.*}} heads_of
func.func @packed(%q: memref<?x32x2x16xf32>, %k: memref<?x8x?x16xf32>, %o: memref<?x32x2x16xf32>) {
  attn.attention %q, %k, %k outs(%o) schedule <query_tile = 8, key_block = 64, lanes = 8, panel = 8, micro_keys = 8>
    : (memref<?x32x2x16xf32>, memref<?x8x?x16xf32>, memref<?x8x?x16xf32>, memref<?x32x2x16xf32>) -> ()
  return
}

// -----

func.func @f(%q: tensor<2x4x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op is on tensors; bufferize before tiling (phase 4)}}
  %o = attn.attention %q, %q, %q : (tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>, tensor<2x4x8x16xf32>) -> tensor<2x4x8x16xf32>
  return
}

// -----

func.func @f(%q: memref<2x4x8x16xf32>, %o: memref<2x4x8x16xf32>) {
  // expected-error@+1 {{'attn.attention' op has no schedule; run --attn-schedule first (phase 5) or give it one}}
  attn.attention %q, %q, %q outs(%o) : (memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>) -> ()
  return
}

// -----

func.func @f(%q: memref<2x4x8x16xf32>, %o: memref<2x4x8x16xf32>, %slopes: tensor<4xf32>) {
  // expected-error@+1 {{'attn.attention' op reads a tensor in its regions; bufferize before tiling (phase 4)}}
  attn.attention %q, %q, %q outs(%o) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4>
    score (%s, %b, %h, %i, %j) {
      %slope = tensor.extract %slopes[%h] : tensor<4xf32>
      attn.yield %slope : f32
    } : (memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>, memref<2x4x8x16xf32>) -> ()
  return
}
