func.func @main(%q: tensor<?x?x8x128xf32> {attn.dims = ["B", "Nq", "Hq", "D"]}, %k: tensor<?x?x8x128xf32> {attn.dims = ["B", "Nk", "Hkv", "D"]},
                %v: tensor<?x?x8x128xf32> {attn.dims = ["B", "Nk", "Hkv", "D"]}) -> tensor<?x?x8x128xf32> {
  %o = attn.attention %q, %k, %v layout <bnhd>
    mask (%b, %h, %i, %j) {
      %keep = arith.cmpi sge, %i, %j : index
      attn.yield %keep : i1
    } : (tensor<?x?x8x128xf32>, tensor<?x?x8x128xf32>, tensor<?x?x8x128xf32>) -> tensor<?x?x8x128xf32>
  return %o : tensor<?x?x8x128xf32>
}
