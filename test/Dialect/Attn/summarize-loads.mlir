// RUN: fovea-opt %s --attn-summarize-loads --split-input-file | FileCheck %s

// One range for both loads of the documents, which vary in one dimension; the finer grain of two serves both.
// CHECK-LABEL: func @documents
// CHECK-SAME: (%[[DOC:.*]]: memref<?x?xi32>, %[[BLOCKS:.*]]: memref<?xi64>,
// CHECK-NEXT: attn.summary range of %[[DOC]] dims [1] grains [8] : memref<?x?xi32>
// CHECK-NEXT: attn.summary range of %[[BLOCKS]] dims [0] grains [1] : memref<?xi64>
// CHECK-NEXT: attn.tile_bounds
func.func @documents(%doc: memref<?x?xi32>, %blocks: memref<?xi64>, %n: index) {
  %r:4 = attn.tile_bounds (%n, %n) rows (%n to %n) keys (%n to %n step 64) mask (%b, %h, %i, %j) {
    %row = memref.load %doc[%b, %i] : memref<?x?xi32>
    %key = memref.load %doc[%b, %j] : memref<?x?xi32>
    %same = arith.cmpi eq, %row, %key : i32
    %c64 = arith.constant 64 : index
    %block = arith.divui %j, %c64 : index
    %coarse = memref.load %blocks[%block] : memref<?xi64>
    %fine = memref.load %blocks[%j] : memref<?xi64>
    %less = arith.cmpi slt, %coarse, %fine : i64
    %keep = arith.andi %same, %less : i1
    attn.yield %keep : i1
  }
  %s:4 = attn.tile_bounds (%n, %n) rows (%n to %n) keys (%n to %n step 8) mask (%b, %h, %i, %j) {
    %row = memref.load %doc[%b, %i] : memref<?x?xi32>
    %key = memref.load %doc[%b, %j] : memref<?x?xi32>
    %same = arith.cmpi eq, %row, %key : i32
    attn.yield %same : i1
  }
  return
}

// -----

// Two dimensions: a count, for what is asked whether it is set. A table of blocks has no coarser blocks.
// CHECK-LABEL: func @dense
// CHECK-SAME: (%[[BITS:.*]]: memref<?x?x?xi1>, %[[BYTES:.*]]: memref<?x?xi8>, %[[BIAS:.*]]: memref<?x?xf16>, %[[TABLE:.*]]: memref<?x?xi1>,
// CHECK-NEXT: attn.summary count of %[[BITS]] dims [1, 2] grains [8, 8]
// CHECK-NEXT: attn.summary count of %[[BYTES]] dims [0, 1] grains [8, 8]
// CHECK-NEXT: attn.summary count of %[[BIAS]] dims [0, 1] grains [8, 8]
// CHECK-NEXT: attn.summary count of %[[TABLE]] dims [0, 1] grains [1, 1]
// CHECK-NEXT: attn.tile_bounds
func.func @dense(%bits: memref<?x?x?xi1>, %bytes: memref<?x?xi8>, %bias: memref<?x?xf16>, %table: memref<?x?xi1>, %n: index) {
  %r:4 = attn.tile_bounds (%n, %n) rows (%n to %n) keys (%n to %n step 64) mask (%b, %h, %i, %j) {
    %bit = memref.load %bits[%b, %i, %j] : memref<?x?x?xi1>
    %byte = memref.load %bytes[%i, %j] : memref<?x?xi8>
    %wide = arith.index_castui %byte : i8 to index
    %zero = arith.constant 0 : index
    %isSet = arith.cmpi ne, %wide, %zero : index
    %number = memref.load %bias[%i, %j] : memref<?x?xf16>
    %infinity = arith.constant 0xFF800000 : f32
    %wider = arith.extf %number : f16 to f32
    %shown = arith.cmpf ogt, %wider, %infinity : f32
    %c6 = arith.constant 6 : index
    %x = arith.shrui %i, %c6 : index
    %c1 = arith.constant 1 : index
    %y0 = arith.shrui %j, %c6 : index
    %y = arith.addi %y0, %c1 : index
    %block = memref.load %table[%x, %y] : memref<?x?xi1>
    %keep0 = arith.andi %bit, %isSet : i1
    %keep1 = arith.andi %keep0, %shown : i1
    %keep = arith.andi %keep1, %block : i1
    attn.yield %keep : i1
  }
  return
}

// -----

// An index that is itself loaded, or depends on both the row and the key, is one that varies.
// CHECK-LABEL: func @indirect
// CHECK-SAME: (%[[OF:.*]]: memref<?xi64>, %[[WINDOW:.*]]: memref<?x4xi32>,
// CHECK-NEXT: attn.summary range of %[[OF]] dims [0] grains [8]
// CHECK-NEXT: attn.summary range of %[[WINDOW]] dims [0] grains [8]
// CHECK-NEXT: attn.tile_bounds
func.func @indirect(%of: memref<?xi64>, %window: memref<?x4xi32>, %n: index) {
  %r:4 = attn.tile_bounds (%n, %n) rows (%n to %n) keys (%n to %n step 64) mask (%b, %h, %i, %j) {
    %age = arith.subi %i, %j : index
    %kind = memref.load %of[%age] : memref<?xi64>
    %at = arith.index_cast %kind : i64 to index
    %size = memref.load %window[%at, %b] : memref<?x4xi32>
    %size64 = arith.index_cast %size : i32 to index
    %keep = arith.cmpi slt, %age, %size64 : index
    attn.yield %keep : i1
  }
  return
}

// -----

// Loads that no summary could say anything about: uniform ones, ones that vary in three dimensions or from a view, floats and
// products of dimensions that are not asked whether they are set, what the kernel writes.
// CHECK-LABEL: func @negative
// CHECK-NOT: attn.summary
func.func @negative(%lengths: memref<?xi32>, %cube: memref<?x?x?xi1>, %doc: memref<?xi32>, %floats: memref<?xf32>,
                    %pairs: memref<?x?xi32>, %out: memref<?xi32> {attn.output}, %n: index) {
  %view = memref.subview %doc[0] [%n] [1] : memref<?xi32> to memref<?xi32>
  %r:4 = attn.tile_bounds (%n, %n) rows (%n to %n) keys (%n to %n step 64) mask (%b, %h, %i, %j) {
    %length = memref.load %lengths[%b] : memref<?xi32>
    %age = arith.subi %i, %j : index
    %bit = memref.load %cube[%i, %j, %age] : memref<?x?x?xi1>
    %id = memref.load %view[%i] : memref<?xi32>
    %a = arith.cmpi eq, %id, %length : i32
    %x = memref.load %floats[%j] : memref<?xf32>
    %half = arith.constant 0.5 : f32
    %b0 = arith.cmpf ogt, %x, %half : f32
    %pair = memref.load %pairs[%i, %j] : memref<?x?xi32>
    %c = arith.cmpi slt, %pair, %length : i32
    %written = memref.load %out[%i] : memref<?xi32>
    %d = arith.cmpi slt, %written, %length : i32
    %ab = arith.andi %a, %b0 : i1
    %cd = arith.andi %c, %d : i1
    %abcd = arith.andi %ab, %cd : i1
    %keep = arith.andi %abcd, %bit : i1
    attn.yield %keep : i1
  }
  return
}
