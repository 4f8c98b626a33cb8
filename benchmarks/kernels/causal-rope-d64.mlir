func.func @main(%q: tensor<?x8x?x64xf32> {attn.dims = ["B", "Hq", "Nq", "D"]}, %k: tensor<?x8x?x64xf32> {attn.dims = ["B", "Hkv", "Nk", "D"]},
                %v: tensor<?x8x?x64xf32> {attn.dims = ["B", "Hkv", "Nk", "D"]}, %cos: tensor<?x32xf32> {attn.dims = ["Nk", "P"]},
                %sin: tensor<?x32xf32> {attn.dims = ["Nk", "P"]}) -> tensor<?x8x?x64xf32> {
  %rq = attn.rope %q cos %cos sin %sin : tensor<?x8x?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>
  %rk = attn.rope %k cos %cos sin %sin : tensor<?x8x?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>
  %o = attn.attention %rq, %rk, %v
    mask (%b, %h, %i, %j) {
      %keep = arith.cmpi sge, %i, %j : index
      attn.yield %keep : i1
    } : (tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32>
  return %o : tensor<?x8x?x64xf32>
}
