// RUN: fovea-opt %s --attn-expand-tile-bounds | FileCheck %s

// i >= j solved for j: the keys before the end of the rows, rounded up to steps. No loop.
// CHECK-LABEL: func @causal
// CHECK-SAME: (%[[B:.*]]: index, %[[I0:.*]]: index, %[[I1:.*]]: index, %[[J0:.*]]: index, %[[J1:.*]]: index)
// CHECK-NOT: scf.for
// CHECK: %[[NO_ROWS:.*]] = arith.cmpi sge, %[[I0]], %[[I1]]
// CHECK: %[[KEYS_END:.*]] = arith.select %[[NO_ROWS]], %[[J0]], %[[J1]]
// CHECK-DAG: arith.cmpi sge, %[[I0]], %c-2147483648
// CHECK-DAG: %[[LAST_KEY:.*]] = arith.subi %[[J1]], %c1
// CHECK-DAG: %[[FULL:.*]] = arith.cmpi sle, %[[LAST_KEY]], %[[I0]]
// CHECK: %[[LAST_ROW:.*]] = arith.addi %{{.*}}, %c1
// CHECK: %[[LIMIT:.*]] = arith.select %{{.*}}, %[[LAST_ROW]], %[[KEYS_END]]
// CHECK: %[[END:.*]] = arith.minsi %[[LIMIT]], %[[KEYS_END]]
// CHECK: %[[IS_EMPTY:.*]] = arith.cmpi sge, %[[J0]], %[[END]]
// CHECK: arith.divui %{{.*}}, %c8
// CHECK: %[[CUT:.*]] = arith.minsi %{{.*}}, %[[KEYS_END]]
// CHECK: %[[STOP:.*]] = arith.select %[[IS_EMPTY]], %[[J0]], %[[CUT]]
// CHECK: return %[[J0]], %[[STOP]], %{{.*}}, %{{.*}}
func.func @causal(%b: index, %i0: index, %i1: index, %j0: index, %j1: index) -> (index, index, index, i1) {
  %r:4 = attn.tile_bounds (%b, %b) rows (%i0 to %i1) keys (%j0 to %j1 step 8) mask (%bb, %hh, %i, %j) {
    %keep = arith.cmpi sge, %i, %j : index
    attn.yield %keep : i1
  }
  return %r#0, %r#1, %r#2, %r#3 : index, index, index, i1
}

// Symbols are loaded once; a comparison of a symbol needs no check of its size.
// CHECK-LABEL: func @symbols
// CHECK-NOT: scf.for
// CHECK: memref.load
// CHECK: %[[LENGTH:.*]] = arith.index_cast
// CHECK: arith.minsi %[[LENGTH]], %{{.*}} : index
// CHECK: return
func.func @symbols(%b: index, %i0: index, %i1: index, %j0: index, %j1: index, %lengths: memref<?xi32>)
    -> (index, index, index, i1) {
  %r:4 = attn.tile_bounds (%b, %b) rows (%i0 to %i1) keys (%j0 to %j1 step 64) mask (%bb, %hh, %i, %j) {
    %loaded = memref.load %lengths[%bb] : memref<?xi32>
    %length = arith.index_cast %loaded : i32 to index
    %keep = arith.cmpi slt, %j, %length : index
    attn.yield %keep : i1
  }
  return %r#0, %r#1, %r#2, %r#3 : index, index, index, i1
}

// Two ranges, sinks and a window: the smaller begin, the larger end, and how many steps both touch.
// CHECK-LABEL: func @window_and_sinks
// CHECK-NOT: scf.for
// CHECK: return
func.func @window_and_sinks(%b: index, %i0: index, %i1: index, %j0: index, %j1: index, %w: index) -> (index, index, index, i1) {
  %r:4 = attn.tile_bounds (%b, %b) rows (%i0 to %i1) keys (%j0 to %j1 step 64) mask (%bb, %hh, %i, %j) {
    %c4 = arith.constant 4 : index
    %age = arith.subi %i, %j : index
    %near = arith.cmpi slt, %age, %w : index
    %sink = arith.cmpi slt, %j, %c4 : index
    %either = arith.ori %near, %sink : i1
    %causal = arith.cmpi sge, %i, %j : index
    %keep = arith.andi %either, %causal : i1
    attn.yield %keep : i1
  }
  return %r#0, %r#1, %r#2, %r#3 : index, index, index, i1
}

// A remainder of the key cannot be inverted: what causality leaves is scanned with the classifier. Rows and symbols are evaluated before.
// CHECK-LABEL: func @scan
// CHECK: %[[END:.*]] = arith.select %{{.*}}, %{{.*}}, %{{.*}} : index
// CHECK: scf.for %[[J:.*]] = %{{.*}} to %{{.*}} step
// CHECK:   arith.addi %[[J]], %c8
// CHECK:   arith.cmpi sle, %[[J]], %{{.*}}
// CHECK:   scf.yield
// CHECK: return
func.func @scan(%b: index, %i0: index, %i1: index, %j0: index, %j1: index) -> (index, index, index, i1) {
  %r:4 = attn.tile_bounds (%b, %b) rows (%i0 to %i1) keys (%j0 to %j1 step 8) mask (%bb, %hh, %i, %j) {
    %c0 = arith.constant 0 : index
    %c16 = arith.constant 16 : index
    %at = arith.remui %j, %c16 : index
    %hit = arith.cmpi eq, %at, %c0 : index
    %causal = arith.cmpi sge, %i, %j : index
    %keep = arith.andi %hit, %causal : i1
    attn.yield %keep : i1
  }
  return %r#0, %r#1, %r#2, %r#3 : index, index, index, i1
}

// No mask: no loop.
// CHECK-LABEL: func @no_mask
// CHECK-NOT: scf.for
// CHECK: %[[STEPS:.*]] = arith.divui
// CHECK: return %{{.*}}, %{{.*}}, %{{.*}}, %true
func.func @no_mask(%b: index, %i0: index, %i1: index, %j0: index, %j1: index) -> (index, index, index, i1) {
  %r:4 = attn.tile_bounds (%b, %b) rows (%i0 to %i1) keys (%j0 to %j1 step 64) mask (%bb, %hh, %i, %j) {
    %keep = arith.constant true
    attn.yield %keep : i1
  }
  return %r#0, %r#1, %r#2, %r#3 : index, index, index, i1
}

// Visibly one step: no loop.
// CHECK-LABEL: func @one_step
// CHECK-NOT: scf.for
// CHECK: return
func.func @one_step(%b: index, %i0: index, %i1: index, %j0: index, %n: index, %w: index) -> (index, index, index, i1) {
  %c64 = arith.constant 64 : index
  %next = arith.addi %j0, %c64 : index
  %j1 = arith.minsi %next, %n : index
  %r:4 = attn.tile_bounds (%b, %b) rows (%i0 to %i1) keys (%j0 to %j1 step 64) mask (%bb, %hh, %i, %j) {
    %age = arith.subi %i, %j : index
    %keep = arith.cmpi slt, %age, %w : index
    attn.yield %keep : i1
  }
  return %r#0, %r#1, %r#2, %r#3 : index, index, index, i1
}

// One key more than a step: several.
// CHECK-LABEL: func @negative_one_step
// CHECK: arith.divui
// CHECK: return
func.func @negative_one_step(%b: index, %i0: index, %i1: index, %j0: index) -> (index, index, index, i1) {
  %c65 = arith.constant 65 : index
  %j1 = arith.addi %j0, %c65 : index
  %r:4 = attn.tile_bounds (%b, %b) rows (%i0 to %i1) keys (%j0 to %j1 step 64) mask (%bb, %hh, %i, %j) {
    %keep = arith.cmpi sge, %i, %j : index
    attn.yield %keep : i1
  }
  return %r#0, %r#1, %r#2, %r#3 : index, index, index, i1
}

// A constant tile folds away: rows 64 to 127 see all of the keys 0 to 63.
// CHECK-LABEL: func @constant_tile
// CHECK-NOT: arith.{{[^c]}}
// CHECK-NOT: arith.cmpi
// CHECK: return %c0, %c64, %c1, %true
func.func @constant_tile(%b: index) -> (index, index, index, i1) {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %c128 = arith.constant 128 : index
  %r:4 = attn.tile_bounds (%b, %b) rows (%c64 to %c128) keys (%c0 to %c64 step 64) mask (%bb, %hh, %i, %j) {
    %keep = arith.cmpi sge, %i, %j : index
    attn.yield %keep : i1
  }
  return %r#0, %r#1, %r#2, %r#3 : index, index, index, i1
}

// A symbol in arithmetic is checked; where it is too large, all keys count.
// CHECK-LABEL: func @checked_symbol
// CHECK: %[[LIMIT:.*]] = arith.constant 2147483648 : index
// CHECK: %[[FITS:.*]] = arith.cmpi sle, %{{.*}}, %[[LIMIT]]
// CHECK: %[[HOLDS:.*]] = arith.andi %{{.*}}, %{{.*}}
// CHECK: arith.select %{{.*}}, %{{.*}}, %{{.*}} : index
// CHECK: return
func.func @checked_symbol(%b: index, %i0: index, %i1: index, %j0: index, %j1: index, %past: index) -> (index, index, index, i1) {
  %r:4 = attn.tile_bounds (%b, %b) rows (%i0 to %i1) keys (%j0 to %j1 step 8) mask (%bb, %hh, %i, %j) {
    %at = arith.addi %i, %past : index
    %keep = arith.cmpi sge, %at, %j : index
    attn.yield %keep : i1
  }
  return %r#0, %r#1, %r#2, %r#3 : index, index, index, i1
}

// No rule for a load that depends on i or j: no key is left out, and nothing is said to be FULL.
// CHECK-LABEL: func @negative_documents
// CHECK-NOT: memref.load
// CHECK: return
func.func @negative_documents(%b: index, %i0: index, %i1: index, %j0: index, %j1: index, %ids: memref<?xi32>)
    -> (index, index, index, i1) {
  %r:4 = attn.tile_bounds (%b, %b) rows (%i0 to %i1) keys (%j0 to %j1 step 64) mask (%bb, %hh, %i, %j) {
    %row = memref.load %ids[%i] : memref<?xi32>
    %key = memref.load %ids[%j] : memref<?xi32>
    %keep = arith.cmpi eq, %row, %key : i32
    attn.yield %keep : i1
  }
  return %r#0, %r#1, %r#2, %r#3 : index, index, index, i1
}

// A summarised array: two pairs of entries for the rows before the scan, two for the keys in it; the elements themselves are not read.
// CHECK-LABEL: func @documents
// CHECK-SAME: (%[[DOC:.*]]: memref<?xi32>,
// CHECK: %[[TABLE:.*]] = attn.summary range
// CHECK-NOT: memref.load %[[DOC]]
// CHECK: math.ctlz
// CHECK-COUNT-4: memref.load %[[TABLE]][%{{.*}}] : memref<?xindex, strided<[1]>>
// CHECK: scf.for
// CHECK: math.ctlz
// CHECK-COUNT-4: memref.load %[[TABLE]]
// CHECK-NOT: memref.load
// CHECK: return
func.func @documents(%doc: memref<?xi32>, %b: index, %i0: index, %i1: index, %j0: index, %j1: index) -> (index, index, index, i1) {
  %s = attn.summary range of %doc dims [0] grains [8] : memref<?xi32>
  %r:4 = attn.tile_bounds (%b, %b) rows (%i0 to %i1) keys (%j0 to %j1 step 8) mask (%bb, %hh, %i, %j) {
    %row = memref.load %doc[%i] : memref<?xi32>
    %key = memref.load %doc[%j] : memref<?xi32>
    %same = arith.cmpi eq, %row, %key : i32
    attn.yield %same : i1
  }
  return %r#0, %r#1, %r#2, %r#3 : index, index, index, i1
}

// A count: four entries and the area.
// CHECK-LABEL: func @dense
// CHECK: scf.for
// CHECK-COUNT-4: memref.load %{{.*}}[%{{.*}}, %{{.*}}] : memref<?x?xindex, strided<[?, 1]>>
// CHECK: arith.cmpi ne, %{{.*}}, %c0{{.*}} : index
// CHECK-NOT: memref.load
// CHECK: return
func.func @dense(%bytes: memref<?x?xi8>, %b: index, %i0: index, %i1: index, %j0: index, %j1: index) -> (index, index, index, i1) {
  %s = attn.summary count of %bytes dims [0, 1] grains [8, 8] : memref<?x?xi8>
  %r:4 = attn.tile_bounds (%b, %b) rows (%i0 to %i1) keys (%j0 to %j1 step 8) mask (%bb, %hh, %i, %j) {
    %zero = arith.constant 0 : i8
    %byte = memref.load %bytes[%i, %j] : memref<?x?xi8>
    %isSet = arith.cmpi ne, %byte, %zero : i8
    attn.yield %isSet : i1
  }
  return %r#0, %r#1, %r#2, %r#3 : index, index, index, i1
}

// Without a summary, or with one of other dimensions, an element may be anything: there is nothing to find in any step.
// CHECK-LABEL: func @negative_unknown
// CHECK-NOT: scf.for
// CHECK-NOT: memref.load
// CHECK: return
func.func @negative_unknown(%doc: memref<?x?xi32>, %b: index, %i0: index, %i1: index, %j0: index, %j1: index) -> (index, index, index, i1) {
  %s = attn.summary range of %doc dims [0] grains [8] : memref<?x?xi32>
  %r:4 = attn.tile_bounds (%b, %b) rows (%i0 to %i1) keys (%j0 to %j1 step 8) mask (%bb, %hh, %i, %j) {
    %row = memref.load %doc[%bb, %i] : memref<?x?xi32>
    %key = memref.load %doc[%bb, %j] : memref<?x?xi32>
    %same = arith.cmpi eq, %row, %key : i32
    attn.yield %same : i1
  }
  return %r#0, %r#1, %r#2, %r#3 : index, index, index, i1
}

// A uniform load reads nothing outside its array: the plan runs it before anything has looked at sizes.
// CHECK-LABEL: func @uniform_load_is_safe
// CHECK: %[[INSIDE:.*]] = arith.cmpi ult
// CHECK: scf.if %[[INSIDE]]
// CHECK-NEXT: memref.load
func.func @uniform_load_is_safe(%lengths: memref<?xi32>, %b: index, %i0: index, %i1: index, %j0: index, %j1: index) -> (index, index, index, i1) {
  %r:4 = attn.tile_bounds (%b, %b) rows (%i0 to %i1) keys (%j0 to %j1 step 8) mask (%bb, %hh, %i, %j) {
    %loaded = memref.load %lengths[%bb] : memref<?xi32>
    %length = arith.index_cast %loaded : i32 to index
    %keep = arith.cmpi slt, %j, %length : index
    attn.yield %keep : i1
  }
  return %r#0, %r#1, %r#2, %r#3 : index, index, index, i1
}
