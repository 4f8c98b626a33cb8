// Rotary embeddings: whole heads behind a cache, part of a head at given positions, a table row for each row.
// RUN: %python %source/test/Tools/fovea-run/Inputs/npy.py %t.q.npy '<i4' 2x33 0 127 3 40
// RUN: %python %source/test/Tools/fovea-run/Inputs/npy.py %t.k.npy '<i8' 2x70 5 0 127
// RUN: %python %source/test/Tools/fovea-run/Inputs/npy.py %t.far.npy '<i8' 2x70 5 128
// DEFINE: %{run} = fovea-run %s --seed=1 --check
// DEFINE: %{at} = --input=positions=%t.q.npy

// RUN: %{run} --function=cached --input=past=100 --dims=B=2,Nq=70,Nk=170,P=200 | FileCheck %s
// RUN: %{run} --function=cached --input=past=100 --dims=B=2,Nq=70,Nk=170,P=200 --target=loops | FileCheck %s
// RUN: %{run} --function=cached --input=past=299 --dims=B=1,Nq=1,Nk=300,P=300 | FileCheck %s
// RUN: %{run} --function=partial --dims=B=2,Nq=33,Nk=70,P=128 %{at} --input=key_positions=%t.k.npy | FileCheck %s
// RUN: %{run} --function=partial --dims=B=2,Nq=33,Nk=70,P=128 %{at} --input=key_positions=%t.k.npy --target=loops | FileCheck %s
// RUN: %{run} --function=rows --dims=B=2,N=77 | FileCheck %s
// RUN: %{run} --function=rows --dims=B=2,N=77 --target=loops | FileCheck %s
// CHECK: check {{ *}}right, worst error {{.*}} of its bound

// RUN: not fovea-run %s --function=cached --input=past=100 --dims=B=2,Nq=70,Nk=170,P=169 2>&1 | FileCheck %s --check-prefix=SHORT
// RUN: not fovea-run %s --function=cached --input=past=-1 --dims=B=2,Nq=70,Nk=170,P=170 2>&1 | FileCheck %s --check-prefix=SHORT
// SHORT: cos and sin of {{query|key}} do not reach the position of every row; make longer tables
// RUN: not fovea-run %s --function=partial --dims=B=2,Nq=33,Nk=70,P=128 %{at} --input=key_positions=%t.far.npy 2>&1 | FileCheck %s --check-prefix=FAR
// FAR: 'key_positions' has element [0, 1] = 128, which is none of the 128 rows of {{.*}}'cos'

!q = tensor<?x4x?x64xf32>
!k = tensor<?x2x?x64xf32>
!table = tensor<?x32xf32>
func.func @cached(%query: !q {attn.dims = ["B", "", "Nq", ""]}, %key: !k {attn.dims = ["B", "", "Nk", ""]}, %value: !k {attn.dims = ["B", "", "Nk", ""]},
                  %cos: !table {attn.dims = ["P", ""]}, %sin: !table {attn.dims = ["P", ""]}, %past: index {attn.name = "past"}) -> !q {
  %rq = attn.rope %query cos %cos sin %sin offset %past : !q, !table, !table
  %rk = attn.rope %key cos %cos sin %sin : !k, !table, !table
  %o = attn.attention %rq, %rk, %value q_offset %past
    mask (%b, %h, %i, %j) {
      %causal = arith.cmpi sge, %i, %j : index
      attn.yield %causal : i1
    } : (!q, !k, !k, index) -> !q
  return %o : !q
}

// 22 of 40 columns, pairs side by side, heads of columns that are no multiple of a vector.
!pq = tensor<?x?x3x40xf32>
!pv = tensor<?x?x3x17xf32>
!part = tensor<?x11xf32>
!i4 = tensor<?x?xi32>
!i8 = tensor<?x?xi64>
func.func @partial(%query: !pq {attn.dims = ["B", "Nq", "", ""]}, %key: !pq {attn.dims = ["B", "Nk", "", ""]}, %value: !pv {attn.dims = ["B", "Nk", "", ""]},
                   %cos: !part {attn.dims = ["P", ""]}, %sin: !part {attn.dims = ["P", ""]}, %at: !i4 {attn.dims = ["B", "Nq"]}, %kat: !i8 {attn.dims = ["B", "Nk"]}) -> !pv {
  %rq = attn.rope %query cos %cos sin %sin positions %at pairing <interleaved> layout <bnhd> : !pq, !part, !part, !i4
  %rk = attn.rope %key cos %cos sin %sin positions %kat pairing <interleaved> layout <bnhd> : !pq, !part, !part, !i8
  %o = attn.attention %rq, %rk, %value layout <bnhd> : (!pq, !pq, !pv) -> !pv
  return %o : !pv
}

// The query alone, a head narrower than a vector.
!n = tensor<?x2x?x5xf32>
!rows = tensor<?x?x2xf32>
func.func @rows(%query: !n {attn.dims = ["B", "", "N", ""]}, %key: !n {attn.dims = ["B", "", "N", ""]},
                %cos: !rows {attn.dims = ["B", "N", ""]}, %sin: !rows {attn.dims = ["B", "N", ""]}) -> !n {
  %rq = attn.rope %query cos %cos sin %sin : !n, !rows, !rows
  %o = attn.attention %rq, %key, %key : (!n, !n, !n) -> !n
  return %o : !n
}
