func.func @main(%q: tensor<?x?x8x64xf32> {attn.dims = ["B", "Nq", "Hq", "D"]}, %k: tensor<?x?x8x64xf32> {attn.dims = ["B", "Nk", "Hkv", "D"]},
                %v: tensor<?x?x8x64xf32> {attn.dims = ["B", "Nk", "Hkv", "D"]}) -> tensor<?x?x8x64xf32> {
  %o = attn.attention %q, %k, %v layout <bnhd>
    : (tensor<?x?x8x64xf32>, tensor<?x?x8x64xf32>, tensor<?x?x8x64xf32>) -> tensor<?x?x8x64xf32>
  return %o : tensor<?x?x8x64xf32>
}
