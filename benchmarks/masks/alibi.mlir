func.func @main(%q: tensor<?x?x?x64xf32> {attn.dims = ["B", "H", "N", "D"]}, %k: tensor<?x?x?x64xf32> {attn.dims = ["B", "H", "N", "D"]},
                %v: tensor<?x?x?x64xf32> {attn.dims = ["B", "H", "N", "D"]},
                %slopes: tensor<?xf32> {attn.name = "slopes", attn.dims = ["H"]}) -> tensor<?x?x?x64xf32> {
  %o = attn.attention %q, %k, %v
    score (%s, %b, %h, %i, %j) {
      %slope = tensor.extract %slopes[%h] : tensor<?xf32>
      %distance = arith.subi %j, %i : index
      %whole = arith.index_cast %distance : index to i32
      %real = arith.sitofp %whole : i32 to f32
      %bias = arith.mulf %slope, %real : f32
      %t = arith.addf %s, %bias : f32
      attn.yield %t : f32
    }
    mask (%b, %h, %i, %j) {
      %causal = arith.cmpi sge, %i, %j : index
      attn.yield %causal : i1
    }
    : (tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>) -> tensor<?x?x?x64xf32>
  return %o : tensor<?x?x?x64xf32>
}
