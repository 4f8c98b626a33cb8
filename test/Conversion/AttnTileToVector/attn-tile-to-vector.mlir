// RUN: fovea-opt %s --convert-attn-tile-to-vector --canonicalize --cse --split-input-file --verify-diagnostics | FileCheck %s

// One transpose of a block in registers, whoever needs it.
// CHECK-LABEL: func private @attn_transpose_8(
// CHECK-COUNT-8: vector.load {{.*}} vector<8xf32>
// CHECK: vector.shuffle
// CHECK-COUNT-8: vector.store {{.*}} vector<8xf32>

// Query tiles are transposed panel by panel: lanes are queries.
// CHECK-LABEL: func @query_tile(
// CHECK: memref.alloc() : memref<2x20x16xf32>
// CHECK: call @attn_transpose_8(
// CHECK-NOT: attn.load_tile
func.func @query_tile(%q: memref<2x4x?x20xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %tq = attn.load_tile %q[%b, %h, %t] valid %n : memref<2x4x?x20xf32> -> !attn.tile<query, 32x20xf32>
  }
  return
}

// Any strides: dense keys are used where they lie, others are packed, row by row or one by one.
// CHECK-LABEL: func @strided_keys(
// CHECK-SAME: %[[K:[a-z0-9]+]]: memref<2x4x?x20xf32, strided<[?, ?, ?, ?], offset: ?>>
// CHECK: %[[STRIDES:[a-z0-9]+]]:4 = memref.extract_strided_metadata %[[K]]
// CHECK: arith.cmpi eq, %[[STRIDES]]#3, %c1
// CHECK: arith.cmpi eq, %[[STRIDES]]#2, %c20
// CHECK: scf.if %{{.*}} -> (memref<64x20xf32, strided<[20, 1], offset: ?>>) {
// CHECK-NEXT: arith.muli
// CHECK: memref.reinterpret_cast {{.*}} sizes: [64, 20], strides: [20, 1]
// CHECK: } else {
// CHECK: vector.load
// CHECK: memref.load %[[K]]
// CHECK: scf.yield
func.func @strided_keys(%k: memref<2x4x?x20xf32, strided<[?, ?, ?, ?], offset: ?>>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %tq = attn.load_tile %k[%b, %h, %t] valid %n : memref<2x4x?x20xf32, strided<[?, ?, ?, ?], offset: ?>> -> !attn.tile<query, 32x20xf32>
    %s = attn.init_state : !attn.state<32x20xf32>
    %tk = attn.load_tile %k[%b, %h, %t] valid %n : memref<2x4x?x20xf32, strided<[?, ?, ?, ?], offset: ?>> -> !attn.tile<key, 64x20xf32>
    %tv = attn.load_tile %k[%b, %h, %t] valid %n : memref<2x4x?x20xf32, strided<[?, ?, ?, ?], offset: ?>> -> !attn.tile<value, 64x20xf32>
    %next = attn.update %s, %tq, %tk, %tv at (%b, %h, %t, %n) valid (%n, %n) scale 0.125
      : !attn.state<32x20xf32>, !attn.tile<query, 32x20xf32>, !attn.tile<key, 64x20xf32>, !attn.tile<value, 64x20xf32>
  }
  return
}

// The register tile: 4 keys x 2 vectors of 8 queries, one broadcast per key. Without score and mask only the ragged end of the
// keys is looked at.
// CHECK-LABEL: func @plain_update(
// CHECK-NOT: attn.tile_bounds
// CHECK: %[[SUMS:.*]]:8 = scf.for {{.*}} %c16
// CHECK-COUNT-2: vector.load {{.*}} memref<2x16x16xf32>, vector<8xf32>
// CHECK: vector.broadcast %{{.*}} : f32 to vector<8xf32>
// CHECK: vector.fma
// CHECK: vector.fma
// CHECK: scf.yield {{.*}} : vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>
// CHECK: %[[RAGGED:.*]] = arith.cmpi ugt
// CHECK: scf.if %[[RAGGED]] -> (vector<8xf32>, vector<8xf32>) {
// CHECK-NOT: attn.tile_bounds
// CHECK-NOT: attn.update
func.func @plain_update(%q: memref<2x4x?x16xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %tq = attn.load_tile %q[%b, %h, %t] valid %n : memref<2x4x?x16xf32> -> !attn.tile<query, 32x16xf32>
    %tk = attn.load_tile %q[%b, %h, %t] valid %n : memref<2x4x?x16xf32> -> !attn.tile<key, 64x16xf32>
    %tv = attn.load_tile %q[%b, %h, %t] valid %n : memref<2x4x?x16xf32> -> !attn.tile<value, 64x16xf32>
    %s = attn.init_state : !attn.state<32x16xf32>
    %next = attn.update %s, %tq, %tk, %tv at (%b, %h, %t, %n) valid (%n, %n) scale 0.125
      : !attn.state<32x16xf32>, !attn.tile<query, 32x16xf32>, !attn.tile<key, 64x16xf32>, !attn.tile<value, 64x16xf32>
  }
  return
}

// A mask stands behind a branch: per panel unless the block is full, then per register tile unless the panel is.
// CHECK-LABEL: func @masked_update(
// CHECK-SAME: %[[FULL:[a-z0-9]+]]: i1
// CHECK: %[[PANEL:.*]]:3 = scf.if %[[FULL]] -> (index, index, i1) {
// CHECK: } else {
// CHECK: attn.tile_bounds{{.*}} step 4) mask (
// CHECK: arith.cmpi ult, %[[PANEL]]#0, %[[PANEL]]#1
// CHECK: scf.for
// CHECK: vector.fma
// CHECK: scf.if %[[PANEL]]#2
// CHECK: attn.tile_bounds{{.*}} step 4) mask (
// The mask's own code, for 8 queries at once.
// CHECK: %[[SEEN:.*]] = arith.cmpi sge, %{{.*}}, %{{.*}} : vector<8xindex>
// CHECK: arith.select {{.*}} : vector<8xi1>, vector<8xf32>
func.func @masked_update(%q: memref<2x4x?x16xf32>, %n: index, %full: i1) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %tq = attn.load_tile %q[%b, %h, %t] valid %n : memref<2x4x?x16xf32> -> !attn.tile<query, 32x16xf32>
    %tk = attn.load_tile %q[%b, %h, %t] valid %n : memref<2x4x?x16xf32> -> !attn.tile<key, 64x16xf32>
    %tv = attn.load_tile %q[%b, %h, %t] valid %n : memref<2x4x?x16xf32> -> !attn.tile<value, 64x16xf32>
    %s = attn.init_state : !attn.state<32x16xf32>
    %next = attn.update %s, %tq, %tk, %tv at (%b, %h, %t, %n) valid (%n, %n) full %full scale 0.125
      mask (%mb, %mh, %i, %j) {
        %causal = arith.cmpi sge, %i, %j : index
        attn.yield %causal : i1
      } : !attn.state<32x16xf32>, !attn.tile<query, 32x16xf32>, !attn.tile<key, 64x16xf32>, !attn.tile<value, 64x16xf32>
  }
  return
}

// Score code for 8 queries: per-query reads are gathers within bounds, per-head reads are done once, before the loop over
// panels, integer divisors are never 0.
// CHECK-LABEL: func @score_region(
// CHECK-SAME: %[[BIAS:[a-z0-9]+]]: memref<?x?xf32>, %[[SLOPES:[a-z0-9]+]]: memref<?xf32>
// CHECK: memref.load %[[SLOPES]]
// CHECK: scf.for
// CHECK-NOT: memref.load %[[SLOPES]]
// CHECK-DAG: arith.cmpi ult, %{{.*}}, %{{.*}} : vector<8xindex>
// CHECK-DAG: vector.gather {{.*}} into vector<8xf32>
// CHECK-DAG: arith.divsi %{{.*}}, %{{.*}} : vector<8xindex>
// CHECK-NOT: memref.load %[[SLOPES]]
// CHECK: return
func.func @score_region(%q: memref<2x4x?x16xf32>, %n: index, %bias: memref<?x?xf32>, %slopes: memref<?xf32>) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %tq = attn.load_tile %q[%b, %h, %t] valid %n : memref<2x4x?x16xf32> -> !attn.tile<query, 32x16xf32>
    %tk = attn.load_tile %q[%b, %h, %t] valid %n : memref<2x4x?x16xf32> -> !attn.tile<key, 64x16xf32>
    %tv = attn.load_tile %q[%b, %h, %t] valid %n : memref<2x4x?x16xf32> -> !attn.tile<value, 64x16xf32>
    %s = attn.init_state : !attn.state<32x16xf32>
    %next = attn.update %s, %tq, %tk, %tv at (%b, %h, %t, %n) valid (%n, %n) scale 0.125
      score (%x, %sb, %sh, %i, %j) {
        %group = arith.divsi %i, %n : index
        %own = memref.load %bias[%group, %j] : memref<?x?xf32>
        %slope = memref.load %slopes[%sh] : memref<?xf32>
        %biased = arith.addf %x, %own : f32
        %y = arith.mulf %biased, %slope : f32
        attn.yield %y : f32
      } : !attn.state<32x16xf32>, !attn.tile<query, 32x16xf32>, !attn.tile<key, 64x16xf32>, !attn.tile<value, 64x16xf32>
  }
  return
}

// The polynomial of tanh is made of vector.fma, which a target without FMA may split; a math.fma in a region stays fused.
// CHECK-LABEL: func @fused(
// CHECK: %[[X:.*]] = math.fma %{{.*}} : vector<8xf32>
// CHECK-NOT: math.fma
// CHECK: vector.fma
// CHECK-NOT: math.fma
// CHECK: return
func.func @fused(%query: memref<2x4x?x16xf32>, %key: memref<2x4x?x16xf32>, %slope: f32, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 8, micro_keys = 4> {
    %s = attn.init_state : !attn.state<32x16xf32>
    %q = attn.load_tile %query[%b, %h, %t] valid %n : memref<2x4x?x16xf32> -> !attn.tile<query, 32x16xf32>
    %kt = attn.load_tile %key[%b, %h, %t] valid %n : memref<2x4x?x16xf32> -> !attn.tile<key, 64x16xf32>
    %vt = attn.load_tile %key[%b, %h, %t] valid %n : memref<2x4x?x16xf32> -> !attn.tile<value, 64x16xf32>
    %u = attn.update %s, %q, %kt, %vt at(%b, %h, %t, %t) valid(%n, %n) scale 1.0
      score (%x, %sb, %sh, %i, %j) {
        %y = math.fma %x, %slope, %x : f32
        %z = math.tanh %y : f32
        attn.yield %z : f32
      } : !attn.state<32x16xf32>, !attn.tile<query, 32x16xf32>, !attn.tile<key, 64x16xf32>, !attn.tile<value, 64x16xf32>
  }
  return
}

// A whole panel is written through registers, a ragged one element by element.
// CHECK-LABEL: func @finalize(
// CHECK-SAME: %[[O:[a-z0-9]+]]: memref<2x4x?x16xf32>
// CHECK-DAG: arith.divf {{.*}} : vector<8xf32>
// CHECK-DAG: call @attn_transpose_8(
// CHECK-DAG: memref.store {{.*}}, %[[O]]
// CHECK-NOT: attn.finalize
func.func @finalize(%o: memref<2x4x?x16xf32>, %lse: memref<2x4x?xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %s = attn.init_state : !attn.state<32x16xf32>
    attn.finalize %s into %o[%b, %h, %t] valid %n lse %lse : !attn.state<32x16xf32>, memref<2x4x?x16xf32>, memref<2x4x?xf32>
  }
  return
}

// CHECK-LABEL: func @negative_no_task(
// CHECK-NEXT: return
func.func @negative_no_task() {
  return
}

// -----

func.func @f(%n: index) {
  // expected-error@+1 {{'attn.task' op has 6 lanes; vector code needs a power of two, at least 2}}
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 12, key_block = 64, lanes = 6, panel = 12, micro_keys = 4> {
  }
  return
}

// -----

func.func @f(%n: index) {
  // expected-error@+1 {{'attn.task' op has 1 lanes; vector code needs a power of two, at least 2}}
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 12, key_block = 64, lanes = 1, panel = 12, micro_keys = 4> {
  }
  return
}

// -----

func.func @f(%n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
  }
  // expected-error@+1 {{'attn.task' op has another schedule than the task before it; one function, one schedule}}
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 16, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
  }
  return
}

// -----

// Register tiles of four latents and two vectors of columns, then the columns in common.
// CHECK-LABEL: func @expand(
// CHECK: attn.task
// CHECK: %[[TILE:.*]] = memref.alloc() : memref<64x56xf32>
// CHECK: scf.for {{.*}} iter_args({{.*}}) -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>)
// CHECK-COUNT-8: vector.fma
// CHECK-COUNT-8: vector.store %{{.*}}, %[[TILE]]
// 40 columns are two panels and a half of one.
// CHECK: scf.for {{.*}} iter_args({{.*}}) -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>) {
// CHECK-COUNT-4: vector.fma
// CHECK: scf.for
// CHECK: vector.load {{.*}} : memref<64x80xf32
// CHECK: vector.store %{{.*}}, %[[TILE]]
func.func @expand(%m: memref<1x1x?x80xf32>, %u: memref<1x6x40x64xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 48, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %l = attn.load_tile %m[%b, %h, %t] valid %n : memref<1x1x?x80xf32> -> !attn.tile<key, 64x80xf32>
    %w = attn.load_tile %u[%b, %h, %t] valid %n : memref<1x6x40x64xf32> -> !attn.tile<query, 48x64xf32>
    %k = attn.expand_tile %l by %w rows 40 valid %n : !attn.tile<key, 64x80xf32>, !attn.tile<query, 48x64xf32> -> !attn.tile<key, 64x56xf32>
  }
  return
}

// -----

// A query's elements are broadcast over lines of its head's projection, four at a time; a result is a sum over vectors.
// CHECK-LABEL: func @rows(
// CHECK: attn.task
// CHECK: arith.remui
// CHECK-COUNT-4: vector.broadcast %{{.*}} : f32 to vector<8xf32>
// CHECK-COUNT-4: vector.fma
// CHECK: call @attn_transpose_8
// CHECK: call @attn_transpose_8
// CHECK: arith.remui
// CHECK-COUNT-8: vector.fma
// CHECK: vector.reduction <add>, %{{.*}} fastmath<reassoc> : vector<8xf32> into f32
func.func @rows(%q: memref<1x6x?x48xf32>, %ku: memref<6x32x64xf32>, %vu: memref<6x40x64xf32>, %o: memref<1x6x?x40xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 48, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %query = attn.load_tile %q[%b, %h, %t] valid %n heads_of %n absorb %ku : memref<6x32x64xf32> : memref<1x6x?x48xf32> -> !attn.tile<query, 48x80xf32>
    %s = attn.init_state : !attn.state<48x64xf32>
    attn.finalize %s into %o[%b, %h, %t] valid %n heads_of %n expand %vu : memref<6x40x64xf32> : !attn.state<48x64xf32>, memref<1x6x?x40xf32>
  }
  return
}

// -----

// Squares of two vectors and of the four columns that are left, in f64; the factor times the row times the gains, then the rotation.
// CHECK-LABEL: func @norm(
// CHECK: attn.task
// CHECK: %[[ROW:.*]] = memref.alloc() : memref<1x20xf32>
// CHECK: %[[SUMS:.*]] = scf.for {{.*}} iter_args({{.*}}) -> (vector<8xf64>) {
// CHECK: arith.extf %{{.*}} : vector<8xf32> to vector<8xf64>
// CHECK: vector.maskedload
// CHECK: %[[ALL:.*]] = arith.addf %[[SUMS]], %{{.*}} : vector<8xf64>
// CHECK: vector.reduction <add>, %[[ALL]] fastmath<reassoc> : vector<8xf64> into f64
// CHECK: math.sqrt %{{.*}} : f64
// CHECK: arith.truncf %{{.*}} : f64 to f32
// CHECK: vector.store %{{.*}}, %[[ROW]]
// Strided rows are normalised one by one.
// CHECK: } else {
// CHECK: math.sqrt %{{.*}} : f64
// CHECK: memref.store %{{.*}}, %[[ROW]]
// CHECK: vector.load %[[ROW]]
// CHECK-NOT: attn.load_tile
func.func @norm(%m: memref<2x4x?x20xf32, strided<[?, ?, ?, ?], offset: ?>>, %g: memref<20xf32>, %cos: memref<?x8xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %k = attn.load_tile %m[%b, %h, %t] valid %n norm %g epsilon 1.0e-6 : memref<20xf32> rope(%cos, %cos) at %t
      : memref<2x4x?x20xf32, strided<[?, ?, ?, ?], offset: ?>>, memref<?x8xf32>, memref<?x8xf32> -> !attn.tile<key, 64x20xf32>
  }
  return
}

// -----

// Additive scores: 19 columns of keys and queries become exponentials once, filled up to groups of four, which share a division.
// What has no finite exponential takes the tanh.
// CHECK-LABEL: func @additive(
// CHECK-SAME: %[[W:[a-z0-9]+]]: memref<4x19xf32>
// CHECK-DAG: %[[NUMERATORS:.*]] = memref.alloc() : memref<20xf32>
// CHECK-DAG: %[[QUERIES:.*]] = memref.alloc() : memref<20x16xf32>
// CHECK-DAG: %[[KEYS:.*]] = memref.alloc() : memref<64x20xf32>
// CHECK: memref.load %[[W]]
// CHECK: memref.store %{{.*}}, %[[NUMERATORS]]
// CHECK: vector.store %{{.*}}, %[[KEYS]]
// CHECK: vector.reduction <maxnumf>
// CHECK: vector.store %{{.*}}, %[[QUERIES]]
// One vector of queries, then two.
// CHECK: scf.for {{.*}} step %c4 iter_args(%{{.*}}) -> (vector<8xf32>) {
// CHECK: arith.divf {{.*}} : vector<8xf32>
// CHECK-NOT: arith.divf
// CHECK: scf.for {{.*}} step %c4 iter_args({{.*}}) -> (vector<8xf32>, vector<8xf32>) {
// CHECK-COUNT-6: arith.select
// CHECK: arith.divf {{.*}} : vector<8xf32>
// CHECK-COUNT-2: arith.select
// CHECK: arith.divf {{.*}} : vector<8xf32>
// CHECK: scf.for {{.*}} iter_args({{.*}}) -> (vector<8xf32>, vector<8xf32>) {
// CHECK: memref.load %[[W]]
func.func @additive(%w: memref<4x19xf32>, %q: memref<2x4x?x19xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %s = attn.init_state : !attn.state<32x19xf32>
    %tq = attn.load_tile %q[%b, %h, %t] valid %n : memref<2x4x?x19xf32> -> !attn.tile<query, 32x19xf32>
    %tk = attn.load_tile %q[%b, %h, %t] valid %n : memref<2x4x?x19xf32> -> !attn.tile<key, 64x19xf32>
    %tv = attn.load_tile %q[%b, %h, %t] valid %n : memref<2x4x?x19xf32> -> !attn.tile<value, 64x19xf32>
    %next = attn.update %s, %tq, %tk, %tv at (%b, %h, %t, %n) valid (%n, %n) additive %w : memref<4x19xf32> scale 1.0
      : !attn.state<32x19xf32>, !attn.tile<query, 32x19xf32>, !attn.tile<key, 64x19xf32>, !attn.tile<value, 64x19xf32>
  }
  return
}

// -----

// Sixteen lanes multiply by a reciprocal that the target may estimate and refine.
// CHECK-LABEL: func @additive_wide(
// CHECK: scf.for {{.*}} step %c4 iter_args
// CHECK: arith.divf {{.*}} fastmath<ninf,arcp> : vector<16xf32>
func.func @additive_wide(%w: memref<4x16xf32>, %q: memref<2x4x?x16xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 16, panel = 32, micro_keys = 8> {
    %s = attn.init_state : !attn.state<32x16xf32>
    %tq = attn.load_tile %q[%b, %h, %t] valid %n : memref<2x4x?x16xf32> -> !attn.tile<query, 32x16xf32>
    %tk = attn.load_tile %q[%b, %h, %t] valid %n : memref<2x4x?x16xf32> -> !attn.tile<key, 64x16xf32>
    %tv = attn.load_tile %q[%b, %h, %t] valid %n : memref<2x4x?x16xf32> -> !attn.tile<value, 64x16xf32>
    %next = attn.update %s, %tq, %tk, %tv at (%b, %h, %t, %n) valid (%n, %n) additive %w : memref<4x16xf32> scale 1.0
      : !attn.state<32x16xf32>, !attn.tile<query, 32x16xf32>, !attn.tile<key, 64x16xf32>, !attn.tile<value, 64x16xf32>
  }
  return
}
