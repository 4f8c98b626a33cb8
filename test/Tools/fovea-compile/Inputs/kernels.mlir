// What harness.c runs; its list says what each kernel means, by name.
!d64 = tensor<?x?x?x64xf32>
!d40 = tensor<?x?x?x40xf32>
!d24 = tensor<?x?x?x24xf32>
!d3 = tensor<?x?x?x3xf32>
!d1 = tensor<?x?x?x1xf32>
!lse = tensor<?x?x?xf32>

func.func @full(%q: !d64, %k: !d64, %v: !d64) -> (!d64, !lse) {
  %o:2 = attn.attention %q, %k, %v : (!d64, !d64, !d64) -> (!d64, !lse)
  return %o#0, %o#1 : !d64, !lse
}

func.func @causal(%q: !d40, %k: !d40, %v: !d24) -> (!d24, !lse) {
  %o:2 = attn.attention %q, %k, %v
    mask (%b, %h, %i, %j) {
      %keep = arith.cmpi sge, %i, %j : index
      attn.yield %keep : i1
    } : (!d40, !d40, !d24) -> (!d24, !lse)
  return %o#0, %o#1 : !d24, !lse
}

func.func @window(%q: !d24, %k: !d24, %v: !d40, %w: index) -> (!d40, !lse) {
  %o:2 = attn.attention %q, %k, %v layout <bnhd>
    mask (%b, %h, %i, %j) {
      %causal = arith.cmpi sge, %i, %j : index
      %age = arith.subi %i, %j : index
      %near = arith.cmpi slt, %age, %w : index
      %keep = arith.andi %causal, %near : i1
      attn.yield %keep : i1
    } : (!d24, !d24, !d40) -> (!d40, !lse)
  return %o#0, %o#1 : !d40, !lse
}

func.func @softcap(%q: !d64, %k: !d64, %v: !d64, %cap: f32) -> (!d64, !lse) {
  %o:2 = attn.attention %q, %k, %v layout <bnhd>
    score (%s, %b, %h, %i, %j) {
      %small = arith.divf %s, %cap : f32
      %bent = math.tanh %small : f32
      %t = arith.mulf %bent, %cap : f32
      attn.yield %t : f32
    }
    mask (%b, %h, %i, %j) {
      %keep = arith.cmpi sge, %i, %j : index
      attn.yield %keep : i1
    } : (!d64, !d64, !d64) -> (!d64, !lse)
  return %o#0, %o#1 : !d64, !lse
}

// Heads narrower than a vector, and keys in pairs of even distance.
func.func @narrow(%q: !d1, %k: !d1, %v: !d3) -> (!d3, !lse) {
  %o:2 = attn.attention %q, %k, %v
    mask (%b, %h, %i, %j) {
      %two = arith.constant 2 : index
      %zero = arith.constant 0 : index
      %age = arith.subi %i, %j : index
      %odd = arith.remsi %age, %two : index
      %keep = arith.cmpi eq, %odd, %zero : index
      attn.yield %keep : i1
    } : (!d1, !d1, !d3) -> (!d3, !lse)
  return %o#0, %o#1 : !d3, !lse
}

func.func @additive(%q: !d40, %k: !d40, %v: !d24, %w: tensor<?x40xf32>) -> (!d24, !lse) {
  %o:2 = attn.attention %q, %k, %v additive(%w)
    mask (%b, %h, %i, %j) {
      %keep = arith.cmpi sge, %i, %j : index
      attn.yield %keep : i1
    } : (!d40, !d40, !d24, tensor<?x40xf32>) -> (!d24, !lse)
  return %o#0, %o#1 : !d24, !lse
}
