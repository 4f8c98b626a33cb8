// Decoding with a cache: 32 query heads, 8 kv heads, any number of queries.
!q = tensor<?x32x?x128xbf16>
!k = tensor<?x8x?x128xbf16>
func.func @grouped128(%q: !q, %k: !k, %v: !k, %past: index) -> (!q, tensor<?x32x?xf32>) {
  %o:2 = attn.attention %q, %k, %v q_offset %past mask (%b, %h, %i, %j) {
    %keep = arith.cmpi sge, %i, %j : index
    attn.yield %keep : i1
  } : (!q, !k, !k, index) -> (!q, tensor<?x32x?xf32>)
  return %o#0, %o#1 : !q, tensor<?x32x?xf32>
}
!q64 = tensor<?x32x?x64xf16>
!k64 = tensor<?x8x?x64xf16>
func.func @grouped64(%q: !q64, %k: !k64, %v: !k64, %slopes: tensor<32xf32>) -> !q64 {
  %o = attn.attention %q, %k, %v score (%s, %b, %h, %i, %j) {
    %slope = tensor.extract %slopes[%h] : tensor<32xf32>
    %age = arith.subi %j, %i : index
    %age32 = arith.index_cast %age : index to i32
    %distance = arith.sitofp %age32 : i32 to f32
    %bias = arith.mulf %slope, %distance : f32
    %t = arith.addf %s, %bias : f32
    attn.yield %t : f32
  } : (!q64, !k64, !k64) -> !q64
  return %o : !q64
}
