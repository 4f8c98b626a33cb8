// No softmax: the score is the weight. ReLU under a mask, sigmoid with ragged ends, the scaled product alone.
// DEFINE: %{run} = fovea-run %s --seed=1 --check

// RUN: %{run} --function=relu --dims=B=2,Nq=70,Nk=170 | FileCheck %s
// RUN: %{run} --function=relu --dims=B=2,Nq=70,Nk=170 --target=loops | FileCheck %s
// RUN: %{run} --function=relu --dims=B=1,Nq=600,Nk=600 | FileCheck %s
// RUN: %{run} --function=sigmoid --dims=B=2,Nq=33,Nk=71 | FileCheck %s
// RUN: %{run} --function=sigmoid --dims=B=2,Nq=33,Nk=71 --target=loops | FileCheck %s
// RUN: %{run} --function=plain --dims=B=1,Nq=130,Nk=257 | FileCheck %s
// RUN: %{run} --function=plain --dims=B=1,Nq=130,Nk=257 --target=loops | FileCheck %s
// CHECK: check {{ *}}right, worst error {{.*}} of its bound

!q = tensor<?x4x?x64xf32>
!k = tensor<?x2x?x64xf32>
!v = tensor<?x2x?x48xf32>
!o = tensor<?x4x?x48xf32>
func.func @relu(%query: !q {attn.dims = ["B", "", "Nq", ""]}, %key: !k {attn.dims = ["B", "", "Nk", ""]}, %value: !v {attn.dims = ["B", "", "Nk", ""]}) -> !o {
  %o = attn.attention %query, %key, %value weights <pointwise>
    score (%s, %b, %h, %i, %j) {
      %zero = arith.constant 0.0 : f32
      %w = arith.maximumf %s, %zero : f32
      attn.yield %w : f32
    }
    mask (%b, %h, %i, %j) {
      %causal = arith.cmpi sge, %i, %j : index
      attn.yield %causal : i1
    } : (!q, !k, !v) -> !o
  return %o : !o
}

func.func @sigmoid(%query: !q {attn.dims = ["B", "", "Nq", ""]}, %key: !k {attn.dims = ["B", "", "Nk", ""]}, %value: !v {attn.dims = ["B", "", "Nk", ""]}) -> !o {
  %o = attn.attention %query, %key, %value weights <pointwise>
    score (%s, %b, %h, %i, %j) {
      %one = arith.constant 1.0 : f32
      %n = arith.negf %s : f32
      %e = math.exp %n : f32
      %d = arith.addf %e, %one : f32
      %w = arith.divf %one, %d : f32
      attn.yield %w : f32
    } : (!q, !k, !v) -> !o
  return %o : !o
}

func.func @plain(%query: !q {attn.dims = ["B", "", "Nq", ""]}, %key: !k {attn.dims = ["B", "", "Nk", ""]}, %value: !v {attn.dims = ["B", "", "Nk", ""]}) -> !o {
  %o = attn.attention %query, %key, %value weights <pointwise> scale 0.01 : (!q, !k, !v) -> !o
  return %o : !o
}
