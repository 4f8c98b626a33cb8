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
// CHECK: llvm.store %{{.*}}, %arg3 : i64, !llvm.ptr
// CHECK-COUNT-3: scf.for
// CHECK: %[[FITS:.*]] = arith.cmpi slt
// CHECK: scf.if %[[FITS]] {
// CHECK: memref.load
// CHECK: attn.tile_bounds
// CHECK: llvm.getelementptr %arg1[%{{.*}}] : (!llvm.ptr, i64) -> !llvm.ptr, !llvm.array<8 x i64>
// CHECK-COUNT-8: llvm.store
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
