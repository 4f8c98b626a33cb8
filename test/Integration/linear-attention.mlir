// GLA (Yang et al. 2024) with grouped heads: a decay per token and channel. Decays come from the seed, so that channels that grow
// are among them. The final state is checked like the output.
// RUN: fovea-run %s --dims=B=2,N=75 --seed=1 --check | FileCheck %s
// RUN: fovea-run %s --dims=B=2,N=75 --seed=1 --check --target=loops | FileCheck %s
// RUN: fovea-run %s --dims=B=2,N=75 --seed=1 --check --target=cpu:x86-64 | FileCheck %s
// CHECK: decay: float32[2, 2, 75, 24]
// CHECK: check {{ *}}right, worst error {{.*}} of its bound
// CHECK: of the bound at [{{[0-9]+, [0-9]+, [0-9]+, [0-9]+}}]
// CHECK: of the bound at [{{[0-9]+, [0-9]+, [0-9]+, [0-9]+}}]

func.func @main(%query: tensor<?x4x?x24xf32> {attn.dims = ["B", "Hq", "N", "Dk"]}, %key: tensor<?x2x?x24xf32> {attn.dims = ["B", "Hkv", "N", "Dk"]},
                %value: tensor<?x2x?x40xf32> {attn.dims = ["B", "Hkv", "N", "Dv"]}, %decay: tensor<?x2x?x24xf32>)
    -> (tensor<?x4x?x40xf32>, tensor<?x2x24x40xf32>) {
  %out:2 = attn.linear_attention %query, %key, %value decay %decay scale 0.2
    : (tensor<?x4x?x24xf32>, tensor<?x2x?x24xf32>, tensor<?x2x?x40xf32>, tensor<?x2x?x24xf32>) -> (tensor<?x4x?x40xf32>, tensor<?x2x24x40xf32>)
  return %out#0, %out#1 : tensor<?x4x?x40xf32>, tensor<?x2x24x40xf32>
}
