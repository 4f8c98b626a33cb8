// A divisor that is 0 everywhere is refused. What else has no value has no reference: the check says where, and the kernel
// alone still runs.
// RUN: not fovea-run %s --input=width=0 --input=shift=1 2>&1 | FileCheck %s
// RUN: not fovea-run %s --input=width=1 --input=shift=64 --check 2>&1 | FileCheck %s --check-prefix=SHIFT
// RUN: fovea-run %s --input=width=1 --input=shift=64 | FileCheck %s --check-prefix=RUNS
// RUN: fovea-run %s --input=width=3 --input=shift=1 --check | FileCheck %s --check-prefix=RIGHT
// CHECK: fovea-run: error: {{.*}}the mask divides by 'width', which is 0
// SHIFT: fovea-run: error: {{.*}}undefined.mlir:[[@LINE+9]]:16: 'arith.shli' shifts by the bit width or more at b = 0, h = 0, i = 0, j = 0
// RUNS: output
// RIGHT: right

!t = tensor<1x2x40x16xf32>
func.func @main(%query: !t, %key: !t, %width: index, %shift: index) -> !t {
  %o = attn.attention %query, %key, %key
    mask (%b, %h, %i, %j) {
      %column = arith.divsi %i, %width : index
      %power = arith.shli %column, %shift : index
      %keep = arith.cmpi sge, %power, %j : index
      attn.yield %keep : i1
    } : (!t, !t, !t) -> !t
  return %o : !t
}
