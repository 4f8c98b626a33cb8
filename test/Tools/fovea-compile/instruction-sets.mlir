// The register tile of every instruction set, as its machine code: the inner loop of the first product multiplies what it loads, and
// keeps all sums in registers. Score code calls nothing.

// RUN: fovea-compile %s --emit=asm --target=cpu:x86-64-v4 -o - | FileCheck %s --check-prefix=AVX512
// 8 keys x 2 vectors; broadcasts are operands of the FMA or loads of their own.
// AVX512-LABEL: main_task:
// AVX512-COUNT-16: vfmadd231ps {{.*}}%zmm
// AVX512-NOT: {{fmaf|tanhf|expf}}
// Additive scores: a refined estimate is faster than a division of 16 lanes.
// AVX512-LABEL: additive_task:
// AVX512: vrcp14ps {{.*}}%zmm
// AVX512-NOT: {{fmaf|tanhf|expf}}

// RUN: fovea-compile %s --emit=asm --target=cpu:x86-64-v3 -o - | FileCheck %s --check-prefix=AVX2
// 4 keys x 3 vectors.
// AVX2-LABEL: main_task:
// AVX2:      vbroadcastss ({{.*}}), [[KEY:%ymm[0-9]+]]
// AVX2-NEXT: vfmadd231ps {{.*}}[[KEY]]
// AVX2-NEXT: vfmadd231ps {{.*}}[[KEY]]
// AVX2-NEXT: vfmadd231ps {{.*}}[[KEY]]
// AVX2-NOT: {{fmaf|tanhf|expf}}
// AVX2-LABEL: additive_task:
// AVX2-NOT: {{fmaf|tanhf|expf|rcp}}
// AVX2: vdivps {{.*}}%ymm
// AVX2-NOT: {{fmaf|tanhf|expf|rcp}}

// RUN: fovea-compile %s --emit=asm --target=cpu:x86-64 -o - | FileCheck %s --check-prefix=SSE
// 4 keys x 2 vectors, products and sums apart. Emulating a fused one would be a call per lane.
// SSE-LABEL: main_task:
// SSE-NOT: {{fmadd|fmaf|tanhf|expf}}
// SSE: mulps
// SSE-NOT: {{fmadd|fmaf|tanhf|expf}}
// SSE: addps
// SSE-NOT: {{fmadd|fmaf|tanhf|expf}}

// RUN: fovea-compile %s --emit=asm --target=cpu:neoverse-n1 -o - | FileCheck %s --check-prefix=NEON
// RUN: fovea-compile %s --emit=asm --target=cpu:aarch64 -o - | FileCheck %s --check-prefix=NEON
// 8 keys x 3 vectors; a key is a lane of a register, not a broadcast.
// NEON-LABEL: main_task:
// NEON-COUNT-16: fmla v{{[0-9]+}}.4s, v{{[0-9]+}}.4s, v{{[0-9]+}}.s[0]
// NEON-NOT: {{fmaf|tanhf|expf}}

!t = tensor<1x4x512x64xf32>
func.func @main(%q: !t, %k: !t, %v: !t) -> !t {
  %o = attn.attention %q, %k, %v
    score (%s, %b, %h, %i, %j) {
      %cap = arith.constant 20.0 : f32
      %small = arith.divf %s, %cap : f32
      %bent = math.tanh %small : f32
      %t = arith.mulf %bent, %cap : f32
      attn.yield %t : f32
    } : (!t, !t, !t) -> !t
  return %o : !t
}

func.func @additive(%q: !t, %k: !t, %v: !t, %w: tensor<4x64xf32>) -> !t {
  %o = attn.attention %q, %k, %v additive(%w) : (!t, !t, !t, tensor<4x64xf32>) -> !t
  return %o : !t
}
