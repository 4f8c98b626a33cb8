// Files in, files out: what one run writes another reads.
// RUN: fovea-run %S/window.mlir --input=3=40 --dims=B=1,Nq=3,Nk=3 --output=%t.o.npy --output=%t.lse.npy
// RUN: fovea-run %S/window.mlir --input=%t.o.npy --input=3=40 --dims=Nk=5 --check | FileCheck %s
// CHECK: query: float32[1, 4, 3, 32] {{ *}}from {{.*}}.o.npy
// CHECK: key: float32[1, 2, 5, 32] {{ *}}from seed 0
// CHECK: right

// One key: the output is its value. Names and indices may be mixed with the order.
// RUN: %python %S/Inputs/npy.py %t.v.npy '<f4' 1x2x1x32 7
// RUN: fovea-run %S/window.mlir --input=2=%t.v.npy --input=3=1 --dims=Nq=1 --check | FileCheck %s --check-prefix=SEVEN
// SEVEN: output {{.*}}mean 7, from 7 to 7

// The seed decides.
// RUN: fovea-run %S/window.mlir --input=3=9 --dims=B=1,Nq=3,Nk=3 --output=%t.a.npy --seed=5
// RUN: fovea-run %S/window.mlir --input=3=9 --dims=B=1,Nq=3,Nk=3 --output=%t.b.npy --seed=5 --threads=1
// RUN: fovea-run %S/window.mlir --input=3=9 --dims=B=1,Nq=3,Nk=3 --output=%t.c.npy --seed=6
// RUN: cmp %t.a.npy %t.b.npy
// RUN: not cmp %t.a.npy %t.c.npy
