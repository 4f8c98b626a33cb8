// A kernel for a GPU, through everything but a GPU: the fake driver (test/FakeDriver) has its memory on this machine, and
// executes the launches of FOVEA_FAKE_SOURCE in the simulator. The mask reads an array: the plan has it from the device.
// RUN: %python -c "import numpy as np, sys; np.save(sys.argv[1], np.repeat(np.arange(3), [70, 60, 20]).astype(np.int32))" %t.npy
// DEFINE: %{source} = %s
// DEFINE: %{fake} = env LD_LIBRARY_PATH=%fake-driver FOVEA_FAKE_SOURCE=%{source}
// DEFINE: %{run} = fovea-run %s --dims=query.0=1,query.2=150 --input=document=%t.npy --target=cuda:sm_80
// RUN: %{fake} %{run} --check | FileCheck %s
// CHECK: kernel main, target cuda:sm_80, compiled in
// CHECK: input query: bfloat16[1, 4, 150, 64]
// CHECK: plan 12 tasks, 28 of 36 tiles visited (22 % skipped), one launch
// CHECK: gpu Fake GPU, sm_80, 4 multiprocessors
// CHECK: check right
// RUN: %python -c "import numpy as np, sys; np.save(sys.argv[1], np.zeros(8, np.int32))" %t.8.npy
// RUN: %{fake} fovea-run %s --dims=query.0=1 --input=document=%t.8.npy --target=cuda:sm_80 --bench | FileCheck %s --check-prefix=BENCH
// BENCH: time {{.*}} ms median of {{[0-9]+}} runs {{.*}} between events on the device
// BENCH: speed {{.*}} TFLOP/s on visible pairs

// RUN: %{fake} %{run} --json --explain | FileCheck %s --check-prefix=JSON
// JSON: "device": "Fake GPU"
// JSON: "fallback_runs": 0
// JSON: "VisibleKeys"

// What the device computes is what is checked: another kernel, and a launch that does nothing.
// REDEFINE: %{source} = %S/Inputs/gpu-causal.mlir
// RUN: not %{fake} %{run} --check 2>&1 | FileCheck %s --check-prefix=WRONG
// RUN: not env LD_LIBRARY_PATH=%fake-driver %{run} --check 2>&1 | FileCheck %s --check-prefix=WRONG
// WRONG: check WRONG

// A library of that name that is no driver, and what a driver may say. Exit status 3: not here.
// RUN: rm -rf %t.none && mkdir %t.none && echo > %t.none/libcuda.so.1
// RUN: not env LD_LIBRARY_PATH=%t.none %{run} 2>&1 | FileCheck %s --check-prefix=DRIVER
// RUN: sh -c 'LD_LIBRARY_PATH=%t.none %{run} 2> %t.err; test $? = 3'
// DRIVER: fovea-run: error: there is no NVIDIA driver here ({{.*}}libcuda.so.1{{.*}}): install one, or execute the same code on this machine with the target sim:sm_80
// RUN: not env LD_LIBRARY_PATH=%fake-driver FOVEA_FAKE_FAIL=cuInit=100 %{run} 2>&1 | FileCheck %s --check-prefix=INIT
// INIT: error: the NVIDIA driver does not start: CUDA_ERROR_NO_DEVICE (100)
// RUN: not env LD_LIBRARY_PATH=%fake-driver FOVEA_FAKE_DEVICES=0 %{run} 2>&1 | FileCheck %s --check-prefix=DEVICE
// DEVICE: error: there is no cuda:0: this machine has no GPU that the driver may use
// RUN: not env LD_LIBRARY_PATH=%fake-driver FOVEA_FAKE_CAPABILITY=7.5 %{run} 2>&1 | FileCheck %s --check-prefix=CHIP
// CHIP: error: the code is for sm_80, but cuda:0 (Fake GPU) is an sm_75: compile it for the target cuda:sm_75
// RUN: not env LD_LIBRARY_PATH=%fake-driver FOVEA_FAKE_FAIL=cuMemAlloc_v2=2 %{run} 2>&1 | FileCheck %s --check-prefix=MEMORY
// MEMORY: error: cannot have {{[0-9]+}} bytes on cuda:0: CUDA_ERROR_OUT_OF_MEMORY (2)
// RUN: not env LD_LIBRARY_PATH=%fake-driver FOVEA_FAKE_FAIL=cuLaunchKernel=701 %{run} 2>&1 | FileCheck %s --check-prefix=LAUNCH
// LAUNCH: error: cannot launch kernel 'main': CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES (701)
// A module of the last phase has no code for the host any more.
// RUN: rm -rf %t.dump && env LD_LIBRARY_PATH=%fake-driver %{run} --dump=%t.dump
// RUN: not env LD_LIBRARY_PATH=%fake-driver fovea-run %t.dump/8-emit.mlir --from=emit --target=cuda:sm_80 2>&1 | FileCheck %s --check-prefix=EMITTED
// EMITTED: error: {{.*}}has no 'main_plan', which the host would run: start from phase target or an earlier one

func.func @main(%q: tensor<?x4x?x64xbf16> {attn.dims = ["B", "Hq", "N", "D"]}, %k: tensor<?x2x?x64xbf16> {attn.dims = ["B", "Hkv", "N", "D"]},
                %v: tensor<?x2x?x64xbf16> {attn.dims = ["B", "Hkv", "N", "D"]},
                %document: tensor<?xi32> {attn.name = "document", attn.sorted, attn.dims = ["N"]}) -> tensor<?x4x?x64xbf16> {
  %o = attn.attention %q, %k, %v mask (%b, %h, %i, %j) {
    %mine = tensor.extract %document[%i] : tensor<?xi32>
    %other = tensor.extract %document[%j] : tensor<?xi32>
    %same = arith.cmpi eq, %mine, %other : i32
    attn.yield %same : i1
  } : (tensor<?x4x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>) -> tensor<?x4x?x64xbf16>
  return %o : tensor<?x4x?x64xbf16>
}
