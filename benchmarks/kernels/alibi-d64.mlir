func.func @main(%q: tensor<?x8x?x64xf32> {attn.dims = ["B", "Hq", "Nq", "D"]}, %k: tensor<?x8x?x64xf32> {attn.dims = ["B", "Hkv", "Nk", "D"]},
                %v: tensor<?x8x?x64xf32> {attn.dims = ["B", "Hkv", "Nk", "D"]},
                %slopes: tensor<8xf32> {attn.name = "slopes"}) -> tensor<?x8x?x64xf32> {
  %o = attn.attention %q, %k, %v
    score (%s, %b, %h, %i, %j) {
      %slope = tensor.extract %slopes[%h] : tensor<8xf32>
      %distance = arith.subi %j, %i : index
      %whole = arith.index_cast %distance : index to i32
      %real = arith.sitofp %whole : i32 to f32
      %bias = arith.mulf %slope, %real : f32
      %t = arith.addf %s, %bias : f32
      attn.yield %t : f32
    }
    mask (%b, %h, %i, %j) {
      %keep = arith.cmpi sge, %i, %j : index
      attn.yield %keep : i1
    } : (tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32>
  return %o : tensor<?x8x?x64xf32>
}
