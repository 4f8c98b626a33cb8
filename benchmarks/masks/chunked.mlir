func.func @main(%q: tensor<?x?x?x64xf32> {attn.dims = ["B", "H", "N", "D"]}, %k: tensor<?x?x?x64xf32> {attn.dims = ["B", "H", "N", "D"]},
                %v: tensor<?x?x?x64xf32> {attn.dims = ["B", "H", "N", "D"]},
                %chunk: index {attn.name = "chunk"}) -> tensor<?x?x?x64xf32> {
  %o = attn.attention %q, %k, %v
    mask (%b, %h, %i, %j) {
      %causal = arith.cmpi sge, %i, %j : index
      %row = arith.divui %i, %chunk : index
      %column = arith.divui %j, %chunk : index
      %same = arith.cmpi eq, %row, %column : index
      %keep = arith.andi %causal, %same : i1
      attn.yield %keep : i1
    }
    : (tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>) -> tensor<?x?x?x64xf32>
  return %o : tensor<?x?x?x64xf32>
}
