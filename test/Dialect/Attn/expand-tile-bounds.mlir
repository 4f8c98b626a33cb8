// RUN: fovea-opt %s --attn-expand-tile-bounds | FileCheck %s

// Rows, and that they are positions at all, are evaluated before the scan; its body asks two comparisons of each step.
// CHECK-LABEL: func @causal_scan
// CHECK-SAME: (%[[B:.*]]: index, %[[I0:.*]]: index, %[[I1:.*]]: index, %[[J0:.*]]: index, %[[J1:.*]]: index)
// CHECK: %[[NO_ROWS:.*]] = arith.cmpi sge, %[[I0]], %[[I1]]
// CHECK: %[[LAST_ROW:.*]] = arith.subi %[[I1]], %c1
// CHECK: arith.cmpi sge, %[[I0]], %c-2147483648
// CHECK: arith.cmpi sle, %[[LAST_ROW]], %c2147483647
// CHECK: %[[END:.*]] = arith.select %[[NO_ROWS]], %[[J0]], %[[J1]]
// CHECK: %[[SCAN:.*]]:4 = scf.for %[[J:.*]] = %[[J0]] to %[[END]] step %{{.*}} iter_args(%[[BEGIN:.*]] = %[[J0]], %[[STOP:.*]] = %[[J0]], %[[VISITED:.*]] = %c0{{.*}}, %[[FULL:.*]] = %true
// CHECK:   %[[NEXT:.*]] = arith.addi %[[J]], %c8
// CHECK:   %[[CUT:.*]] = arith.minsi %[[NEXT]], %[[J1]]
// CHECK:   %[[LAST_KEY:.*]] = arith.subi %[[CUT]], %c1
// CHECK-DAG: arith.cmpi sle, %[[LAST_KEY]], %[[I0]]
// CHECK-DAG: arith.cmpi sle, %[[J]], %[[LAST_ROW]]
// CHECK-NOT: arith.cmpi sle
// CHECK:   scf.yield
// CHECK: return %[[SCAN]]#0, %[[SCAN]]#1, %[[SCAN]]#2, %[[SCAN]]#3
func.func @causal_scan(%b: index, %i0: index, %i1: index, %j0: index, %j1: index) -> (index, index, index, i1) {
  %r:4 = attn.tile_bounds (%b, %b) rows (%i0 to %i1) keys (%j0 to %j1 step 8) mask (%bb, %hh, %i, %j) {
    %keep = arith.cmpi sge, %i, %j : index
    attn.yield %keep : i1
  }
  return %r#0, %r#1, %r#2, %r#3 : index, index, index, i1
}

// Symbols are loaded once; a comparison of a symbol needs no check of its size.
// CHECK-LABEL: func @symbols_before_scan
// CHECK: memref.load
// CHECK: arith.index_cast
// CHECK: scf.for
// CHECK-NOT: memref.load
// CHECK-NOT: arith.index_cast %{{.*}} : i32
// CHECK: scf.yield
// CHECK: return
func.func @symbols_before_scan(%b: index, %i0: index, %i1: index, %j0: index, %j1: index, %lengths: memref<?xi32>)
    -> (index, index, index, i1) {
  %r:4 = attn.tile_bounds (%b, %b) rows (%i0 to %i1) keys (%j0 to %j1 step 64) mask (%bb, %hh, %i, %j) {
    %loaded = memref.load %lengths[%bb] : memref<?xi32>
    %length = arith.index_cast %loaded : i32 to index
    %keep = arith.cmpi slt, %j, %length : index
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

// One key more than a step: a loop.
// CHECK-LABEL: func @negative_one_step
// CHECK: scf.for
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

// A symbol in arithmetic is checked once, outside of the scan; in it, a tile is only decided where the check holds.
// CHECK-LABEL: func @checked_symbol
// CHECK: %[[LIMIT:.*]] = arith.constant 2147483648 : index
// CHECK: %[[FITS:.*]] = arith.cmpi sle, %{{.*}}, %[[LIMIT]]
// CHECK: arith.andi %{{.*}}, %[[FITS]]
// CHECK: scf.for
// CHECK: arith.select %[[HOLDS:[0-9]+]], %{{.*}}, %true
// CHECK: arith.andi %[[HOLDS]]
func.func @checked_symbol(%b: index, %i0: index, %i1: index, %j0: index, %j1: index, %past: index) -> (index, index, index, i1) {
  %r:4 = attn.tile_bounds (%b, %b) rows (%i0 to %i1) keys (%j0 to %j1 step 8) mask (%bb, %hh, %i, %j) {
    %at = arith.addi %i, %past : index
    %keep = arith.cmpi sge, %at, %j : index
    attn.yield %keep : i1
  }
  return %r#0, %r#1, %r#2, %r#3 : index, index, index, i1
}

// No rule for a load that depends on i or j: PARTIAL, which the scan finds without code of the mask.
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
