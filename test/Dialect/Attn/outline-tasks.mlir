// RUN: fovea-opt %s --attn-outline-tasks --split-input-file --verify-diagnostics | FileCheck %s

// What the module table says: signature, messages, scratch. The mask's bounds depend on %lengths: its content is frozen.
// CHECK: module attributes {fovea.kernels = [{arena = 128 : i64, messages = ["sizes must agree"], name = "kernel", params = [
// CHECK-SAME: {name = "query", type = memref<2x4x8x16xf32, strided<[?, ?, ?, ?], offset: ?>>},
// CHECK-SAME: {dims = ["B"], frozen, name = "lengths", type = memref<2xi32, strided<[?], offset: ?>>},
// CHECK-SAME: {name = "window", type = index},
// CHECK-SAME: {name = "out", output, type = memref<2x4x8x16xf32, strided<[?, ?, ?, ?], offset: ?>>}]}]} {

// The plan: asserts decide the status; then one record per task, its bounds asked once, within the capacity.
// CHECK-LABEL: func.func @kernel_plan(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: !llvm.ptr) -> i32
// CHECK-NOT: cf.assert
// CHECK: %[[STATUS:.*]] = arith.select %{{.*}}, %{{.*}}, %c0_i32 : i32
// CHECK: %[[GOOD:.*]] = arith.cmpi eq, %[[STATUS]], %{{.*}} : i32
// CHECK-NEXT: scf.if %[[GOOD]] {
// CHECK-COUNT-3: scf.for
// CHECK: %[[FITS:.*]] = arith.cmpi slt
// CHECK: scf.if %[[FITS]] {
// CHECK: memref.load
// CHECK: attn.tile_bounds
// CHECK: llvm.getelementptr %arg1[%{{.*}}] : (!llvm.ptr, i64) -> !llvm.ptr, !llvm.array<16 x i64>
// CHECK-COUNT-16: llvm.store
// CHECK: llvm.store %{{.*}}, %arg3 : i64, !llvm.ptr
// CHECK: return %[[STATUS]] : i32

// The task: bounds come from its record, scratch from its arena.
// CHECK-LABEL: func.func @kernel_task(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr) -> i32
// CHECK: llvm.getelementptr %arg1[32]
// CHECK: llvm.getelementptr %arg1[40]
// CHECK: llvm.getelementptr %arg1[48]
// CHECK-NOT: attn.tile_bounds
// CHECK-NOT: memref.alloc
// CHECK: llvm.insertvalue %arg2
// CHECK: scf.for
// CHECK: return %{{.*}} : i32

// The classify function: keys that exist, one class without a loop, -1 where there is no such sequence or head. The rows of a task
// are none of its business.
// CHECK-LABEL: func.func @kernel_classify(%{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64, %{{.*}}: i64, %{{.*}}: i64, %{{.*}}: i64, %{{.*}}: i64) -> i32
// CHECK: %[[B:.*]] = arith.index_cast %arg1 : i64 to index
// CHECK: %[[H:.*]] = arith.index_cast %arg2 : i64 to index
// CHECK-NOT: scf.for
// CHECK-NOT: attn.tile_bounds
// CHECK: %[[SOME:.*]] = arith.select %{{.*}}, %c1_i32{{.*}}, %c0_i32{{.*}} : i32
// CHECK: %[[CLASS:.*]] = arith.select %{{.*}}, %c2_i32{{.*}}, %[[SOME]] : i32
// CHECK: arith.cmpi sge
// CHECK: arith.cmpi sge
// CHECK: %[[IS_SEQUENCE:.*]] = arith.cmpi ult, %[[B]], %{{.*}} : index
// CHECK: arith.select %[[IS_SEQUENCE]], %{{.*}}, %c-1_i32
// CHECK: %[[IS_HEAD:.*]] = arith.cmpi ult, %[[H]], %{{.*}} : index
// CHECK: %[[RESULT:.*]] = arith.select %[[IS_HEAD]], %{{.*}}, %c-1_i32
// CHECK: return %[[RESULT]] : i32
// CHECK-NOT: func.func @kernel(
func.func @kernel(%q: memref<2x4x8x16xf32, strided<[?, ?, ?, ?], offset: ?>> {attn.name = "query"},
                  %lengths: memref<2xi32, strided<[?], offset: ?>> {attn.name = "lengths", attn.dims = ["B"]},
                  %window: index {attn.name = "window"},
                  %o: memref<2x4x8x16xf32, strided<[?, ?, ?, ?], offset: ?>> {attn.name = "out", attn.output}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = memref.dim %q, %c0 : memref<2x4x8x16xf32, strided<[?, ?, ?, ?], offset: ?>>
  %ok = arith.cmpi eq, %n, %window : index
  cf.assert %ok, "sizes must agree"
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %arena = memref.alloc() {alignment = 64 : i64} : memref<128xi8>
    %length = memref.load %lengths[%b] : memref<2xi32, strided<[?], offset: ?>>
    %end = arith.index_cast %length : i32 to index
    %bounds:4 = attn.tile_bounds (%b, %h) rows (%t to %n) keys (%c0 to %end step 64) mask (%mb, %mh, %i, %j) {
      %near = arith.cmpi slt, %j, %window : index
      attn.yield %near : i1
    }
    scf.for %key = %bounds#0 to %bounds#1 step %c1 {
      %x = memref.load %q[%b, %h, %t, %key] : memref<2x4x8x16xf32, strided<[?, ?, ?, ?], offset: ?>>
      memref.store %x, %o[%b, %h, %t, %key] : memref<2x4x8x16xf32, strided<[?, ?, ?, ?], offset: ?>>
    }
  }
  return
}

// -----

// Summaries are values after those of the parameters: the first one is the third, at 2 * 104 bytes. What they are of is frozen, and
// so is what is declared sorted.
// CHECK: module attributes {fovea.kernels = [{{{.*}}params = [{frozen, name = "doc", sorted, type = memref<?x?xi32>}, {frozen, name = "bits", type = memref<?x?xi1>}],
// CHECK-SAME: summaries = [{dims = array<i64: 1>, grains = array<i64: 8>, kind = "range", param = 0 : i64}, {dims = array<i64: 0, 1>, grains = array<i64: 8, 1>, kind = "count", param = 1 : i64}]}]}
// CHECK-LABEL: func.func @summaries_plan(
// CHECK: llvm.getelementptr %arg0[208]
// CHECK: %[[STORED:.*]] = builtin.unrealized_conversion_cast %{{.*}} to memref<?x?xindex, strided<[?, 1]>>
// CHECK: attn.summary range of %[[DOC:.*]] dims [1] grains [8] stored %[[STORED]]
// CHECK: llvm.getelementptr %arg0[312]
// CHECK: attn.summary count of %{{.*}} dims [0, 1] grains [8, 1] stored
// CHECK: attn.tile_bounds
// CHECK: memref.load %[[DOC]][
// CHECK-LABEL: func.func @summaries_task(
// CHECK: attn.summary range
// CHECK: attn.summary count
// CHECK-LABEL: func.func @summaries_classify(
// CHECK: %[[R:.*]] = attn.summary range
// CHECK: memref.load %[[R]][
func.func @summaries(%doc: memref<?x?xi32> {attn.name = "doc", attn.sorted}, %bits: memref<?x?xi1> {attn.name = "bits"}) {
  %r = attn.summary range of %doc dims [1] grains [8] : memref<?x?xi32>
  %s = attn.summary count of %bits dims [0, 1] grains [8, 1] : memref<?x?xi1>
  %c0 = arith.constant 0 : index
  %n = memref.dim %doc, %c0 : memref<?x?xi32>
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %bounds:4 = attn.tile_bounds (%b, %h) rows (%t to %n) keys (%c0 to %n step 64) mask (%mb, %mh, %i, %j) {
      %row = memref.load %doc[%mb, %i] : memref<?x?xi32>
      %key = memref.load %doc[%mb, %j] : memref<?x?xi32>
      %same = arith.cmpi eq, %row, %key : i32
      attn.yield %same : i1
    }
  }
  return
}

// -----

// A mask that is another one for each task has no class outside of it.
// CHECK-LABEL: func.func @of_the_task_classify(
// CHECK: arith.select %true{{.*}}, %c1_i32{{.*}}, %c0_i32
// CHECK: arith.select %false{{.*}}, %c2_i32
func.func @of_the_task(%n: index) {
  %c0 = arith.constant 0 : index
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %bounds:4 = attn.tile_bounds (%b, %h) rows (%t to %n) keys (%c0 to %n step 64) mask (%mb, %mh, %i, %j) {
      %near = arith.cmpi slt, %j, %t : index
      attn.yield %near : i1
    }
  }
  return
}

// -----

func.func @f(%doc: memref<?xi32>, %table: memref<?xindex, strided<[1]>>) {
  // expected-error@+1 {{is not of an argument alone, so that no plan can make it}}
  %s = attn.summary range of %doc dims [0] grains [8] stored %table : memref<?xi32>, memref<?xindex, strided<[1]>>
  return
}

// -----

// expected-error@+1 {{has no public function: nothing to run}}
module {
  func.func private @f() {
    return
  }
}

// -----

// expected-error@+1 {{kernel 'f' has no attention: a public function must hold one attn.attention}}
func.func @f() {
  return
}

// -----

// expected-error@+1 {{kernel must be one block: control flow around attention is not supported}}
func.func @f() {
  cf.br ^bb1
^bb1:
  return
}

// -----

func.func @f(%n: index) {
  // expected-error@+1 {{has no attn.tile_bounds at its top level}}
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
  }
  return
}

// -----

func.func @f(%n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
  }
  // expected-error@+1 {{is the second attention of kernel 'f'; a kernel holds exactly one, put the other in its own function}}
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
  }
  return
}

// -----

// Packed: the plan asks every split, keeps those that see a key, and then tells each how many there are.
// CHECK: module attributes {fovea.kernels = [{{{.*}}name = "packed", {{.*}}partials}]} {
// CHECK-LABEL: func.func @packed_plan(
// CHECK: scf.for %{{.*}} = %c0{{.*}} to %{{.*}} step %c1{{.*}} iter_args
// The heads of a tile together.
// CHECK: scf.for %{{.*}} = %c0{{.*}} to %{{.*}} step %{{.*}} iter_args
// CHECK: scf.for
// CHECK: scf.for %[[SPLIT:.*]] = %c0{{.*}} iter_args
// CHECK: arith.muli %[[SPLIT]]
// CHECK: attn.tile_bounds
// CHECK: scf.if
// CHECK: llvm.getelementptr %arg1[%{{.*}}] : (!llvm.ptr, i64) -> !llvm.ptr, !llvm.array<16 x i64>
// CHECK: scf.for
// The number of pieces, the first one's partial result, the bytes of one.
// CHECK: llvm.getelementptr %[[RECORD:.*]][104]
// CHECK: llvm.getelementptr %[[RECORD]][112]
// CHECK: llvm.getelementptr %[[RECORD]][120]
// CHECK: llvm.store %{{.*}}, %arg3 : i64, !llvm.ptr

// The task: partial results are the last value, those of this tile behind the others.
// CHECK-LABEL: func.func @packed_task(
// CHECK: %[[PLACE:.*]] = llvm.getelementptr %arg0[208]
// CHECK: llvm.load %[[PLACE]] : !llvm.ptr -> !llvm.ptr
// CHECK-NOT: attn.partials
// CHECK: memref.store

// All keys, from the first split to the last.
// CHECK-LABEL: func.func @packed_classify(
// CHECK: arith.maxsi %{{.*}}, %{{.*}} : index
// CHECK: arith.minsi %{{.*}}, %{{.*}} : index
func.func @packed(%n: index {attn.name = "n"}, %g: index {attn.name = "g"}) {
  %c100 = arith.constant 100 : index
  attn.task (%b, %h, %t, %s) in (%n, %n by %g, %n, %g) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %from = arith.muli %s, %c100 : index
    %to = arith.addi %from, %c100 : index
    %bounds:4 = attn.tile_bounds (%b, %h) rows (%t to %n) keys (%from to %to step 64) mask (%mb, %mh, %i, %j) {
      %keep = arith.cmpi sge, %i, %j : index
      attn.yield %keep : i1
    }
    %buffer, %piece, %pieces = attn.partials %n : memref<?x?xi32, strided<[?, 1], offset: ?>>
    %x = arith.index_cast %pieces : index to i32
    memref.store %x, %buffer[%piece, %t] : memref<?x?xi32, strided<[?, 1], offset: ?>>
  }
  return
}

// -----

func.func @f(%n: index, %m: memref<4xf32>) {
  // expected-error@+1 {{'memref.load' stands beside an attention in kernel 'f'; only shape and scalar code may}}
  %x = memref.load %m[%n] : memref<4xf32>
  return
}

// -----

func.func private @g()
func.func @f() {
  // expected-error@+1 {{'func.call' stands beside an attention in kernel 'f'; only shape and scalar code may}}
  call @g() : () -> ()
  return
}

// -----

// expected-error@+1 {{private function 'f' holds an attention; make it public, or inline it}}
func.func private @f(%n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
  }
  return
}

// -----

// expected-note@+1 {{rename this one}}
func.func private @f_task()

// expected-error@+1 {{kernel 'f' becomes 'f_task', which exists already}}
func.func @f(%n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %bounds:4 = attn.tile_bounds (%b, %h) rows (%t to %n) keys (%t to %n step 64) mask (%mb, %mh, %i, %j) {
      %true = arith.constant true
      attn.yield %true : i1
    }
  }
  return
}

// -----

// Of a fallback there is the task alone: its tasks are those of the kernel's plan.
// CHECK: fovea.kernels = [{{{.*}}name = "kernel", params = [{type = index}]}]
// CHECK: func.func @kernel_plan
// CHECK: func.func @kernel_task
// CHECK: func.func @kernel_classify
// CHECK: func.func @kernel_fallback_task
// CHECK-NOT: func.func
func.func @kernel(%n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %begin, %end, %visited, %full = attn.tile_bounds(%b, %h) rows(%t to %n) keys(%b to %n step 64) mask (%x, %y, %i, %j) {
      %keep = arith.cmpi sge, %i, %j : index
      attn.yield %keep : i1
    }
  }
  return
}
func.func @kernel_fallback(%n: index) attributes {fovea.fallback_of = "kernel"} {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 32, lanes = 8, panel = 16, micro_keys = 4> {
    %begin, %end, %visited, %full = attn.tile_bounds(%b, %h) rows(%t to %n) keys(%b to %n step 32) mask (%x, %y, %i, %j) {
      %keep = arith.cmpi sge, %i, %j : index
      attn.yield %keep : i1
    }
  }
  return
}

// -----

// expected-error @below {{is a fallback of kernel 'kernel', which does not precede it}}
func.func @kernel_fallback(%n: index) attributes {fovea.fallback_of = "kernel"} {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 32, lanes = 8, panel = 16, micro_keys = 4> {
    %begin, %end, %visited, %full = attn.tile_bounds(%b, %h) rows(%t to %n) keys(%b to %n step 32) mask (%x, %y, %i, %j) {
      %keep = arith.cmpi sge, %i, %j : index
      attn.yield %keep : i1
    }
  }
  return
}
