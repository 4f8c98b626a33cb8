// RUN: fovea-opt %s --convert-nvvm-to-simulator="seed=7" --split-input-file --verify-diagnostics | FileCheck %s

// Places in the source are strings of the module.
// CHECK-DAG: llvm.mlir.global private constant @{{.*}}("{{.*}}nvvm-to-simulator.mlir:{{[0-9]+}}:{{[0-9]+}} (nvvm.barrier0)\00")
// CHECK-LABEL: func.func @main_task
// CHECK: %[[BODY:.*]] = constant @main_thread
// CHECK: llvm.call @fovea_sim_run({{.*}}) : (!llvm.ptr, !llvm.ptr, !llvm.ptr, i32, i64, i64, !llvm.ptr) -> i32
// CHECK-LABEL: func.func @main_thread
// CHECK: llvm.call @fovea_sim_thread_id
// CHECK: llvm.call @fovea_sim_shared
// CHECK: llvm.call @fovea_sim_cp_async
// CHECK: llvm.call @fovea_sim_commit_group
// CHECK: llvm.call @fovea_sim_wait_group
// CHECK: llvm.call @fovea_sim_barrier
// CHECK: llvm.call @fovea_sim_ldmatrix
// CHECK: llvm.call @fovea_sim_shuffle_xor
// CHECK-NOT: nvvm.
// CHECK-NOT: @fovea_shared()
module attributes {fovea.launches = {main = {shared_bytes = 1024 : i64, threads = 128 : i64}}} {
  llvm.mlir.global external @fovea_shared() {addr_space = 3 : i32} : !llvm.array<0 x i8>
  func.func @main_task(%values: !llvm.ptr, %task: !llvm.ptr, %arena: !llvm.ptr) -> i32 {
    %id = nvvm.read.ptx.sreg.tid.x : i32
    %shared = llvm.mlir.addressof @fovea_shared : !llvm.ptr<3>
    %from = llvm.addrspacecast %values : !llvm.ptr to !llvm.ptr<1>
    nvvm.cp.async.shared.global %shared, %from, 16, cache = cg, %id : !llvm.ptr<3>, !llvm.ptr<1>, i32
    nvvm.cp.async.commit.group
    nvvm.cp.async.wait.group 0
    nvvm.barrier0
    %m = nvvm.ldmatrix %shared {num = 4 : i32, layout = #nvvm.mma_layout<row>, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>, eltType = #nvvm.ld_st_matrix_elt_type<b16>} : (!llvm.ptr<3>) -> !llvm.struct<(i32, i32, i32, i32)>
    %x = llvm.load %task : !llvm.ptr -> f32
    %one = arith.constant 1 : i32
    %y = nvvm.shfl.sync bfly %one, %x, %one, %one : f32 -> f32
    llvm.store %y, %values : f32, !llvm.ptr
    llvm.store %m, %values : !llvm.struct<(i32, i32, i32, i32)>, !llvm.ptr
    return %one : i32
  }
}

// -----

module attributes {fovea.launches = {main = {shared_bytes = 1024 : i64, threads = 128 : i64}}} {
  func.func @main_task(%values: !llvm.ptr, %task: !llvm.ptr, %arena: !llvm.ptr) -> i32 {
    // expected-error @below {{is nothing that the simulator knows in this form}}
    %id = nvvm.read.ptx.sreg.tid.y : i32
    return %id : i32
  }
}
