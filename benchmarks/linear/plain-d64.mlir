// Nothing but the recurrence.
func.func @main(%query: tensor<?x8x?x64xf32> {attn.dims = ["B", "H", "N", "D"]}, %key: tensor<?x8x?x64xf32> {attn.dims = ["B", "H", "N", "D"]}, %value: tensor<?x8x?x64xf32> {attn.dims = ["B", "H", "N", "D"]}) -> tensor<?x8x?x64xf32> {
  %out = attn.linear_attention %query, %key, %value
    : (tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32>
  return %out : tensor<?x8x?x64xf32>
}
