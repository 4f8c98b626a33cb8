// RUN: fovea-opt %s --convert-tasks-to-kernels --split-input-file --verify-diagnostics | FileCheck %s

// Three values of 104 bytes, by value; the task is that of the block.
// CHECK-LABEL: llvm.func @main
// CHECK-SAME: (%[[VALUES:.*]]: !llvm.ptr {llvm.align = 8 : i64, llvm.byval = !llvm.array<312 x i8>, nvvm.grid_constant}, %[[TASKS:.*]]: !llvm.ptr)
// CHECK-SAME: nvvm.kernel, nvvm.reqntid = array<i32: 128, 1, 1>
// CHECK: %[[BLOCK:.*]] = nvvm.read.ptx.sreg.ctaid.x
// CHECK: %[[WIDE:.*]] = llvm.zext %[[BLOCK]]
// CHECK: %[[TASK:.*]] = llvm.getelementptr %[[TASKS]][%[[WIDE]]] : (!llvm.ptr, i64) -> !llvm.ptr, !llvm.array<128 x i8>
// CHECK: llvm.load %[[TASK]]
// CHECK: llvm.call_intrinsic "llvm.nvvm.ex2.approx.ftz.f"
// CHECK: llvm.call_intrinsic "llvm.nvvm.lg2.approx.ftz.f"
// CHECK: llvm.return{{$}}
// CHECK-NOT: func.func @
module attributes {
  fovea.kernels = [{name = "main", params = [{name = "x", type = memref<?xi32>}, {name = "n", type = index}], summaries = [{param = 0 : i64}]}],
  fovea.launches = {main = {shared_bytes = 1024 : i64, threads = 128 : i64}}
} {
  func.func @main_plan() {
    return
  }
  func.func @main_task(%values: !llvm.ptr, %task: !llvm.ptr, %arena: !llvm.ptr) -> i32 {
    %x = llvm.load %task : !llvm.ptr -> f32
    %e = math.exp2 %x : f32
    %l = math.log2 %e : f32
    llvm.store %l, %values : f32, !llvm.ptr
    %ok = arith.constant 0 : i32
    return %ok : i32
  }
}

// -----

// expected-error @below {{has no kernels for a GPU: fovea.launches and fovea.kernels are missing}}
module {}
