// RUN: not fovea-compile %s -o %t.o 2>&1 | FileCheck %s
// CHECK: fovea-compile: error: {{.*}}bad-inputs.mlir:[[@LINE+24]]:8: {{.*}}same head size, got 64 and 32

// RUN: not fovea-compile %t.none -o %t.o 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: fovea-compile: error: {{.*}}.none: cannot read it: No such file

// RUN: not fovea-compile %S/outputs.mlir -o %t.none/x.o 2>&1 | FileCheck %s --check-prefix=NOWHERE
// NOWHERE: fovea-compile: error: {{.*}}x.o: cannot write it: No such file

// RUN: not fovea-compile %S/outputs.mlir -o %t.o --name=a-b 2>&1 | FileCheck %s --check-prefix=NAME
// NAME: fovea-compile: error: --name=a-b: use letters, digits and underscores

// RUN: not fovea-compile %S/outputs.mlir -o %t.o --target=cpu:nothing 2>&1 | FileCheck %s --check-prefix=CPU
// CPU: fovea-compile: error: unknown processor 'nothing' {{.*}}x86-64-v3{{.*}}neoverse-n1

// RUN: not fovea-compile %S/outputs.mlir -o %t.o --target=cpu:neoverse-n1+avx2 2>&1 | FileCheck %s --check-prefix=FEATURE
// FEATURE: fovea-compile: error: unknown feature 'avx2' in target 'cpu:neoverse-n1+avx2'; use LLVM's names, for example fullfp16

// RUN: not fovea-compile %S/outputs.mlir -o %t.o --target=cpu:pentium4 2>&1 | FileCheck %s --check-prefix=BITS
// BITS: fovea-compile: error: target 'cpu:pentium4' is a 32-bit processor; use cpu:x86-64

// RUN: not fovea-compile %S/outputs.mlir -o %t.o --from=somewhere 2>&1 | FileCheck %s --check-prefix=PHASE
// PHASE: fovea-compile: error: unknown phase 'somewhere'; phases are import

func.func @main(%q: tensor<1x2x3x64xf32>, %k: tensor<1x2x3x32xf32>) -> tensor<1x2x3x64xf32> {
  %o = attn.attention %q, %k, %q : (tensor<1x2x3x64xf32>, tensor<1x2x3x32xf32>, tensor<1x2x3x64xf32>) -> tensor<1x2x3x64xf32>
  return %o : tensor<1x2x3x64xf32>
}
