// What PTX says: products, loads and copies are what the tiles need, and nothing lies on the stack.
// RUN: fovea-compile %S/Inputs/gpu.mlir --target=cuda:sm_80 --emit=ptx -o %t.ptx
// RUN: FileCheck %s --input-file %t.ptx
// RUN: grep -c "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32" %t.ptx | FileCheck %s --check-prefix=MMA
// RUN: not grep -E "local|\.func" %t.ptx

// Two kernels of 32 + 32 products, two of 64 + 64; those with a mask have 16 more for values that are not finite.
// MMA: {{^416$}}

// CHECK: // kernel causal128: one block per task, 128 threads, 81920 bytes of dynamic shared memory
// CHECK: // kernel full64: one block per task, 128 threads, 40960 bytes of dynamic shared memory
// CHECK: .target sm_80
// CHECK: .extern .shared .align 128 .b8 fovea_shared[];
// CHECK-LABEL: .entry full64(
// CHECK: .reqntid 128
// A task's arguments come in whole 64-bit words.
// CHECK: ld.param.{{(v2\.)?}}b64
// CHECK: cp.async.cg.shared.global
// CHECK: cp.async.commit_group
// CHECK: cp.async.wait_group
// CHECK: bar{{.*}}sync
// CHECK: ldmatrix.sync.aligned.m8n8.x4.shared.b16
// CHECK: mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// CHECK: shfl.sync.bfly
// CHECK: ex2.approx.ftz.f32
// CHECK: cvt.rn.bf16x2.f32
// CHECK: ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16
// CHECK-LABEL: .entry causal128(
// CHECK: lg2.approx.ftz.f32

// Later architectures, and what is refused.
// RUN: fovea-compile %S/Inputs/gpu.mlir --target=cuda:sm_120 --emit=ptx -o - | FileCheck %s --check-prefix=LATER
// LATER: .target sm_120

// RUN: not fovea-compile %S/Inputs/gpu.mlir --target=cuda:sm_75 --emit=ptx -o %t 2>&1 | FileCheck %s --check-prefix=OLD
// OLD: error: unknown GPU 'sm_75' in target 'cuda:sm_75'; sm_80, 86,
// RUN: not fovea-compile %S/Inputs/gpu.mlir --target=cuda:sm_80 --emit=asm -o %t 2>&1 | FileCheck %s --check-prefix=ASM
// ASM: error: target 'cuda:sm_80' is a GPU; what its kernels are, --emit=ptx shows
// RUN: not fovea-compile %S/Inputs/gpu.mlir --target=cuda:sm_80 --emit=ptx -o %t --header=%t.h 2>&1 | FileCheck %s --check-prefix=DECLARE
// DECLARE: error: --header={{.*}}: these files have nothing to declare; --emit=obj and --emit=launcher have
// RUN: not fovea-compile %S/Inputs/gpu.mlir --emit=ptx -o %t 2>&1 | FileCheck %s --check-prefix=CPU
// CPU: error: target 'host' is a CPU; PTX, cubins, fatbins and launchers are for GPUs, for example --target=cuda:sm_80
// RUN: not fovea-compile %S/Inputs/gpu.mlir --target=sim:sm_80 --emit=ptx -o %t 2>&1 | FileCheck %s --check-prefix=SIM
// SIM: error: target 'sim:sm_80' runs in the process that compiled it, and has no file; use fovea-run
// RUN: not fovea-compile %S/Inputs/gpu.mlir -o %t 2>&1 | FileCheck %s --check-prefix=HALF
// HALF: gpu.mlir:5:8: is on 'bf16', and CPU targets compute on f32 alone; {{.*}}cuda:sm_80, or sim:sm_80
