// Two rotations of which the positions of a pair choose: ReRoPE behind a cache, its window a run-time value; Leaky ReRoPE without a mask,
// rows that see no key, columns that are no multiple of a vector; a condition that reads an array.
// RUN: %python %source/test/Tools/fovea-run/Inputs/npy.py %t.docs.npy '<i4' 2x70 0 0 0 0 0 1 1 2 2
// DEFINE: %{run} = fovea-run %s --seed=1 --check

// RUN: %{run} --function=rerope --input=past=300 --input=w=128 --dims=B=2,Nq=170,Nk=470,P=500 | FileCheck %s
// RUN: %{run} --function=rerope --input=past=300 --input=w=128 --dims=B=2,Nq=170,Nk=470,P=500 --threads=3 --target=cpu:x86-64-v3 | FileCheck %s
// RUN: %{run} --function=rerope --input=past=30 --input=w=9 --dims=B=2,Nq=70,Nk=100,P=100 --target=loops | FileCheck %s
// RUN: %{run} --function=rerope --input=past=299 --input=w=77 --dims=B=1,Nq=1,Nk=300,P=300 | FileCheck %s
// RUN: %{run} --function=rerope --input=past=0 --input=w=1000 --dims=B=1,Nq=100,Nk=100,P=100 | FileCheck %s
// RUN: %{run} --function=rerope --input=past=0 --input=w=0 --dims=B=1,Nq=100,Nk=100,P=100 | FileCheck %s
// RUN: %{run} --function=leaky --dims=B=2,Nq=133,Nk=370,P=370 | FileCheck %s
// RUN: %{run} --function=leaky --dims=B=2,Nq=33,Nk=70,P=70 --target=loops | FileCheck %s
// RUN: %{run} --function=documents --dims=B=2,N=70 --input=document=%t.docs.npy | FileCheck %s
// RUN: %{run} --function=documents --dims=B=2,N=70 --input=document=%t.docs.npy --target=loops | FileCheck %s
// CHECK: check {{ *}}right, worst error {{.*}} of its bound

// RUN: not fovea-run %s --function=leaky --dims=B=2,Nq=33,Nk=70,P=69 2>&1 | FileCheck %s --check-prefix=SHORT
// SHORT: cos and sin of {{key|far key}} do not reach the position of every row; make longer tables
// RUN: %python %source/test/Tools/fovea-run/Inputs/npy.py %t.few.npy '<i4' 2x69 0
// RUN: not fovea-run %s --function=documents --dims=B=2,N=70 --input=document=%t.few.npy 2>&1 | FileCheck %s --check-prefix=FEW
// FEW: `far` reads 'document' at every {{query position|key}}, and dimension 1 does not cover them all
// RUN: fovea-run %s --function=leaky --dims=B=1,Nq=300,Nk=300,P=300 --explain | FileCheck %s --check-prefix=EXPLAIN
// EXPLAIN: Rope{{.*}}pairs have one of two rotations

!q = tensor<?x4x?x64xf32>
!k = tensor<?x2x?x64xf32>
!table = tensor<?x32xf32>
func.func @rerope(%query: !q {attn.dims = ["B", "", "Nq", ""]}, %key: !k {attn.dims = ["B", "", "Nk", ""]}, %value: !k {attn.dims = ["B", "", "Nk", ""]},
                  %cos: !table {attn.dims = ["P", ""]}, %sin: !table {attn.dims = ["P", ""]}, %fc: !table {attn.dims = ["P", ""]},
                  %fs: !table {attn.dims = ["P", ""]}, %g: tensor<64xf32>, %past: index {attn.name = "past"}, %w: index {attn.name = "w"})
                  -> (!q, tensor<?x4x?xf32>) {
  %o, %lse = attn.attention %query, %key, %value q_offset %past query_norm(%g) query_rope(%cos, %sin) key_rope(%cos, %sin) far_query_rope(%fc, %fs)
    mask (%b, %h, %i, %j) {
      %causal = arith.cmpi sge, %i, %j : index
      attn.yield %causal : i1
    } far (%b, %h, %i, %j) {
      %ahead = arith.subi %i, %j : index
      %far = arith.cmpi sge, %ahead, %w : index
      attn.yield %far : i1
    } : (!q, !k, !k, index, !table, !table, !table, !table, tensor<64xf32>, !table, !table) -> (!q, tensor<?x4x?xf32>)
  return %o, %lse : !q, tensor<?x4x?xf32>
}

!sq = tensor<?x?x3x37xf32>
!sv = tensor<?x?x3x17xf32>
!st = tensor<?x9xf32>
func.func @leaky(%query: !sq {attn.dims = ["B", "Nq", "", ""]}, %key: !sq {attn.dims = ["B", "Nk", "", ""]},
                 %value: !sv {attn.dims = ["B", "Nk", "", ""]}, %cos: !st {attn.dims = ["P", ""]}, %sin: !st {attn.dims = ["P", ""]},
                 %fc: !st {attn.dims = ["P", ""]}, %fs: !st {attn.dims = ["P", ""]}) -> !sv {
  %o = attn.attention %query, %key, %value query_rope(%cos, %sin) key_rope(%cos, %sin) far_query_rope(%fc, %fs) far_key_rope(%fs, %fc)
    pairing <interleaved> layout <bnhd>
    far (%b, %h, %i, %j) {
      %c20 = arith.constant 20 : index
      %ahead = arith.subi %i, %j : index
      %far = arith.cmpi sge, %ahead, %c20 : index
      attn.yield %far : i1
    } : (!sq, !sq, !sv, !st, !st, !st, !st, !st, !st, !st, !st) -> !sv
  return %o : !sv
}

// Positions within a document turn, others do not; weights that are no softmax, and the first rows see no key.
!n = tensor<?x2x?x6xf32>
!nt = tensor<?x3xf32>
func.func @documents(%query: !n {attn.dims = ["B", "", "N", ""]}, %key: !n {attn.dims = ["B", "", "N", ""]}, %value: !n {attn.dims = ["B", "", "N", ""]},
                     %cos: !nt {attn.dims = ["N", ""]}, %sin: !nt {attn.dims = ["N", ""]}, %document: tensor<?x?xi32>) -> !n {
  %o = attn.attention %query, %key, %value query_rope(%cos, %sin) key_rope(%cos, %sin) weights <pointwise>
    mask (%b, %h, %i, %j) {
      %few = arith.constant 20 : index
      %late = arith.cmpi sge, %i, %few : index
      attn.yield %late : i1
    } far (%b, %h, %i, %j) {
      %di = tensor.extract %document[%b, %i] : tensor<?x?xi32>
      %dj = tensor.extract %document[%b, %j] : tensor<?x?xi32>
      %other = arith.cmpi ne, %di, %dj : i32
      attn.yield %other : i1
    } : (!n, !n, !n, !nt, !nt, !nt, !nt) -> !n
  return %o : !n
}
