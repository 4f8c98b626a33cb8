// RUN: fovea-opt %s --attn-outline-tasks --split-input-file --remarks-filter=attn --remark-format=emitRemark 2>&1 >/dev/null | FileCheck %s

// The formulas that explain a mask.

// CHECK: remark: [Analysis] VisibleKeys | {{.*}}"rows [i0, i1) see keys [i0 - window + 1, i1)"
func.func @window(%n: index, %window: index {attn.name = "window"}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  attn.task (%b, %h, %t) in (%c1, %c1, %c1) schedule <query_tile = 16, key_block = 16, lanes = 8, panel = 16, micro_keys = 4> {
    %begin, %end, %visited, %full = attn.tile_bounds(%b, %h) rows(%c0 to %n) keys(%c0 to %n step 16) mask (%bb, %hh, %i, %j) {
      %causal = arith.cmpi sge, %i, %j : index
      %age = arith.subi %i, %j : index
      %near = arith.cmpi slt, %age, %window : index
      %keep = arith.andi %causal, %near : i1
      attn.yield %keep : i1
    }
  }
  return
}

// -----

// CHECK: "rows [i0, i1) see keys [i0 - 31, i1) and [0, min(i1, 4))"
func.func @window_and_sinks(%n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  attn.task (%b, %h, %t) in (%c1, %c1, %c1) schedule <query_tile = 16, key_block = 16, lanes = 8, panel = 16, micro_keys = 4> {
    %begin, %end, %visited, %full = attn.tile_bounds(%b, %h) rows(%c0 to %n) keys(%c0 to %n step 16) mask (%bb, %hh, %i, %j) {
      %c4 = arith.constant 4 : index
      %c32 = arith.constant 32 : index
      %causal = arith.cmpi sge, %i, %j : index
      %age = arith.subi %i, %j : index
      %near = arith.cmpi slt, %age, %c32 : index
      %sink = arith.cmpi slt, %j, %c4 : index
      %either = arith.ori %near, %sink : i1
      %keep = arith.andi %either, %causal : i1
      attn.yield %keep : i1
    }
  }
  return
}

// -----

// Chunks of 64 keys, and every third key.
// CHECK: "rows [i0, i1) see keys [64 (i0 / 64), 64 ((i1 - 1) / 64) + 64) at most"
// CHECK: visible-keys.mlir:[[#@LINE+9]]:{{.*}}[Missed] NotSolvedForKeys | {{.*}}arith.remui by the key has no inverse
func.func @chunks(%n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  attn.task (%b, %h, %t) in (%c1, %c1, %c1) schedule <query_tile = 16, key_block = 16, lanes = 8, panel = 16, micro_keys = 4> {
    %begin, %end, %visited, %full = attn.tile_bounds(%b, %h) rows(%c0 to %n) keys(%c0 to %n step 16) mask (%bb, %hh, %i, %j) {
      %c3 = arith.constant 3 : index
      %c64 = arith.constant 64 : index
      %zero = arith.constant 0 : index
      %at = arith.remui %j, %c3 : index
      %hit = arith.cmpi eq, %at, %zero : index
      %ci = arith.floordivsi %i, %c64 : index
      %cj = arith.divui %j, %c64 : index
      %same = arith.cmpi eq, %ci, %cj : index
      %keep = arith.andi %hit, %same : i1
      attn.yield %keep : i1
    }
  }
  return
}

// -----

// A float comparison says nothing about a tile.
// CHECK: "rows [i0, i1) see keys [0, n)"
// CHECK: visible-keys.mlir:[[#@LINE+8]]:{{.*}}[Missed] NotUnderstood | {{.*}}nothing is known of arith.sitofp over a tile
// CHECK: [Missed] NotUnderstood | {{.*}}arith.cmpf
func.func @float(%n: index, %x: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  attn.task (%b, %h, %t) in (%c1, %c1, %c1) schedule <query_tile = 16, key_block = 16, lanes = 8, panel = 16, micro_keys = 4> {
    %begin, %end, %visited, %full = attn.tile_bounds(%b, %h) rows(%c0 to %n) keys(%c0 to %n step 16) mask (%bb, %hh, %i, %j) {
      %wide = arith.index_cast %j : index to i64
      %float = arith.sitofp %wide : i64 to f32
      %keep = arith.cmpf olt, %float, %x : f32
      attn.yield %keep : i1
    }
  }
  return
}
