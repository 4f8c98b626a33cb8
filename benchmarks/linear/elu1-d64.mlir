// The Linear Transformer: elu + 1, normalised, causal (Katharopoulos et al. 2020).
func.func @main(%q: tensor<?x8x?x64xf32> {attn.dims = ["B", "H", "N", "D"]}, %k: tensor<?x8x?x64xf32> {attn.dims = ["B", "H", "N", "D"]},
                %v: tensor<?x8x?x64xf32> {attn.dims = ["B", "H", "N", "D"]}) -> tensor<?x8x?x64xf32> {
  %o = attn.linear_attention %q, %k, %v normalizer <qz>
    feature (%x) {
      %zero = arith.constant 0.0 : f32
      %one = arith.constant 1.0 : f32
      %positive = arith.cmpf ogt, %x, %zero : f32
      %line = arith.addf %x, %one : f32
      %curve = math.exp %x : f32
      %phi = arith.select %positive, %line, %curve : f32
      attn.yield %phi : f32
    } : (tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32>
  return %o : tensor<?x8x?x64xf32>
}
