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

// Tensor maps come by value behind the tasks. Where warpgroups trade registers, the multiprocessor's are this block's.
// CHECK-LABEL: llvm.func @maps
// CHECK-SAME: %[[TASKS:[^:]*]]: !llvm.ptr, %[[M0:[^:]*]]: !llvm.ptr {llvm.align = 64 : i64, llvm.byval = !llvm.array<128 x i8>, nvvm.grid_constant},
// CHECK-SAME: %[[M1:[^:]*]]: !llvm.ptr {llvm.align = 64 : i64, llvm.byval = !llvm.array<128 x i8>, nvvm.grid_constant})
// CHECK-SAME: nvvm.kernel, nvvm.minctasm = 1 : i32, nvvm.reqntid = array<i32: 384, 1, 1>
// CHECK: llvm.store %[[M1]], %[[M0]]
// CHECK-NOT: fovea_tensor_map
module attributes {
  fovea.kernels = [{name = "maps", params = [{}, {}]}],
  fovea.launches = {maps = {shared_bytes = 1024 : i64, threads = 384 : i64, tensor_maps = [
    {param = 0 : i64, box = array<i64: 1, 1, 8, 64>, swizzle = 128 : i64},
    {param = 1 : i64, box = array<i64: 1, 1, 8, 64>, swizzle = 128 : i64}]}}
} {
  llvm.mlir.global external constant @fovea_tensor_map_0() : !llvm.array<128 x i8>
  llvm.mlir.global external constant @fovea_tensor_map_1() : !llvm.array<128 x i8>
  func.func @maps_task(%values: !llvm.ptr, %task: !llvm.ptr, %arena: !llvm.ptr) -> i32 {
    nvvm.setmaxregister decrease 40
    %to = llvm.mlir.addressof @fovea_tensor_map_0 : !llvm.ptr
    %map = llvm.mlir.addressof @fovea_tensor_map_1 : !llvm.ptr
    llvm.store %map, %to : !llvm.ptr, !llvm.ptr
    %ok = arith.constant 0 : i32
    return %ok : i32
  }
}

// -----

// A fallback takes the kernel's values and tasks, and no maps.
// CHECK-LABEL: llvm.func @main
// CHECK-SAME: llvm.byval = !llvm.array<104 x i8>{{.*}}llvm.byval = !llvm.array<128 x i8>
// CHECK-SAME: nvvm.reqntid = array<i32: 384, 1, 1>
// CHECK-LABEL: llvm.func @main_fallback
// CHECK-SAME: (%{{.*}}: !llvm.ptr {llvm.align = 8 : i64, llvm.byval = !llvm.array<104 x i8>, nvvm.grid_constant}, %{{[^:]*}}: !llvm.ptr)
// CHECK-SAME: nvvm.kernel, nvvm.reqntid = array<i32: 256, 1, 1>
module attributes {
  fovea.kernels = [{name = "main", params = [{}]}],
  fovea.launches = {main = {fallback = {shared_bytes = 2048 : i64, threads = 256 : i64}, shared_bytes = 1024 : i64, threads = 384 : i64,
    tensor_maps = [{param = 0 : i64, box = array<i64: 1, 1, 8, 64>, swizzle = 128 : i64}]}}
} {
  func.func @main_task(%values: !llvm.ptr, %task: !llvm.ptr, %arena: !llvm.ptr) -> i32 {
    %ok = arith.constant 0 : i32
    return %ok : i32
  }
  func.func @main_fallback_task(%values: !llvm.ptr, %task: !llvm.ptr, %arena: !llvm.ptr) -> i32 {
    %ok = arith.constant 0 : i32
    return %ok : i32
  }
}

// -----

// expected-error @below {{has no 'main_task', which fovea.launches speaks of}}
module attributes {
  fovea.kernels = [{name = "main", params = [{}]}],
  fovea.launches = {main = {shared_bytes = 1024 : i64, threads = 384 : i64}}
} {
}

// -----

// expected-error @below {{has no kernels for a GPU: fovea.launches and fovea.kernels are missing}}
module {}
