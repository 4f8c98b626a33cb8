func.func @main(%q: tensor<?x?x?x64xf32> {attn.dims = ["B", "H", "N", "D"]}, %k: tensor<?x?x?x64xf32> {attn.dims = ["B", "H", "N", "D"]},
                %v: tensor<?x?x?x64xf32> {attn.dims = ["B", "H", "N", "D"]},
                %window: index {attn.name = "window"}, %global: index {attn.name = "global"}) -> tensor<?x?x?x64xf32> {
  %o = attn.attention %q, %k, %v
    mask (%b, %h, %i, %j) {
      %distance = arith.subi %i, %j : index
      %apart = math.absi %distance : index
      %near = arith.cmpi sle, %apart, %window : index
      %row = arith.cmpi slt, %i, %global : index
      %column = arith.cmpi slt, %j, %global : index
      %either = arith.ori %row, %column : i1
      %keep = arith.ori %near, %either : i1
      attn.yield %keep : i1
    }
    : (tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>) -> tensor<?x?x?x64xf32>
  return %o : tensor<?x?x?x64xf32>
}
