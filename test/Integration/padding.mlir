// Sequences of different lengths in one batch: keys from length[b] on are padding, and a sequence of length 0 gives zeros.
// RUN: %python %source/test/Tools/fovea-run/Inputs/npy.py %t.npy '<i4' 4 130 64 1 0
// RUN: fovea-run %s --input=length=%t.npy --dims=B=4,N=130 --seed=1 --check | FileCheck %s
// RUN: fovea-run %s --input=length=%t.npy --dims=B=4,N=130 --seed=1 --check --target=loops | FileCheck %s
// CHECK: check {{ *}}right, worst error {{.*}} of its bound

func.func @main(%query: tensor<?x2x?x64xf32> {attn.dims = ["B", "H", "N", "D"]}, %key: tensor<?x2x?x64xf32> {attn.dims = ["B", "H", "N", "D"]},
                %value: tensor<?x2x?x64xf32> {attn.dims = ["B", "H", "N", "D"]},
                %length: tensor<?xi32> {attn.dims = ["B"], attn.name = "length"}) -> tensor<?x2x?x64xf32> {
  %out = attn.attention %query, %key, %value
    mask (%b, %h, %i, %j) {
      %loaded = tensor.extract %length[%b] : tensor<?xi32>
      %end = arith.index_cast %loaded : i32 to index
      %keep = arith.cmpi slt, %j, %end : index
      attn.yield %keep : i1
    } : (tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32>) -> tensor<?x2x?x64xf32>
  return %out : tensor<?x2x?x64xf32>
}
