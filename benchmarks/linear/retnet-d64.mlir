// RetNet (Sun et al. 2023): a decay per head.
func.func @main(%query: tensor<?x8x?x64xf32> {attn.dims = ["B", "H", "N", "D"]}, %key: tensor<?x8x?x64xf32> {attn.dims = ["B", "H", "N", "D"]}, %value: tensor<?x8x?x64xf32> {attn.dims = ["B", "H", "N", "D"]}, %decay: tensor<8xf32>) -> tensor<?x8x?x64xf32> {
  %out = attn.linear_attention %query, %key, %value decay %decay
    : (tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<8xf32>) -> tensor<?x8x?x64xf32>
  return %out : tensor<?x8x?x64xf32>
}
