func.func @main(%q: tensor<?x1x?x64xf32> {attn.dims = ["B", "Hq", "Nq", "D"]}, %k: tensor<?x1x?x64xf32> {attn.dims = ["B", "Hkv", "Nk", "D"]},
                %v: tensor<?x1x?x64xf32> {attn.dims = ["B", "Hkv", "Nk", "D"]}) -> tensor<?x1x?x64xf32> {
  %o = attn.attention %q, %k, %v
    mask (%b, %h, %i, %j) {
      %keep = arith.cmpi sge, %i, %j : index
      attn.yield %keep : i1
    } : (tensor<?x1x?x64xf32>, tensor<?x1x?x64xf32>, tensor<?x1x?x64xf32>) -> tensor<?x1x?x64xf32>
  return %o : tensor<?x1x?x64xf32>
}
