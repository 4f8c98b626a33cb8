// RUN: not fovea-run %s 2>&1 | FileCheck %s
// CHECK: error: {{.*}}bad-module.mlir:[[@LINE+4]]:8: {{.*}}query and key must have the same head size, got 64 and 32

func.func @main(%q: tensor<1x2x3x64xf32>, %k: tensor<1x2x3x32xf32>) -> tensor<1x2x3x64xf32> {
  // Deep nesting is refused before it is parsed.
  %o = attn.attention %q, %k, %q : (tensor<1x2x3x64xf32>, tensor<1x2x3x32xf32>, tensor<1x2x3x64xf32>) -> tensor<1x2x3x64xf32>
  return %o : tensor<1x2x3x64xf32>
}
// RUN: %python -c "print('[' * 100000)" > %t
// RUN: not fovea-run %t 2>&1 | FileCheck %s --check-prefix=DEEP
// DEEP: error: {{.*}}:1:257: nested more than 256 brackets deep
