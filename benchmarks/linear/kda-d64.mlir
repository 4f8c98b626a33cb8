// KDA (Kimi Team 2025): the delta rule with a decay per token and channel.
func.func @main(%query: tensor<?x8x?x64xf32> {attn.dims = ["B", "H", "N", "D"]}, %key: tensor<?x8x?x64xf32> {attn.dims = ["B", "H", "N", "D"]}, %value: tensor<?x8x?x64xf32> {attn.dims = ["B", "H", "N", "D"]}, %decay: tensor<?x8x?x64xf32>, %beta: tensor<?x8x?xf32>) -> tensor<?x8x?x64xf32> {
  %out = attn.linear_attention %query, %key, %value decay %decay beta %beta rule <delta>
    : (tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?xf32>) -> tensor<?x8x?x64xf32>
  return %out : tensor<?x8x?x64xf32>
}
