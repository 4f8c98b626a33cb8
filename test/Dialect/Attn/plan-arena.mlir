// RUN: fovea-opt %s --attn-plan-arena --split-input-file --verify-diagnostics | FileCheck %s

// Each buffer starts on a cache line; nested ones live as long as the task.
// CHECK-LABEL: func @scratch(
// CHECK: attn.task
// CHECK-NEXT: %[[ARENA:.*]] = memref.alloc() {alignment = 64 : i64} : memref<1216xi8>
// CHECK: %[[C0:.*]] = arith.constant 0 : index
// CHECK: memref.view %[[ARENA]][%[[C0]]][] : memref<1216xi8> to memref<3x5xf32>
// CHECK: %[[C64:.*]] = arith.constant 64 : index
// CHECK: memref.view %[[ARENA]][%[[C64]]][] : memref<1216xi8> to memref<8x32xf32>
// CHECK: %[[C1088:.*]] = arith.constant 1088 : index
// CHECK: memref.view %[[ARENA]][%[[C1088]]][] : memref<1216xi8> to memref<65xi1>
// CHECK-NOT: memref.alloc
// CHECK: scf.for
func.func @scratch(%n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %x = memref.alloc() : memref<3x5xf32>
    scf.for %i = %b to %h step %t {
      %y = memref.alloc() : memref<8x32xf32>
      %z = memref.alloc() : memref<65xi1>
    }
  }
  return
}

// CHECK-LABEL: func @negative_outside(
// CHECK: memref.alloc() : memref<3x5xf32>
func.func @negative_outside() {
  %x = memref.alloc() : memref<3x5xf32>
  return
}

// -----

func.func @f(%n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    // expected-error@+1 {{'memref.alloc' op inside a task must have a static shape: scratch is planned before anything runs}}
    %x = memref.alloc(%n) : memref<?xf32>
  }
  return
}

// -----

func.func @f(%n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 32, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %x = memref.alloc() : memref<9000000000000000000xi8>
    // expected-error@+1 {{'memref.alloc' op makes the scratch of its task larger than the address space}}
    %y = memref.alloc() : memref<9000000000000000000xi8>
  }
  return
}
