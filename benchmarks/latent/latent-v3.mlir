// DeepSeek-V3's widths: 512 latents, 64 columns in common, keys of 192, values of 128.
!q = tensor<?x?x?x192xf32>
!cache = tensor<?x1x?x576xf32>
!up = tensor<?x128x512xf32>
!o = tensor<?x?x?x128xf32>
func.func @main(%query: !q {attn.dims = ["B", "H", "Nq", ""]}, %cache: !cache {attn.dims = ["B", "", "Nk", ""]}, %key_up: !up {attn.dims = ["H", "", ""]},
                %value_up: !up {attn.dims = ["H", "", ""]}, %past: index {attn.name = "past"}) -> !o {
  %o = attn.attention %query, %cache, %cache q_offset %past latent(%key_up, %value_up)
    mask (%b, %h, %i, %j) {
      %causal = arith.cmpi sge, %i, %j : index
      attn.yield %causal : i1
    } : (!q, !cache, !cache, index, !up, !up) -> !o
  return %o : !o
}
