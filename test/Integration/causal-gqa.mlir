// Causal attention, four query heads per kv head, as prefill, as a chunk behind a cache, and as decoding: one module for all.
// DEFINE: %{run} = fovea-run %s --seed=1 --check

// RUN: %{run} --input=3=0 --dims=B=2,Nq=200,Nk=200 | FileCheck %s
// RUN: %{run} --input=3=100 --dims=B=1,Nq=70,Nk=170 | FileCheck %s
// RUN: %{run} --input=3=999 --dims=B=3,Nq=1,Nk=1000 | FileCheck %s
// RUN: %{run} --input=3=100 --dims=B=1,Nq=70,Nk=170 --target=loops | FileCheck %s
// CHECK: check {{ *}}right, worst error {{.*}} of its bound

func.func @main(%query: tensor<?x8x?x64xf32> {attn.dims = ["B", "Hq", "Nq", "D"]},
                %key: tensor<?x2x?x64xf32> {attn.dims = ["B", "Hkv", "Nk", "D"]},
                %value: tensor<?x2x?x64xf32> {attn.dims = ["B", "Hkv", "Nk", "D"]}, %past: index) -> tensor<?x8x?x64xf32> {
  %out = attn.attention %query, %key, %value q_offset %past
    mask (%b, %h, %i, %j) {
      %causal = arith.cmpi sge, %i, %j : index
      attn.yield %causal : i1
    } : (tensor<?x8x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32>, index) -> tensor<?x8x?x64xf32>
  return %out : tensor<?x8x?x64xf32>
}
