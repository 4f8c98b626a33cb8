// Large heads: 32 keys at a time, and from 128 on queries stay in shared memory.
!q192 = tensor<?x?x?x192xf16>
!q256 = tensor<?x?x?x256xf16>
func.func @causal192(%q: !q192, %k: !q192, %v: !q192) -> !q192 {
  %o = attn.attention %q, %k, %v mask (%b, %h, %i, %j) {
    %keep = arith.cmpi sge, %i, %j : index
    attn.yield %keep : i1
  } : (!q192, !q192, !q192) -> !q192
  return %o : !q192
}
func.func @causal256(%q: !q256, %k: !q256, %v: !q256) -> !q256 {
  %o = attn.attention %q, %k, %v mask (%b, %h, %i, %j) {
    %keep = arith.cmpi sge, %i, %j : index
    attn.yield %keep : i1
  } : (!q256, !q256, !q256) -> !q256
  return %o : !q256
}
