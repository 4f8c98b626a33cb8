func.func @main(%q: tensor<?x8x?x128xf32> {attn.dims = ["B", "Hq", "Nq", "D"]}, %k: tensor<?x8x?x128xf32> {attn.dims = ["B", "Hkv", "Nk", "D"]},
                %v: tensor<?x8x?x128xf32> {attn.dims = ["B", "Hkv", "Nk", "D"]}) -> tensor<?x8x?x128xf32> {
  %o = attn.attention %q, %k, %v
    score (%s, %b, %h, %i, %j) {
      %c = arith.constant 50.0 : f32
      %r = arith.constant 0.02 : f32
      %x = arith.mulf %s, %r : f32
      %y = math.tanh %x : f32
      %t = arith.mulf %y, %c : f32
      attn.yield %t : f32
    }
    mask (%b, %h, %i, %j) {
      %keep = arith.cmpi sge, %i, %j : index
      attn.yield %keep : i1
    } : (tensor<?x8x?x128xf32>, tensor<?x8x?x128xf32>, tensor<?x8x?x128xf32>) -> tensor<?x8x?x128xf32>
  return %o : tensor<?x8x?x128xf32>
}
