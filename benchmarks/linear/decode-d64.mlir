// One token of Gated DeltaNet, from a state to the next.
func.func @main(%query: tensor<?x8x1x64xf32> {attn.dims = ["B", "H", "T", "D"]}, %key: tensor<?x8x1x64xf32> {attn.dims = ["B", "H", "T", "D"]}, %value: tensor<?x8x1x64xf32> {attn.dims = ["B", "H", "T", "D"]}, %decay: tensor<?x8x1xf32>, %initial_state: tensor<?x8x64x64xf32>, %beta: tensor<?x8x1xf32>)
    -> (tensor<?x8x1x64xf32>, tensor<?x8x64x64xf32>) {
  %out:2 = attn.linear_attention %query, %key, %value decay %decay initial_state %initial_state beta %beta rule <delta>
    : (tensor<?x8x1x64xf32>, tensor<?x8x1x64xf32>, tensor<?x8x1x64xf32>, tensor<?x8x1xf32>, tensor<?x8x64x64xf32>, tensor<?x8x1xf32>) -> (tensor<?x8x1x64xf32>, tensor<?x8x64x64xf32>)
  return %out#0, %out#1 : tensor<?x8x1x64xf32>, tensor<?x8x64x64xf32>
}
