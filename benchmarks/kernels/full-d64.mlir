func.func @main(%q: tensor<?x8x?x64xf32> {attn.dims = ["B", "Hq", "Nq", "D"]}, %k: tensor<?x8x?x64xf32> {attn.dims = ["B", "Hkv", "Nk", "D"]},
                %v: tensor<?x8x?x64xf32> {attn.dims = ["B", "Hkv", "Nk", "D"]}) -> tensor<?x8x?x64xf32> {
  %o = attn.attention %q, %k, %v
     : (tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32>
  return %o : tensor<?x8x?x64xf32>
}
