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
// CHECK: return
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

// Of sm_90a: tensor maps are made of the task's values, an accumulator is one value until it is waited for.
// CHECK-LABEL: func.func @main_task
// CHECK: llvm.call @fovea_sim_add_tensor_map({{.*}}) : (!llvm.ptr, !llvm.ptr, i64) -> ()
// CHECK: llvm.call @fovea_sim_run
// CHECK-LABEL: func.func @main_thread
// CHECK: %[[MAP:.*]] = llvm.call @fovea_sim_tensor_map
// CHECK: llvm.call @fovea_sim_mbarrier_init
// CHECK: llvm.call @fovea_sim_fence_mbarrier_init
// CHECK: llvm.call @fovea_sim_set_registers
// CHECK: llvm.call @fovea_sim_mbarrier_arrive
// CHECK: llvm.call @fovea_sim_copy_tensor({{.*}}, %[[MAP]],
// CHECK: llvm.call @fovea_sim_mbarrier_wait
// CHECK: llvm.call @fovea_sim_mbarrier_arrive
// CHECK: llvm.call @fovea_sim_touch
// CHECK: llvm.store {{.*}} !llvm.ptr<3>
// CHECK: llvm.call @fovea_sim_touch
// CHECK: llvm.load {{.*}} !llvm.ptr<3> -> vector<4xi32>
// CHECK: llvm.call @fovea_sim_fence_proxy
// CHECK: llvm.call @fovea_sim_barrier_of_some
// CHECK: %[[ANY:.*]] = llvm.call @fovea_sim_barrier_of_some
// CHECK: llvm.trunc %[[ANY]] : i32 to i1
// CHECK: llvm.call @fovea_sim_wgmma_fence
// CHECK: %[[FIRST:.*]] = llvm.call @fovea_sim_wgmma({{.*}}) : (!llvm.ptr, !llvm.ptr, f32, !llvm.ptr) -> f32
// CHECK: %[[NULL:.*]] = llvm.mlir.zero : !llvm.ptr
// CHECK: %[[SECOND:.*]] = llvm.call @fovea_sim_wgmma({{.*}}, %[[NULL]], %[[FIRST]],
// CHECK: llvm.call @fovea_sim_wgmma_commit
// CHECK: llvm.call @fovea_sim_wgmma_wait({{.*}}, %[[SECOND]],
// CHECK-COUNT-4: llvm.load {{.*}} -> f32
// CHECK-NOT: nvvm.
// CHECK-NOT: inline_asm
module attributes {fovea.launches = {main = {shared_bytes = 4096 : i64, threads = 256 : i64,
    tensor_maps = [{param = 0 : i64, box = array<i64: 1, 1, 8, 64>, swizzle = 128 : i64}]}}} {
  llvm.mlir.global external @fovea_shared() {addr_space = 3 : i32} : !llvm.array<0 x i8>
  llvm.mlir.global external constant @fovea_tensor_map_0() : !llvm.array<128 x i8>
  func.func @main_task(%values: !llvm.ptr, %task: !llvm.ptr, %arena: !llvm.ptr) -> i32 {
    %one = arith.constant 1 : i32
    %desc = arith.constant 1 : i64
    %shared = llvm.mlir.addressof @fovea_shared : !llvm.ptr<3>
    %cluster = llvm.addrspacecast %shared : !llvm.ptr<3> to !llvm.ptr<7>
    %map = llvm.mlir.addressof @fovea_tensor_map_0 : !llvm.ptr
    nvvm.mbarrier.init %shared, %one : !llvm.ptr<3>, i32
    nvvm.fence.mbarrier.init
    nvvm.setmaxregister decrease 40
    nvvm.mbarrier.arrive.expect_tx %shared, %one : !llvm.ptr<3>, i32
    nvvm.cp.async.bulk.tensor.shared.cluster.global %cluster, %map, %shared, box[%one, %one, %one, %one] : !llvm.ptr<7>, !llvm.ptr
    nvvm.mbarrier.try_wait.parity %shared, %one, %one : !llvm.ptr<3>, i32, i32
    nvvm.mbarrier.arrive %shared : !llvm.ptr<3>
    llvm.store %one, %shared : i32, !llvm.ptr<3>
    %chunk = llvm.load %shared : !llvm.ptr<3> -> vector<4xi32>
    llvm.store %chunk, %values : vector<4xi32>, !llvm.ptr
    nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
    %c128 = arith.constant 128 : i32
    nvvm.barrier id = %one number_of_threads = %c128
    %true = arith.constant true
    %any = llvm.call_intrinsic "llvm.nvvm.barrier.cta.red.or.aligned.count"(%one, %c128, %true) : (i32, i32, i1) -> i1
    %wide = llvm.zext %any : i1 to i32
    llvm.store %wide, %values : i32, !llvm.ptr
    nvvm.wgmma.fence.aligned
    %a = llvm.inline_asm has_side_effects "wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {$0, $1, $2, $3}, $4, $5, 0, 1, 1, 0, 0;", "=f,=f,=f,=f,l,l" %desc, %desc : (i64, i64) -> !llvm.struct<(f32, f32, f32, f32)>
    %a0 = llvm.extractvalue %a[0] : !llvm.struct<(f32, f32, f32, f32)>
    %a1 = llvm.extractvalue %a[1] : !llvm.struct<(f32, f32, f32, f32)>
    %a2 = llvm.extractvalue %a[2] : !llvm.struct<(f32, f32, f32, f32)>
    %a3 = llvm.extractvalue %a[3] : !llvm.struct<(f32, f32, f32, f32)>
    %b = llvm.inline_asm has_side_effects "wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {$0, $1, $2, $3}, {$4, $5, $6, $7}, $8, 1, 1, 1, 1;", "=f,=f,=f,=f,r,r,r,r,l,0,1,2,3" %one, %one, %one, %one, %desc, %a0, %a1, %a2, %a3 : (i32, i32, i32, i32, i64, f32, f32, f32, f32) -> !llvm.struct<(f32, f32, f32, f32)>
    %b0 = llvm.extractvalue %b[0] : !llvm.struct<(f32, f32, f32, f32)>
    %b1 = llvm.extractvalue %b[1] : !llvm.struct<(f32, f32, f32, f32)>
    %b2 = llvm.extractvalue %b[2] : !llvm.struct<(f32, f32, f32, f32)>
    %b3 = llvm.extractvalue %b[3] : !llvm.struct<(f32, f32, f32, f32)>
    nvvm.wgmma.commit.group.sync.aligned
    %c = llvm.inline_asm has_side_effects "wgmma.wait_group.sync.aligned 0;", "=f,=f,=f,=f,0,1,2,3" %b0, %b1, %b2, %b3 : (f32, f32, f32, f32) -> !llvm.struct<(f32, f32, f32, f32)>
    %c0 = llvm.extractvalue %c[0] : !llvm.struct<(f32, f32, f32, f32)>
    llvm.store %c0, %values : f32, !llvm.ptr
    return %one : i32
  }
}

// -----

// Where a tensor map cannot be made, the fallback runs instead.
// CHECK-LABEL: func.func @main_task
// CHECK: llvm.call @fovea_sim_add_tensor_map
// CHECK: %[[REFUSED:.*]] = llvm.call @fovea_sim_drop_refused_maps() : () -> i32
// CHECK: %[[OTHER:.*]] = arith.cmpi ne, %[[REFUSED]]
// CHECK-COUNT-4: llvm.select %[[OTHER]]
// CHECK: llvm.call @fovea_sim_run
// CHECK-LABEL: func.func @main_thread
// CHECK: llvm.call @fovea_sim_thread_id
// CHECK-LABEL: func.func @main_fallback_thread
// CHECK: llvm.call @fovea_sim_thread_id
module attributes {fovea.launches = {main = {fallback = {shared_bytes = 2048 : i64, threads = 256 : i64}, shared_bytes = 4096 : i64,
    threads = 384 : i64, tensor_maps = [{param = 0 : i64, box = array<i64: 1, 1, 8, 64>, swizzle = 128 : i64}]}}} {
  func.func @main_task(%values: !llvm.ptr, %task: !llvm.ptr, %arena: !llvm.ptr) -> i32 {
    %id = nvvm.read.ptx.sreg.tid.x : i32
    return %id : i32
  }
  func.func @main_fallback_task(%values: !llvm.ptr, %task: !llvm.ptr, %arena: !llvm.ptr) -> i32 {
    %id = nvvm.read.ptx.sreg.tid.x : i32
    return %id : i32
  }
}

// -----

module attributes {fovea.launches = {main = {shared_bytes = 1024 : i64, threads = 128 : i64}}} {
  func.func @main_task(%values: !llvm.ptr, %task: !llvm.ptr, %arena: !llvm.ptr) -> i32 {
    // expected-error @below {{is nothing that the simulator knows in this form}}
    llvm.inline_asm has_side_effects "wgmma.mma_async.sync.aligned.m64n8k32.f32.e4m3.e4m3 {};", "" : () -> ()
    %one = arith.constant 1 : i32
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
