// Queries of zero weigh all visible keys alike: row i is the mean of the values 0 to i.
!t = tensor<1x2x?x64xbf16>
func.func @main(%q: !t {attn.dims = ["", "", "N", ""]}, %k: !t {attn.dims = ["", "", "N", ""]}, %v: !t {attn.dims = ["", "", "N", ""]}) -> !t {
  %o = attn.attention %q, %k, %v mask (%b, %h, %i, %j) {
    %keep = arith.cmpi sge, %i, %j : index
    attn.yield %keep : i1
  } : (!t, !t, !t) -> !t
  return %o : !t
}
