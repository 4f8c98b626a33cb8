// ALiBi (Press et al. 2022): a bias of -slope[h] (i - j) instead of position embeddings. The slopes are an argument; here they
// come from the seed.
// RUN: fovea-run %s --dims=B=2,N=150 --seed=1 --check | FileCheck %s
// RUN: fovea-run %s --dims=B=2,N=150 --seed=1 --check --target=loops | FileCheck %s
// CHECK: check {{ *}}right, worst error {{.*}} of its bound

func.func @main(%query: tensor<?x4x?x48xf32> {attn.dims = ["B", "H", "N", "D"]}, %key: tensor<?x4x?x48xf32> {attn.dims = ["B", "H", "N", "D"]},
                %value: tensor<?x4x?x48xf32> {attn.dims = ["B", "H", "N", "D"]}, %slopes: tensor<4xf32>)
    -> (tensor<?x4x?x48xf32>, tensor<?x4x?xf32>) {
  %out:2 = attn.attention %query, %key, %value
    score (%s, %b, %h, %i, %j) {
      %slope = tensor.extract %slopes[%h] : tensor<4xf32>
      %age = arith.subi %i, %j : index
      %age32 = arith.index_cast %age : index to i32
      %distance = arith.sitofp %age32 : i32 to f32
      %bias = arith.mulf %slope, %distance : f32
      %t = arith.subf %s, %bias : f32
      attn.yield %t : f32
    }
    mask (%b, %h, %i, %j) {
      %causal = arith.cmpi sge, %i, %j : index
      attn.yield %causal : i1
    } : (tensor<?x4x?x48xf32>, tensor<?x4x?x48xf32>, tensor<?x4x?x48xf32>) -> (tensor<?x4x?x48xf32>, tensor<?x4x?xf32>)
  return %out#0, %out#1 : tensor<?x4x?x48xf32>, tensor<?x4x?xf32>
}
