func.func @main(%q: tensor<?x?x?x64xf32> {attn.dims = ["B", "H", "N", "D"]}, %k: tensor<?x?x?x64xf32> {attn.dims = ["B", "H", "N", "D"]},
                %v: tensor<?x?x?x64xf32> {attn.dims = ["B", "H", "N", "D"]},
                %document: tensor<?xi32> {attn.name = "document", attn.sorted, attn.dims = ["N"]}) -> tensor<?x?x?x64xf32> {
  %o = attn.attention %q, %k, %v
    mask (%b, %h, %i, %j) {
      %mine = tensor.extract %document[%i] : tensor<?xi32>
      %other = tensor.extract %document[%j] : tensor<?xi32>
      %same = arith.cmpi eq, %mine, %other : i32
      attn.yield %same : i1
    }
    : (tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>) -> tensor<?x?x?x64xf32>
  return %o : tensor<?x?x?x64xf32>
}
