// Every dump runs again, and means the same as the file it came from.
// RUN: rm -rf %t && fovea-run %S/window.mlir --input=3=9 --dims=B=1,Nq=40,Nk=50 --dump=%t --target=loops
// RUN: fovea-run %t/4-bufferize.mlir --from=bufferize --input=3=9 --dims=B=1,Nq=40,Nk=50 --check | FileCheck %s
// RUN: fovea-run %t/5-schedule.mlir --from=schedule --input=3=9 --dims=B=1,Nq=40,Nk=50 --check | FileCheck %s
// RUN: fovea-run %t/6-tile.mlir --from=tile --reference=%S/window.mlir --input=3=9 --dims=B=1,Nq=40,Nk=50 --check | FileCheck %s
// CHECK: right
