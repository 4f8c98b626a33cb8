// Masks of LoadMasksTest: (b, h, i, j, symbols...) -> i1, one function each. `tables` says what each memref holds; see the test.
// On tiles that are whole blocks of the summaries at most `misses` percent may be EMPTY or FULL and called PARTIAL.

func.func @documents(%b: index, %h: index, %i: index, %j: index, %doc: memref<?xi32>) -> i1
    attributes {tables = ["documents"], misses = 0.0} {
  %row = memref.load %doc[%i] : memref<?xi32>
  %key = memref.load %doc[%j] : memref<?xi32>
  %keep = arith.cmpi eq, %row, %key : i32
  return %keep : i1
}
func.func @documents_of_batches_i64(%b: index, %h: index, %i: index, %j: index, %doc: memref<?x?xi64>) -> i1
    attributes {tables = ["documents"], misses = 1.0} {
  %row = memref.load %doc[%b, %i] : memref<?x?xi64>
  %key = memref.load %doc[%b, %j] : memref<?x?xi64>
  %same = arith.cmpi eq, %row, %key : i64
  %causal = arith.cmpi sge, %i, %j : index
  %keep = arith.andi %causal, %same : i1
  return %keep : i1
}
// Of ids in any order an interval says little.
func.func @unsorted_documents(%b: index, %h: index, %i: index, %j: index, %doc: memref<?xi8>) -> i1
    attributes {tables = ["numbers"], misses = 100.0} {
  %row = memref.load %doc[%i] : memref<?xi8>
  %key = memref.load %doc[%j] : memref<?xi8>
  %keep = arith.cmpi eq, %row, %key : i8
  return %keep : i1
}
// Contiguous documents, by where the row's begins.
func.func @document_starts(%b: index, %h: index, %i: index, %j: index, %start: memref<?xi64>) -> i1
    attributes {tables = ["starts"], misses = 1.0} {
  %loaded = memref.load %start[%i] : memref<?xi64>
  %first = arith.index_cast %loaded : i64 to index
  %causal = arith.cmpi sge, %i, %j : index
  %inside = arith.cmpi sge, %j, %first : index
  %keep = arith.andi %causal, %inside : i1
  return %keep : i1
}
// Padding on both sides of a batch, which needs no summary at all.
func.func @ragged(%b: index, %h: index, %i: index, %j: index, %length: memref<?xi32>) -> i1
    attributes {tables = ["lengths"], misses = 0.0} {
  %loaded = memref.load %length[%b] : memref<?xi32>
  %n = arith.index_cast %loaded : i32 to index
  %row = arith.cmpi slt, %i, %n : index
  %key = arith.cmpi slt, %j, %n : index
  %keep = arith.andi %row, %key : i1
  return %keep : i1
}
func.func @keys_that_exist(%b: index, %h: index, %i: index, %j: index, %valid: memref<?x?xi1>) -> i1
    attributes {tables = ["booleans"], misses = 0.0} {
  %keep = memref.load %valid[%b, %j] : memref<?x?xi1>
  return %keep : i1
}
func.func @padding_bias(%b: index, %h: index, %i: index, %j: index, %bias: memref<?x?xf32>) -> i1
    attributes {tables = ["bias"], misses = 0.0} {
  %infinity = arith.constant 0xFF800000 : f32
  %x = memref.load %bias[%b, %j] : memref<?x?xf32>
  %keep = arith.cmpf ogt, %x, %infinity : f32
  return %keep : i1
}
func.func @dense(%b: index, %h: index, %i: index, %j: index, %bits: memref<?x?x?xi1>) -> i1
    attributes {tables = ["dense"], misses = 0.0} {
  %keep = memref.load %bits[%b, %i, %j] : memref<?x?x?xi1>
  return %keep : i1
}
func.func @dense_bytes_negated(%b: index, %h: index, %i: index, %j: index, %bytes: memref<?x?xi8>) -> i1
    attributes {tables = ["dense"], misses = 0.0} {
  %zero = arith.constant 0 : index
  %byte = memref.load %bytes[%i, %j] : memref<?x?xi8>
  %wide = arith.index_castui %byte : i8 to index
  %keep = arith.cmpi eq, %zero, %wide : index
  return %keep : i1
}
func.func @dense_bias(%b: index, %h: index, %i: index, %j: index, %bias: memref<?x?xf32>) -> i1
    attributes {tables = ["dense bias"], misses = 0.0} {
  %infinity = arith.constant 0xFF800000 : f32
  %x = memref.load %bias[%i, %j] : memref<?x?xf32>
  %keep = arith.cmpf olt, %infinity, %x : f32
  return %keep : i1
}
func.func @blocks(%b: index, %h: index, %i: index, %j: index, %table: memref<?x?xi1>) -> i1
    attributes {tables = ["blocks"], misses = 0.0} {
  %size = arith.constant 64 : index
  %row = arith.floordivsi %i, %size : index
  %key = arith.divui %j, %size : index
  %keep = memref.load %table[%row, %key] : memref<?x?xi1>
  return %keep : i1
}
func.func @blocks_and_causal(%b: index, %h: index, %i: index, %j: index, %table: memref<?x?x?xi1>) -> i1
    attributes {tables = ["blocks"], misses = 2.0} {
  %bits = arith.constant 6 : index
  %row = arith.shrsi %i, %bits : index
  %key = arith.shrui %j, %bits : index
  %block = memref.load %table[%b, %row, %key] : memref<?x?x?xi1>
  %causal = arith.cmpi sge, %i, %j : index
  %keep = arith.andi %causal, %block : i1
  return %keep : i1
}
// By distance; where the distance leaves the table, causality decides.
func.func @by_distance(%b: index, %h: index, %i: index, %j: index, %table: memref<?xi1>, %c: index) -> i1
    attributes {tables = ["booleans"], misses = 100.0} {
  %age = arith.subi %i, %j : index
  %at = arith.addi %age, %c : index
  %seen = memref.load %table[%at] : memref<?xi1>
  %causal = arith.cmpi sge, %i, %j : index
  %keep = arith.andi %causal, %seen : i1
  return %keep : i1
}
// A window for each row, in an index that is itself loaded.
func.func @window_of_kind(%b: index, %h: index, %i: index, %j: index, %kind: memref<?xi32>, %window: memref<?xi64>) -> i1
    attributes {tables = ["documents", "numbers"], misses = 100.0} {
  %loaded = memref.load %kind[%i] : memref<?xi32>
  %at = arith.index_cast %loaded : i32 to index
  %size64 = memref.load %window[%at] : memref<?xi64>
  %size = arith.index_cast %size64 : i64 to index
  %age = arith.subi %i, %j : index
  %below = arith.cmpi slt, %age, %size : index
  %limit = arith.addi %j, %size : index
  %above = arith.cmpi sge, %limit, %i : index
  %keep = arith.ori %below, %above : i1
  return %keep : i1
}
// Numbers of any size: sums of the largest ones overflow, and are not relied on.
func.func @extreme_numbers(%b: index, %h: index, %i: index, %j: index, %x: memref<?xi64>, %y: memref<?xi8>) -> i1
    attributes {tables = ["extremes", "extremes"], misses = 100.0} {
  %far = memref.load %x[%i] : memref<?xi64>
  %near = memref.load %y[%j] : memref<?xi8>
  %wide = arith.extsi %near : i8 to i64
  %sum = arith.addi %far, %wide : i64
  %j64 = arith.index_cast %j : index to i64
  %late = arith.cmpi sle, %sum, %j64 : i64
  %small = arith.cmpi slt, %far, %wide : i64
  %keep = arith.xori %late, %small : i1
  return %keep : i1
}
// What is known of two dimensions is not what is asked.
func.func @negative_two_dimensional_numbers(%b: index, %h: index, %i: index, %j: index, %x: memref<?x?xi32>) -> i1
    attributes {tables = ["numbers"], misses = 100.0} {
  %five = arith.constant 5 : i32
  %number = memref.load %x[%i, %j] : memref<?x?xi32>
  %keep = arith.cmpi slt, %number, %five : i32
  return %keep : i1
}
