// Four kernels: the head sizes 64 and 128, with and without a mask.
!q64 = tensor<?x?x?x64xbf16>
!q128 = tensor<?x?x?x128xbf16>
func.func @full64(%q: !q64, %k: !q64, %v: !q64) -> !q64 {
  %o = attn.attention %q, %k, %v : (!q64, !q64, !q64) -> !q64
  return %o : !q64
}
func.func @causal64(%q: !q64, %k: !q64, %v: !q64) -> (!q64, tensor<?x?x?xf32>) {
  %o:2 = attn.attention %q, %k, %v mask (%b, %h, %i, %j) {
    %keep = arith.cmpi sge, %i, %j : index
    attn.yield %keep : i1
  } : (!q64, !q64, !q64) -> (!q64, tensor<?x?x?xf32>)
  return %o#0, %o#1 : !q64, tensor<?x?x?xf32>
}
func.func @full128(%q: !q128, %k: !q128, %v: !q128) -> !q128 {
  %o = attn.attention %q, %k, %v : (!q128, !q128, !q128) -> !q128
  return %o : !q128
}
func.func @causal128(%q: !q128, %k: !q128, %v: !q128) -> (!q128, tensor<?x?x?xf32>) {
  %o:2 = attn.attention %q, %k, %v mask (%b, %h, %i, %j) {
    %keep = arith.cmpi sge, %i, %j : index
    attn.yield %keep : i1
  } : (!q128, !q128, !q128) -> (!q128, tensor<?x?x?xf32>)
  return %o#0, %o#1 : !q128, tensor<?x?x?xf32>
}
