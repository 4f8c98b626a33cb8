func.func @main(%q: tensor<?x?x?x64xf32> {attn.dims = ["B", "H", "N", "D"]}, %k: tensor<?x?x?x64xf32> {attn.dims = ["B", "H", "N", "D"]},
                %v: tensor<?x?x?x64xf32> {attn.dims = ["B", "H", "N", "D"]}) -> tensor<?x?x?x64xf32> {
  %o = attn.attention %q, %k, %v
    score (%s, %b, %h, %i, %j) {
      %cap = arith.constant 50.0 : f32
      %inverse = arith.constant 0.02 : f32
      %scaled = arith.mulf %s, %inverse : f32
      %bent = math.tanh %scaled : f32
      %t = arith.mulf %bent, %cap : f32
      attn.yield %t : f32
    }
    mask (%b, %h, %i, %j) {
      %causal = arith.cmpi sge, %i, %j : index
      attn.yield %causal : i1
    }
    : (tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>) -> tensor<?x?x?x64xf32>
  return %o : tensor<?x?x?x64xf32>
}
