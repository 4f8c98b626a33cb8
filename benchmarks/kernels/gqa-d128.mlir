func.func @main(%q: tensor<?x16x?x128xf32> {attn.dims = ["B", "Hq", "Nq", "D"]}, %k: tensor<?x4x?x128xf32> {attn.dims = ["B", "Hkv", "Nk", "D"]},
                %v: tensor<?x4x?x128xf32> {attn.dims = ["B", "Hkv", "Nk", "D"]}) -> tensor<?x16x?x128xf32> {
  %o = attn.attention %q, %k, %v
    mask (%b, %h, %i, %j) {
      %keep = arith.cmpi sge, %i, %j : index
      attn.yield %keep : i1
    } : (tensor<?x16x?x128xf32>, tensor<?x4x?x128xf32>, tensor<?x4x?x128xf32>) -> tensor<?x16x?x128xf32>
  return %o : tensor<?x16x?x128xf32>
}
