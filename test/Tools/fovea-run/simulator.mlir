// The code of a GPU on this machine: within the reference's bound, and no race.
// DEFINE: %{run} = fovea-run %s --dims=query.0=1,query.2=100,key.2=130 --check
// RUN: %{run} --target=sim:sm_80 2>&1 | FileCheck %s
// RUN: %{run} --target=sim:sm_80+seed=3 2>&1 | FileCheck %s
// CHECK-NOT: simulator:
// CHECK: query: bfloat16[1, 4, 100, 64]
// CHECK: check

// A kernel with a bug: the loop does not wait for its keys and values.
// RUN: rm -rf %t && %{run} --target=sim:sm_80 --dump=%t
// RUN: %python %S/Inputs/replace-last.py %t/7-target.mlir "nvvm.cp.async.wait.group 0" "nvvm.cp.async.wait.group 1" > %t/broken.mlir
// RUN: not fovea-run %t/broken.mlir --from=target --reference=%s --dims=query.0=1,query.2=100,key.2=130 --check --target=sim:sm_80 2>&1 | FileCheck %s --check-prefix=BUG
// BUG: simulator: kernel main, block ({{[0-9], [0-9], [0-9]}}): {{.*}}broken.mlir:{{[0-9]+}}:{{[0-9]+}} ({{nvvm.ldmatrix|llvm.load}}): race: thread {{[0-9]+}} of warp {{[0-9]+}} reads what an asynchronous copy of thread {{[0-9]+}} ({{.*}}broken.mlir:{{[0-9]+}}:{{[0-9]+}} (nvvm.cp.async.shared.global)) has not been waited for
// BUG: fovea-run: error: a task of kernel 'main' returned 1

// Three key blocks in shared memory.
// RUN: fovea-opt %t/5-schedule.mlir --convert-attn-to-gpu="stages=3" -o %t/deep.mlir
// RUN: fovea-run %t/deep.mlir --from=schedule --reference=%s --dims=query.0=1,query.2=100,key.2=300 --check --target=sim:sm_80+seed=2

// RUN: not %{run} --target=sim:sm_80 --bench 2>&1 | FileCheck %s --check-prefix=BENCH
// BENCH: error: --bench: the time of a simulation says nothing about a GPU
// RUN: not %{run} --target=sim:sm_80+fast 2>&1 | FileCheck %s --check-prefix=OPTION
// OPTION: error: unknown option in target 'sim:sm_80+fast'; only the simulator takes one, for example sim:sm_80+seed=1
// RUN: not %{run} --target=host 2>&1 | FileCheck %s --check-prefix=HALF
// HALF: error: {{.*}}simulator.mlir:[[@LINE+3]]:10: is on 'bf16', and CPU targets compute on f32 alone

func.func @main(%q: tensor<?x4x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>) -> (tensor<?x4x?x64xbf16>, tensor<?x4x?xf32>) {
  %o:2 = attn.attention %q, %k, %v mask (%b, %h, %i, %j) {
    %keep = arith.cmpi sge, %i, %j : index
    attn.yield %keep : i1
  } : (tensor<?x4x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>) -> (tensor<?x4x?x64xbf16>, tensor<?x4x?xf32>)
  return %o#0, %o#1 : tensor<?x4x?x64xbf16>, tensor<?x4x?xf32>
}
