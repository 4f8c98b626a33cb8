// One token of each sequence; and the same where only a run knows that there is one.
func.func @token(%query: tensor<?x32x1x128xf32> {attn.dims = ["B", "", "", ""]}, %key: tensor<?x8x?x128xf32> {attn.dims = ["B", "", "Nk", ""]},
                 %value: tensor<?x8x?x128xf32> {attn.dims = ["B", "", "Nk", ""]}, %past: index {attn.name = "past"}) -> tensor<?x32x1x128xf32> {
  %o = attn.attention %query, %key, %value q_offset %past
    mask (%b, %h, %i, %j) {
      %causal = arith.cmpi sge, %i, %j : index
      attn.yield %causal : i1
    } : (tensor<?x32x1x128xf32>, tensor<?x8x?x128xf32>, tensor<?x8x?x128xf32>, index) -> tensor<?x32x1x128xf32>
  return %o : tensor<?x32x1x128xf32>
}

func.func @any(%query: tensor<?x32x?x128xf32> {attn.dims = ["B", "", "Nq", ""]}, %key: tensor<?x8x?x128xf32> {attn.dims = ["B", "", "Nk", ""]},
                 %value: tensor<?x8x?x128xf32> {attn.dims = ["B", "", "Nk", ""]}, %past: index {attn.name = "past"}) -> tensor<?x32x?x128xf32> {
  %o = attn.attention %query, %key, %value q_offset %past
    mask (%b, %h, %i, %j) {
      %causal = arith.cmpi sge, %i, %j : index
      attn.yield %causal : i1
    } : (tensor<?x32x?x128xf32>, tensor<?x8x?x128xf32>, tensor<?x8x?x128xf32>, index) -> tensor<?x32x?x128xf32>
  return %o : tensor<?x32x?x128xf32>
}
