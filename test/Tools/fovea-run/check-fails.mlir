// A wrong result is exit status 2 and says where: here the reference is asked for another scale.
// RUN: sed 's/scale 0.125/scale 0.25/' %s > %t.mlir
// RUN: fovea-run %s --dims=query.2=20 --check | FileCheck %s --check-prefix=RIGHT
// RUN: not fovea-run %s --dims=query.2=20 --check --reference=%t.mlir | FileCheck %s
// RIGHT: right, worst error
// CHECK: check {{ *}}WRONG, worst error {{.*}} of its bound
// CHECK-NEXT: of the bound at [0, {{[01]}}, {{[0-9]+, [0-9]+}}] (got {{.*}}, reference {{.*}}, bound
func.func @main(%query: tensor<1x2x?x64xf32>, %key: tensor<1x2x20x64xf32>) -> tensor<1x2x?x64xf32> {
  %o = attn.attention %query, %key, %key scale 0.125 : (tensor<1x2x?x64xf32>, tensor<1x2x20x64xf32>, tensor<1x2x20x64xf32>) -> tensor<1x2x?x64xf32>
  return %o : tensor<1x2x?x64xf32>
}
