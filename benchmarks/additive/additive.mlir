// Additive scores (Bahdanau et al. 2015) with a weight per head and column.
!x = tensor<?x?x?x64xf32>
func.func @attention(%query: !x {attn.dims = ["B", "H", "Nq", ""]}, %key: !x {attn.dims = ["B", "H", "Nk", ""]}, %value: !x {attn.dims = ["B", "H", "Nk", ""]},
                     %weight: tensor<?x64xf32> {attn.dims = ["H", ""]}) -> !x {
  %o = attn.attention %query, %key, %value additive(%weight) : (!x, !x, !x, tensor<?x64xf32>) -> !x
  return %o : !x
}
