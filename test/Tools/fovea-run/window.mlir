// Names of sizes, grouped heads, a window that is an integer argument, log-sum-exp; the other tests run this file too.
// RUN: fovea-run %s --input=window=40 --dims=B=2,Nq=70,Nk=70 --check | FileCheck %s
// RUN: fovea-run %s --input=3=40 --dims=query.0=2,query.2=70,key.2=70 --check --target=loops --threads=1 | FileCheck %s

// CHECK: kernel {{ *}}main, target {{host|loops}}, compiled in
// CHECK: query: float32[2, 4, 70, 32] {{ *}}from seed 0
// CHECK: key: float32[2, 2, 70, 32] {{ *}}from seed 0
// CHECK: 40
// CHECK: output {{.*}}float32[2, 4, 70, 32] {{ *}}mean
// CHECK: output {{.*}}float32[2, 4, 70] {{ *}}mean
// CHECK: plan {{.*}} tiles visited ({{.*}} skipped), workspace {{[1-9][0-9]*}} KiB per thread
// CHECK: check {{ *}}right, worst error {{.*}} of its bound
// CHECK: of the bound at [{{[0-9]+, [0-9]+, [0-9]+, [0-9]+}}]
// CHECK: of the bound at [{{[0-9]+, [0-9]+, [0-9]+}}]

func.func @main(%query: tensor<?x4x?x32xf32> {attn.dims = ["B", "Hq", "Nq", "D"]},
                %key: tensor<?x2x?x32xf32> {attn.dims = ["B", "Hkv", "Nk", "D"]},
                %value: tensor<?x2x?x32xf32>, %window: index) -> (tensor<?x4x?x32xf32>, tensor<?x4x?xf32>) {
  %o:2 = attn.attention %query, %key, %value
    mask (%b, %h, %i, %j) {
      %causal = arith.cmpi sge, %i, %j : index
      %age = arith.subi %i, %j : index
      %near = arith.cmpi slt, %age, %window : index
      %keep = arith.andi %causal, %near : i1
      attn.yield %keep : i1
    } : (tensor<?x4x?x32xf32>, tensor<?x2x?x32xf32>, tensor<?x2x?x32xf32>) -> (tensor<?x4x?x32xf32>, tensor<?x4x?xf32>)
  return %o#0, %o#1 : tensor<?x4x?x32xf32>, tensor<?x4x?xf32>
}
