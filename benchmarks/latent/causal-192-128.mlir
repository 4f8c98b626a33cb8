// Plain attention with the widths that latents expand to.
!q = tensor<?x?x?x192xf32>
!v = tensor<?x?x?x128xf32>
func.func @main(%query: !q {attn.dims = ["B", "H", "Nq", ""]}, %key: !q {attn.dims = ["B", "H", "Nk", ""]}, %value: !v {attn.dims = ["B", "H", "Nk", ""]},
                %past: index {attn.name = "past"}) -> !v {
  %o = attn.attention %query, %key, %value q_offset %past
    mask (%b, %h, %i, %j) {
      %causal = arith.cmpi sge, %i, %j : index
      attn.yield %causal : i1
    } : (!q, !q, !v, index) -> !v
  return %o : !v
}
