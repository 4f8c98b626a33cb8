// RUN: fovea-run %s --dims=N=96 --input=window=20 --explain --map=%t.svg | FileCheck %s
// RUN: FileCheck %s --check-prefix=SVG < %t.svg
// RUN: fovea-run %s --dims=N=96 --input=window=20 --explain --json | FileCheck %s --check-prefix=JSON
// RUN: not fovea-run %s --dims=N=96 --input=window=20 --map=/nowhere/at/all.svg 2>&1 | FileCheck %s --check-prefix=BAD

// CHECK: decided   Schedule: {{.*}}key_block
// CHECK: found     EveryRowSeesAKey: the key at its own position, if window > 0
// CHECK: found     VisibleKeys: rows [i0, i1) see keys [i0 - window + 1, i1)  ({{.*}}explain.mlir:[[#@LINE+21]]:
// CHECK: tiles     of {{[0-9]+}} rows x 256 keys: 0 EMPTY, {{[0-9]+}} PARTIAL, 0 FULL of
// CHECK: map       first head; a sign is 4 rows x 4 keys
// CHECK-NEXT:        0 ▒·······················
// CHECK-NEXT:        4 █▒······················
// CHECK: 92 ··················▒████▒

// SVG: <svg xmlns
// SVG: explain.mlir</text>
// SVG: fill="#1565c0"
// SVG: stroke="#37474f"
// SVG: EMPTY: never loaded (
// SVG: </svg>

// JSON: "name": "VisibleKeys"

// BAD: fovea-run: error: --map=/nowhere/at/all.svg: cannot write it: {{.*}}o such file

!t = tensor<1x2x?x8xf32>
func.func @main(%q: !t {attn.dims = ["B", "H", "N", "D"]}, %k: !t {attn.dims = ["B", "H", "N", "D"]}, %v: !t {attn.dims = ["B", "H", "N", "D"]},
                %window: index {attn.name = "window"}) -> !t {
  %o = attn.attention %q, %k, %v mask (%b, %h, %i, %j) {
    %causal = arith.cmpi sge, %i, %j : index
    %age = arith.subi %i, %j : index
    %near = arith.cmpi slt, %age, %window : index
    %keep = arith.andi %causal, %near : i1
    attn.yield %keep : i1
  } : (!t, !t, !t) -> !t
  return %o : !t
}
