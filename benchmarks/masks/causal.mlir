func.func @main(%q: tensor<?x?x?x64xf32> {attn.dims = ["B", "H", "N", "D"]}, %k: tensor<?x?x?x64xf32> {attn.dims = ["B", "H", "N", "D"]},
                %v: tensor<?x?x?x64xf32> {attn.dims = ["B", "H", "N", "D"]}) -> tensor<?x?x?x64xf32> {
  %o = attn.attention %q, %k, %v
    mask (%b, %h, %i, %j) {
      %causal = arith.cmpi sge, %i, %j : index
      attn.yield %causal : i1
    }
    : (tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>) -> tensor<?x?x?x64xf32>
  return %o : tensor<?x?x?x64xf32>
}
