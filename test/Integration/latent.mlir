// Latent attention: both forms, and the choice between them, give what the expanded formula gives.
// DEFINE: %{run} = fovea-run %s --seed=1 --check
// DEFINE: %{sizes} = --dims=B=2,Nq=9,Nk=150 --input=past=141

// RUN: %{run} --function=absorbed %{sizes} | FileCheck %s
// RUN: %{run} --function=absorbed %{sizes} --target=loops | FileCheck %s
// RUN: %{run} --function=expanded %{sizes} | FileCheck %s
// RUN: %{run} --function=expanded %{sizes} --target=loops | FileCheck %s
// RUN: %{run} --function=chosen --dims=B=1,H=6,Nq=1,Nk=300 | FileCheck %s
// RUN: %{run} --function=chosen --dims=B=1,H=6,Nq=200,Nk=200 | FileCheck %s
// RUN: %{run} --function=heads --dims=B=1,Nq=5,Nk=70 | FileCheck %s
// RUN: %{run} --function=heads --dims=B=1,Nq=130,Nk=70 --target=loops | FileCheck %s
// RUN: %{run} --function=turned --dims=B=2,Nq=3,Nk=70,P=100 --input=past=20 | FileCheck %s
// RUN: %{run} --function=turned --dims=B=2,Nq=3,Nk=70,P=100 --input=past=20 --target=loops | FileCheck %s
// RUN: %{run} --function=turned --dims=B=2,Nq=90,Nk=30,P=120 --input=past=20 | FileCheck %s
// RUN: %{run} --function=odd --dims=B=1,Nq=7,Nk=33 | FileCheck %s
// RUN: %{run} --function=odd --dims=B=1,Nq=77,Nk=33 | FileCheck %s
// The register tiles of AVX-512 and of SSE.
// RUN: %{run} --function=wide --dims=B=2,Nq=7,Nk=70 | FileCheck %s
// RUN: %{run} --function=wide --dims=B=1,Nq=90,Nk=70 | FileCheck %s
// RUN: %{run} --function=narrow --dims=B=2,Nq=7,Nk=70 | FileCheck %s
// RUN: %{run} --function=narrow --dims=B=1,Nq=90,Nk=70 | FileCheck %s
// RUN: %{run} --function=narrow --dims=B=2,Nq=3,Nk=0 | FileCheck %s
// CHECK: check {{ *}}right, worst error {{.*}} of its bound

// RUN: fovea-run %s --function=chosen --dims=B=1,H=6,Nq=1,Nk=300 --explain | FileCheck %s --check-prefix=EXPLAIN
// EXPLAIN: Latent: the cache has 320 bytes for a position, keys and values would have 352 for each head; a pair of query and key takes 144 multiplications absorbed, 88 expanded, and a head 4608 for each query to absorb it, or for each position to expand it; absorbed, a query head uses each byte for 0.90 operations

// RUN: not fovea-run %s --function=chosen --dims=B=1,Nq=1,Nk=300,H=3 2>&1 | FileCheck %s --check-prefix=HEADS
// HEADS: --dims=H=3 says that 'H' (query.1) is 3, but the type of 'key_up' says 6

!q = tensor<?x6x?x48xf32>
!cache = tensor<?x1x?x80xf32>
!o = tensor<?x6x?x40xf32>
!lse = tensor<?x6x?xf32>
!k_up = tensor<6x32x64xf32>
!v_up = tensor<6x40x64xf32>

func.func @absorbed(%q: !q {attn.dims = ["B", "", "Nq", ""]}, %cache: !cache {attn.dims = ["B", "", "Nk", ""]}, %ku: !k_up, %vu: !v_up,
                    %past: index {attn.name = "past"}) -> (!o, !lse) {
  %o, %lse = attn.attention %q, %cache, %cache q_offset %past latent(%ku, %vu) form <absorbed>
    mask (%b, %h, %i, %j) {
      %causal = arith.cmpi sge, %i, %j : index
      attn.yield %causal : i1
    } : (!q, !cache, !cache, index, !k_up, !v_up) -> (!o, !lse)
  return %o, %lse : !o, !lse
}

func.func @expanded(%q: !q {attn.dims = ["B", "", "Nq", ""]}, %cache: !cache {attn.dims = ["B", "", "Nk", ""]}, %ku: !k_up, %vu: !v_up,
                    %past: index {attn.name = "past"}) -> (!o, !lse) {
  %o, %lse = attn.attention %q, %cache, %cache q_offset %past latent(%ku, %vu) form <expanded>
    mask (%b, %h, %i, %j) {
      %causal = arith.cmpi sge, %i, %j : index
      attn.yield %causal : i1
    } : (!q, !cache, !cache, index, !k_up, !v_up) -> (!o, !lse)
  return %o, %lse : !o, !lse
}

!qh = tensor<?x?x?x48xf32>
!oh = tensor<?x?x?x40xf32>
func.func @chosen(%q: !qh {attn.dims = ["B", "H", "Nq", ""]}, %cache: !cache {attn.dims = ["B", "", "Nk", ""]}, %ku: !k_up, %vu: !v_up) -> !oh {
  %o = attn.attention %q, %cache, %cache latent(%ku, %vu) scale 0.3 : (!qh, !cache, !cache, !k_up, !v_up) -> !oh
  return %o : !oh
}

// A mask and a score that tell heads apart.
func.func @heads(%q: !q {attn.dims = ["B", "", "Nq", ""]}, %cache: !cache {attn.dims = ["B", "", "Nk", ""]}, %ku: !k_up, %vu: !v_up) -> !o {
  %o = attn.attention %q, %cache, %cache latent(%ku, %vu)
    score (%s, %b, %h, %i, %j) {
      %hi = arith.index_cast %h : index to i32
      %hf = arith.sitofp %hi : i32 to f32
      %age = arith.subi %i, %j : index
      %agei = arith.index_cast %age : index to i32
      %agef = arith.sitofp %agei : i32 to f32
      %slope = arith.constant 0.01 : f32
      %a = arith.mulf %hf, %slope : f32
      %bias = arith.mulf %a, %agef : f32
      %t = arith.subf %s, %bias : f32
      attn.yield %t : f32
    }
    mask (%b, %h, %i, %j) {
      %c3 = arith.constant 3 : index
      %window = arith.muli %h, %c3 : index
      %age = arith.subi %i, %j : index
      %near = arith.cmpi sle, %age, %window : index
      attn.yield %near : i1
    } : (!q, !cache, !cache, !k_up, !v_up) -> !o
  return %o : !o
}

func.func @wide(%q: !q {attn.dims = ["B", "", "Nq", ""]}, %cache: !cache {attn.dims = ["B", "", "Nk", ""]}, %ku: !k_up, %vu: !v_up) -> (!o, !lse) {
  %o, %lse = attn.attention %q, %cache, %cache latent(%ku, %vu) schedule <query_tile = 64, key_block = 64, lanes = 16, panel = 32, micro_keys = 8>
    mask (%b, %h, %i, %j) {
      %causal = arith.cmpi sge, %i, %j : index
      attn.yield %causal : i1
    } : (!q, !cache, !cache, !k_up, !v_up) -> (!o, !lse)
  return %o, %lse : !o, !lse
}

func.func @narrow(%q: !q {attn.dims = ["B", "", "Nq", ""]}, %cache: !cache {attn.dims = ["B", "", "Nk", ""]}, %ku: !k_up, %vu: !v_up) -> (!o, !lse) {
  %o, %lse = attn.attention %q, %cache, %cache latent(%ku, %vu) schedule <query_tile = 40, key_block = 64, lanes = 4, panel = 8, micro_keys = 4>
    mask (%b, %h, %i, %j) {
      %causal = arith.cmpi sge, %i, %j : index
      attn.yield %causal : i1
    } : (!q, !cache, !cache, !k_up, !v_up) -> (!o, !lse)
  return %o, %lse : !o, !lse
}

!table = tensor<?x8xf32>
func.func @turned(%q: !q {attn.dims = ["B", "", "Nq", ""]}, %cache: !cache {attn.dims = ["B", "", "Nk", ""]}, %ku: !k_up, %vu: !v_up,
                  %cos: !table {attn.dims = ["P", ""]}, %sin: !table {attn.dims = ["P", ""]}, %past: index {attn.name = "past"}) -> !o {
  %o = attn.attention %q, %cache, %cache q_offset %past query_rope(%cos, %sin) key_rope(%cos, %sin) pairing <interleaved> latent(%ku, %vu)
    : (!q, !cache, !cache, index, !table, !table, !table, !table, !k_up, !v_up) -> !o
  return %o : !o
}

// No column in common, and widths that fill no vector.
!qo = tensor<?x?x3x7xf32>
!co = tensor<?x?x1x13xf32>
!oo = tensor<?x?x3x5xf32>
func.func @odd(%q: !qo {attn.dims = ["B", "Nq", "", ""]}, %cache: !co {attn.dims = ["B", "Nk", "", ""]}, %ku: tensor<3x7x13xf32>, %vu: tensor<3x5x13xf32>) -> !oo {
  %o = attn.attention %q, %cache, %cache latent(%ku, %vu) layout <bnhd>
    : (!qo, !co, !co, tensor<3x7x13xf32>, tensor<3x5x13xf32>) -> !oo
  return %o : !oo
}
