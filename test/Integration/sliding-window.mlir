// A causal window whose size is an argument, in the layout of projections. What the window cannot reach is not visited: of 16 x 16
// tiles per head three in each row, less at the corner: 4 (1 + 2 + 14 3) = 180.
// RUN: fovea-run %s --input=3=100 --dims=B=1,N=1024 --seed=1 --check --json | FileCheck %s
// RUN: fovea-run %s --input=3=100 --dims=B=2,N=333 --seed=1 --check --target=loops --json | FileCheck %s --check-prefix=LOOPS
// CHECK: "max_error_ratio": 0.{{[0-9]+}}
// CHECK: "tiles_total": 1024
// CHECK: "tiles_visited": 180
// LOOPS: "passed": true

!query = tensor<?x?x4x32xf32>
!key = tensor<?x?x4x32xf32>
func.func @main(%query: !query {attn.dims = ["B", "N", "H", "D"]}, %key: !key {attn.dims = ["B", "N", "H", "D"]},
                %value: !key {attn.dims = ["B", "N", "H", "D"]}, %window: index) -> !query {
  %out = attn.attention %query, %key, %value layout <bnhd>
    schedule <query_tile = 64, key_block = 64, lanes = 8, panel = 16, micro_keys = 4>
    mask (%b, %h, %i, %j) {
      %causal = arith.cmpi sge, %i, %j : index
      %age = arith.subi %i, %j : index
      %near = arith.cmpi slt, %age, %window : index
      %keep = arith.andi %causal, %near : i1
      attn.yield %keep : i1
    } : (!query, !key, !key) -> !query
  return %out : !query
}
