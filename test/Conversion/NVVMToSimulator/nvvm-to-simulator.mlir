// RUN: fovea-opt %s --convert-nvvm-to-simulator="seed=7" --split-input-file --verify-diagnostics | FileCheck %s

// Places in the source are strings of the module.
// CHECK-DAG: llvm.mlir.global private constant @{{.*}}("{{.*}}nvvm-to-simulator.mlir:{{[0-9]+}}:{{[0-9]+}} (nvvm.barrier0)\00")
// The tensors: rank, bytes of an element, whether it is written; a scalar has no rank.
// CHECK-DAG: llvm.mlir.global private constant @fovea_tensors_main(dense<[3, 2, 4, 0, -1, 0, 0, 1, 2, 1]> : tensor<10xi32>)
// CHECK-DAG: ("x\00n\00y\00\00")
// CHECK-LABEL: func.func @main_task
// CHECK: %[[BODY:.*]] = constant @main_thread
// CHECK: llvm.call @fovea_sim_run({{.*}}) : (!llvm.ptr, !llvm.ptr, !llvm.ptr, i32, i64, i64, !llvm.ptr, !llvm.ptr, !llvm.ptr) -> i32
// CHECK-LABEL: func.func @main_thread
// CHECK: llvm.call @fovea_sim_thread_id
// CHECK: llvm.call @fovea_sim_shared
// CHECK: llvm.call @fovea_sim_cp_async
// CHECK: llvm.call @fovea_sim_commit_group
// CHECK: llvm.call @fovea_sim_wait_group
// CHECK: llvm.call @fovea_sim_barrier
// CHECK: llvm.call @fovea_sim_ldmatrix
// CHECK: llvm.call @fovea_sim_shuffle_xor
// CHECK: llvm.call @fovea_sim_global_read
// CHECK-NEXT: llvm.load {{.*}} : !llvm.ptr<1> -> vector<2xbf16>
// CHECK: llvm.call @fovea_sim_global_write
// CHECK-NEXT: llvm.store {{.*}} : vector<2xbf16>, !llvm.ptr<1>
// CHECK: llvm.call @fovea_sim_global_read
// CHECK-NEXT: memref.load
// CHECK: llvm.call @fovea_sim_barrier_or
// A fence among the threads of one block is none between blocks.
// CHECK: llvm.call @fovea_sim_fence
// CHECK: llvm.call @fovea_sim_global_add
// CHECK-NOT: llvm.call @fovea_sim_fence
// CHECK-NOT: nvvm.
// CHECK-NOT: llvm.atomicrmw
// CHECK-NOT: llvm.fence
// CHECK-NOT: @fovea_shared()
module attributes {
  fovea.kernels = [{name = "main", params = [{name = "x", type = memref<?x?xf32>}, {name = "n", type = index}, {name = "y", type = memref<?xbf16>, output}]}],
  fovea.launches = {main = {shared_bytes = 1024 : i64, threads = 128 : i64}}
} {
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
    %pair = llvm.load %from : !llvm.ptr<1> -> vector<2xbf16>
    llvm.store %pair, %from : vector<2xbf16>, !llvm.ptr<1>
    %descriptor = llvm.load %values : !llvm.ptr -> !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)>
    %table = builtin.unrealized_conversion_cast %descriptor : !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)> to memref<4xi8>
    %c1 = arith.constant 1 : index
    %z = memref.load %table[%c1] : memref<4xi8>
    %any = nvvm.barrier #nvvm.reduction<or> %one -> i32
    llvm.fence syncscope("device") acq_rel
    %before = llvm.atomicrmw add %from, %any syncscope("device") monotonic : !llvm.ptr<1>, i32
    llvm.fence syncscope("block") acq_rel
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
