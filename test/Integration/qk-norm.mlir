// QK-norm: behind a cache with rotation and grouped heads, one operand of columns that are no multiple of a vector, heads narrower
// than one, rows of zeros and squares that no f32 holds.
// RUN: %python %source/test/Tools/fovea-run/Inputs/npy.py %t.big.npy '<f4' 1x2x3x5 3e25 0 -1e-30 2
// DEFINE: %{run} = fovea-run %s --seed=1 --check

// RUN: %{run} --function=cached --input=past=100 --dims=B=2,Nq=70,Nk=170,P=200 | FileCheck %s
// RUN: %{run} --function=cached --input=past=100 --dims=B=2,Nq=70,Nk=170,P=200 --threads=3 --target=cpu:x86-64-v3 | FileCheck %s
// RUN: %{run} --function=cached --input=past=100 --dims=B=2,Nq=70,Nk=170,P=200 --target=loops | FileCheck %s
// RUN: %{run} --function=cached --input=past=299 --dims=B=1,Nq=1,Nk=300,P=300 | FileCheck %s
// RUN: %{run} --function=swapped --dims=B=2,Nq=33,Nk=70 | FileCheck %s
// RUN: %{run} --function=swapped --dims=B=2,Nq=33,Nk=70 --target=loops | FileCheck %s
// RUN: %{run} --function=narrow --dims=B=2,N=77 | FileCheck %s
// RUN: %{run} --function=narrow --dims=B=2,N=77 --target=loops | FileCheck %s
// RUN: %{run} --function=narrow --dims=B=1,N=3 --input=query=%t.big.npy --input=key=%t.big.npy | FileCheck %s
// RUN: %{run} --function=narrow --dims=B=1,N=3 --input=query=%t.big.npy --input=key=%t.big.npy --target=loops | FileCheck %s
// RUN: %{run} --function=pointwise --dims=B=2,N=50 | FileCheck %s
// RUN: %{run} --function=pointwise --dims=B=2,N=50 --target=loops | FileCheck %s
// CHECK: check {{ *}}right, worst error {{.*}} of its bound

!q = tensor<?x4x?x64xf32>
!k = tensor<?x2x?x64xf32>
!table = tensor<?x32xf32>
!gain = tensor<64xf32>
func.func @cached(%query: !q {attn.dims = ["B", "", "Nq", ""]}, %key: !k {attn.dims = ["B", "", "Nk", ""]}, %value: !k {attn.dims = ["B", "", "Nk", ""]},
                  %qg: !gain, %kg: !gain, %cos: !table {attn.dims = ["P", ""]}, %sin: !table {attn.dims = ["P", ""]},
                  %past: index {attn.name = "past"}) -> (!q, tensor<?x4x?xf32>) {
  %o, %lse = attn.attention %query, %key, %value q_offset %past query_norm(%qg) key_norm(%kg) query_rope(%cos, %sin) key_rope(%cos, %sin)
    mask (%b, %h, %i, %j) {
      %causal = arith.cmpi sge, %i, %j : index
      attn.yield %causal : i1
    } : (!q, !k, !k, index, !table, !table, !table, !table, !gain, !gain) -> (!q, tensor<?x4x?xf32>)
  return %o, %lse : !q, tensor<?x4x?xf32>
}

// The first 20 rows see no key.
!sq = tensor<?x?x3x37xf32>
!sv = tensor<?x?x3x17xf32>
func.func @swapped(%query: !sq {attn.dims = ["B", "Nq", "", ""]}, %key: !sq {attn.dims = ["B", "Nk", "", ""]},
                   %value: !sv {attn.dims = ["B", "Nk", "", ""]}, %kg: tensor<37xf32>) -> !sv {
  %o = attn.attention %query, %key, %value key_norm(%kg) epsilon 1.000000e-03 layout <bnhd>
    mask (%b, %h, %i, %j) {
      %few = arith.constant 20 : index
      %late = arith.cmpi sge, %i, %few : index
      attn.yield %late : i1
    } : (!sq, !sq, !sv, tensor<37xf32>) -> !sv
  return %o : !sv
}

!n = tensor<?x2x?x5xf32>
func.func @narrow(%query: !n {attn.dims = ["B", "", "N", ""]}, %key: !n {attn.dims = ["B", "", "N", ""]},
                  %value: !n {attn.dims = ["B", "", "N", ""]}, %g: tensor<5xf32>) -> !n {
  %o = attn.attention %query, %key, %value query_norm(%g) key_norm(%g) : (!n, !n, !n, tensor<5xf32>, tensor<5xf32>) -> !n
  return %o : !n
}

// Pairs side by side, weights that are no softmax, the query alone.
!s = tensor<?x2x?x18xf32>
func.func @pointwise(%query: !s {attn.dims = ["B", "", "N", ""]}, %key: !s {attn.dims = ["B", "", "N", ""]},
                     %value: !s {attn.dims = ["B", "", "N", ""]}, %g: tensor<18xf32>, %c: tensor<?x4xf32> {attn.dims = ["N", ""]}) -> !s {
  %o = attn.attention %query, %key, %value query_norm(%g) query_rope(%c, %c) key_rope(%c, %c) pairing <interleaved> weights <pointwise>
    : (!s, !s, !s, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<18xf32>) -> !s
  return %o : !s
}
