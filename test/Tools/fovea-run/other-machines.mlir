// What this machine cannot execute is refused, with the reason and exit status 3.
// REQUIRES: host=x86_64
// RUN: not fovea-run %s --target=cpu:neoverse-n1 2>&1 | FileCheck %s
// RUN: sh -c 'fovea-run %s --target=cpu:neoverse-n1 2> %t; test $? = 3'
// CHECK: error: target 'cpu:neoverse-n1' is a processor of aarch64, but this machine is x86_64; use host, or fovea-compile
// The baseline runs everywhere.
// RUN: fovea-run %s --target=cpu:x86-64 --check | FileCheck %s --check-prefix=RIGHT
// RIGHT: right

func.func @main(%q: tensor<1x2x40x16xf32>) -> tensor<1x2x40x16xf32> {
  %o = attn.attention %q, %q, %q : (tensor<1x2x40x16xf32>, tensor<1x2x40x16xf32>, tensor<1x2x40x16xf32>) -> tensor<1x2x40x16xf32>
  return %o : tensor<1x2x40x16xf32>
}
