// Additive scores: grouped heads behind a cache, rows that see nothing, odd heads in every register tile, rotated rows,
// weights without softmax; negative scales; lengths that no tile divides.
// DEFINE: %{run} = fovea-run %s --seed=1 --check

// RUN: %{run} --function=cached --input=past=100 --dims=B=2,Nq=70,Nk=170 | FileCheck %s
// RUN: %{run} --function=cached --input=past=100 --dims=B=2,Nq=70,Nk=170 --target=loops | FileCheck %s
// RUN: %{run} --function=cached --input=past=299 --dims=B=3,Nq=1,Nk=300 | FileCheck %s
// RUN: %{run} --function=cached --input=past=-40 --dims=B=1,Nq=600,Nk=530 --threads=3 | FileCheck %s
// RUN: %{run} --function=scored --dims=B=2,Nq=45,Nk=90 | FileCheck %s
// RUN: %{run} --function=scored --dims=B=2,Nq=45,Nk=90 --target=loops | FileCheck %s
// RUN: %{run} --function=lanes16 --dims=N=77 | FileCheck %s
// RUN: %{run} --function=lanes8 --dims=N=77 | FileCheck %s
// RUN: %{run} --function=lanes4 --dims=N=77 | FileCheck %s
// RUN: %{run} --function=lanes4 --dims=N=77 --target=loops | FileCheck %s
// RUN: %{run} --function=one_column --dims=N=65 | FileCheck %s
// RUN: %{run} --function=rotated --dims=N=77 | FileCheck %s
// RUN: %{run} --function=rotated --dims=N=77 --target=loops | FileCheck %s
// RUN: %{run} --function=pointwise --dims=N=131,H=2,G=2 | FileCheck %s
// RUN: %{run} --function=pointwise --dims=N=131,H=2,G=2 --target=loops | FileCheck %s
// CHECK: check {{ *}}right, worst error {{.*}} of its bound

// RUN: not fovea-run %s --function=pointwise --dims=N=8,H=3,G=2 2>&1 | FileCheck %s --check-prefix=HEADS
// HEADS: query and additive must have the same number of heads
// RUN: fovea-run %s --function=pointwise --dims=N=8,H=2,G=2 --bench | FileCheck %s --check-prefix=WORK
// WORK: 256 visible pairs (counted exactly), {{.*}} FLOP = 2 pairs (4 Dk + Dv)

!q = tensor<?x4x?x64xf32>
!k = tensor<?x2x?x64xf32>
!v = tensor<?x2x?x48xf32>
!o = tensor<?x4x?x48xf32>
!w = tensor<4x64xf32>
func.func @cached(%query: !q {attn.dims = ["B", "", "Nq", ""]}, %key: !k {attn.dims = ["B", "", "Nk", ""]}, %value: !v {attn.dims = ["B", "", "Nk", ""]},
                  %weight: !w, %past: index {attn.name = "past"}) -> (!o, tensor<?x4x?xf32>) {
  %o, %lse = attn.attention %query, %key, %value q_offset %past additive(%weight)
    mask (%b, %h, %i, %j) {
      %causal = arith.cmpi sge, %i, %j : index
      attn.yield %causal : i1
    } : (!q, !k, !v, index, !w) -> (!o, tensor<?x4x?xf32>)
  return %o, %lse : !o, tensor<?x4x?xf32>
}

!sq = tensor<?x?x3x20xf32>
!sk = tensor<?x?x1x20xf32>
func.func @scored(%query: !sq {attn.dims = ["B", "Nq", "", ""]}, %key: !sk {attn.dims = ["B", "Nk", "", ""]}, %value: !sk {attn.dims = ["B", "Nk", "", ""]},
                  %weight: tensor<3x20xf32>) -> !sq {
  %o = attn.attention %query, %key, %value additive(%weight) scale -0.5 layout <bnhd>
    score (%s, %b, %h, %i, %j) {
      %bent = math.tanh %s : f32
      attn.yield %bent : f32
    }
    mask (%b, %h, %i, %j) {
      %seven = arith.constant 7 : index
      %row = arith.remui %i, %seven : index
      %key_class = arith.remui %j, %seven : index
      %same = arith.cmpi eq, %row, %key_class : index
      %earlier = arith.cmpi sgt, %i, %j : index
      %seen = arith.andi %same, %earlier : i1
      attn.yield %seen : i1
    } : (!sq, !sk, !sk, tensor<3x20xf32>) -> !sq
  return %o : !sq
}

!x = tensor<1x2x?x19xf32>
func.func @lanes16(%query: !x {attn.dims = ["", "", "N", ""]}, %key: !x {attn.dims = ["", "", "N", ""]}, %weight: tensor<2x19xf32>) -> !x {
  %o = attn.attention %query, %key, %key additive(%weight) scale -1.0
    schedule <query_tile = 64, key_block = 64, lanes = 16, panel = 32, micro_keys = 8> : (!x, !x, !x, tensor<2x19xf32>) -> !x
  return %o : !x
}
func.func @lanes8(%query: !x {attn.dims = ["", "", "N", ""]}, %key: !x {attn.dims = ["", "", "N", ""]}, %weight: tensor<2x19xf32>) -> !x {
  %o = attn.attention %query, %key, %key additive(%weight)
    schedule <query_tile = 48, key_block = 64, lanes = 8, panel = 24, micro_keys = 4> : (!x, !x, !x, tensor<2x19xf32>) -> !x
  return %o : !x
}
func.func @lanes4(%query: !x {attn.dims = ["", "", "N", ""]}, %key: !x {attn.dims = ["", "", "N", ""]}, %weight: tensor<2x19xf32>) -> !x {
  %o = attn.attention %query, %key, %key additive(%weight) scale 0.0
    schedule <query_tile = 24, key_block = 64, lanes = 4, panel = 12, micro_keys = 8> : (!x, !x, !x, tensor<2x19xf32>) -> !x
  return %o : !x
}

!c = tensor<2x1x?x1xf32>
func.func @one_column(%query: !c {attn.dims = ["", "", "N", ""]}, %key: !c {attn.dims = ["", "", "N", ""]}, %weight: tensor<1x1xf32>) -> !c {
  %o = attn.attention %query, %key, %key additive(%weight) : (!c, !c, !c, tensor<1x1xf32>) -> !c
  return %o : !c
}

!r = tensor<1x2x?x32xf32>
!t = tensor<?x16xf32>
func.func @rotated(%query: !r {attn.dims = ["", "", "N", ""]}, %key: !r {attn.dims = ["", "", "N", ""]}, %weight: tensor<2x32xf32>,
                   %cos: !t {attn.dims = ["N", ""]}, %sin: !t {attn.dims = ["N", ""]}) -> !r {
  %rq = attn.rope %query cos %cos sin %sin : !r, !t, !t
  %rk = attn.rope %key cos %cos sin %sin : !r, !t, !t
  %o = attn.attention %rq, %rk, %key additive(%weight) : (!r, !r, !r, tensor<2x32xf32>) -> !r
  return %o : !r
}

!p = tensor<2x?x?x40xf32>
func.func @pointwise(%query: !p {attn.dims = ["", "H", "N", ""]}, %key: !p {attn.dims = ["", "H", "N", ""]}, %weight: tensor<?x40xf32> {attn.dims = ["G", ""]}) -> !p {
  %o = attn.attention %query, %key, %key additive(%weight) weights <pointwise> scale 0.1
    score (%s, %b, %h, %i, %j) {
      %zero = arith.constant 0.0 : f32
      %w = arith.maximumf %s, %zero : f32
      attn.yield %w : f32
    } : (!p, !p, !p, tensor<?x40xf32>) -> !p
  return %o : !p
}
