// The signature of ../gpu.mlir, another mask.
func.func @main(%q: tensor<?x4x?x64xbf16>, %k: tensor<?x2x?x64xbf16>, %v: tensor<?x2x?x64xbf16>, %document: tensor<?xi32>) -> tensor<?x4x?x64xbf16> {
  %o = attn.attention %q, %k, %v mask (%b, %h, %i, %j) {
    %mine = tensor.extract %document[%i] : tensor<?xi32>
    %other = tensor.extract %document[%j] : tensor<?xi32>
    %later = arith.cmpi sge, %mine, %other : i32
    attn.yield %later : i1
  } : (tensor<?x4x?x64xbf16>, tensor<?x2x?x64xbf16>, tensor<?x2x?x64xbf16>) -> tensor<?x4x?x64xbf16>
  return %o : tensor<?x4x?x64xbf16>
}
