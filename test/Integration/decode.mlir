// Decoding, with the number of queries in the types: query heads that share keys are one tile. A mask per sequence with a hole, scores per
// head and rotated queries; a mask that tells heads apart, and more rows than a panel has.
// DEFINE: %{run} = fovea-run %s --seed=1 --check

// RUN: %{run} --function=one --dims=B=3,Nk=300 --input=past=290 | FileCheck %s
// RUN: %{run} --function=one --dims=B=3,Nk=300 --input=past=290 --target=loops | FileCheck %s
// RUN: %{run} --function=one --dims=B=1,Nk=5 --input=past=0 --threads=3 | FileCheck %s
// RUN: %{run} --function=one --dims=B=2,Nk=0 --input=past=0 | FileCheck %s
// RUN: %{run} --function=three --dims=B=2,Nk=170 --input=past=150 | FileCheck %s
// RUN: %{run} --function=three --dims=B=2,Nk=170 --input=past=150 --target=loops | FileCheck %s
// RUN: %{run} --function=perHead --dims=B=2,Nk=90 | FileCheck %s
// RUN: %{run} --function=wide --dims=B=2,Nk=130 | FileCheck %s
// RUN: %{run} --function=normed --dims=B=2,Nk=130 --input=past=100 | FileCheck %s
// CHECK: check {{ *}}right, worst error {{.*}} of its bound
// RUN: fovea-run %s --function=one --dims=B=3,Nk=300 --input=past=290 --explain | FileCheck %s --check-prefix=EXPLAIN
// EXPLAIN-DAG: PackHeads: 4 query heads that share keys are one tile of 4 rows
// EXPLAIN-DAG: Schedule: 8 keys x 1 vectors

func.func @one(%query: tensor<?x8x1x64xf32> {attn.dims = ["B", "", "", ""]}, %key: tensor<?x2x?x64xf32> {attn.dims = ["B", "", "Nk", ""]},
               %value: tensor<?x2x?x48xf32> {attn.dims = ["B", "", "Nk", ""]}, %past: index {attn.name = "past"},
               %slopes: tensor<8xf32>) -> (tensor<?x8x1x48xf32>, tensor<?x8x1xf32>) {
  %o, %lse = attn.attention %query, %key, %value q_offset %past
    score (%s, %b, %h, %i, %j) {
      %slope = tensor.extract %slopes[%h] : tensor<8xf32>
      %age = arith.subi %i, %j : index
      %integer = arith.index_cast %age : index to i32
      %far = arith.sitofp %integer : i32 to f32
      %bias = arith.mulf %slope, %far : f32
      %t = arith.subf %s, %bias : f32
      attn.yield %t : f32
    } mask (%b, %h, %i, %j) {
      %c4 = arith.constant 4 : index
      %c90 = arith.constant 90 : index
      %causal = arith.cmpi sge, %i, %j : index
      %age = arith.subi %i, %j : index
      %near = arith.cmpi slt, %age, %c90 : index
      %sink = arith.cmpi slt, %j, %c4 : index
      %seen = arith.ori %near, %sink : i1
      %keep = arith.andi %causal, %seen : i1
      attn.yield %keep : i1
    } : (tensor<?x8x1x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x48xf32>, index) -> (tensor<?x8x1x48xf32>, tensor<?x8x1xf32>)
  return %o, %lse : tensor<?x8x1x48xf32>, tensor<?x8x1xf32>
}

func.func @three(%query: tensor<?x3x8x64xf32> {attn.dims = ["B", "", "", ""]}, %key: tensor<?x?x2x64xf32> {attn.dims = ["B", "Nk", "", ""]},
                 %value: tensor<?x?x2x64xf32> {attn.dims = ["B", "Nk", "", ""]}, %past: index {attn.name = "past"},
                 %cos: tensor<200x32xf32>, %sin: tensor<200x32xf32>) -> tensor<?x3x8x64xf32> {
  %o = attn.attention %query, %key, %value q_offset %past query_rope(%cos, %sin) layout <bnhd>
    mask (%b, %h, %i, %j) {
      %causal = arith.cmpi sge, %i, %j : index
      attn.yield %causal : i1
    } : (tensor<?x3x8x64xf32>, tensor<?x?x2x64xf32>, tensor<?x?x2x64xf32>, index, tensor<200x32xf32>, tensor<200x32xf32>) -> tensor<?x3x8x64xf32>
  return %o : tensor<?x3x8x64xf32>
}

func.func @perHead(%query: tensor<?x8x2x64xf32> {attn.dims = ["B", "", "", ""]}, %key: tensor<?x2x?x64xf32> {attn.dims = ["B", "", "Nk", ""]},
                   %value: tensor<?x2x?x64xf32> {attn.dims = ["B", "", "Nk", ""]}) -> tensor<?x8x2x64xf32> {
  %o = attn.attention %query, %key, %value
    mask (%b, %h, %i, %j) {
      %c7 = arith.constant 7 : index
      %reach = arith.muli %h, %c7 : index
      %keep = arith.cmpi sle, %j, %reach : index
      attn.yield %keep : i1
    } : (tensor<?x8x2x64xf32>, tensor<?x2x?x64xf32>, tensor<?x2x?x64xf32>) -> tensor<?x8x2x64xf32>
  return %o : tensor<?x8x2x64xf32>
}

func.func @wide(%query: tensor<?x30x2x64xf32> {attn.dims = ["B", "", "", ""]}, %key: tensor<?x1x?x64xf32> {attn.dims = ["B", "", "Nk", ""]})
    -> tensor<?x30x2x64xf32> {
  %o = attn.attention %query, %key, %key weights <pointwise>
    : (tensor<?x30x2x64xf32>, tensor<?x1x?x64xf32>, tensor<?x1x?x64xf32>) -> tensor<?x30x2x64xf32>
  return %o : tensor<?x30x2x64xf32>
}

func.func @normed(%query: tensor<?x4x2x20xf32> {attn.dims = ["B", "", "", ""]}, %key: tensor<?x2x?x20xf32> {attn.dims = ["B", "", "Nk", ""]},
                  %past: index {attn.name = "past"}, %gain: tensor<20xf32>, %cos: tensor<200x10xf32>, %sin: tensor<200x10xf32>)
    -> tensor<?x4x2x20xf32> {
  %o = attn.attention %query, %key, %key q_offset %past query_norm(%gain) query_rope(%cos, %sin) far_query_rope(%sin, %cos)
    far (%b, %h, %i, %j) {
      %c30 = arith.constant 30 : index
      %age = arith.subi %i, %j : index
      %past_it = arith.cmpi sge, %age, %c30 : index
      attn.yield %past_it : i1
    } : (tensor<?x4x2x20xf32>, tensor<?x2x?x20xf32>, tensor<?x2x?x20xf32>, index, tensor<200x10xf32>, tensor<200x10xf32>,
         tensor<20xf32>, tensor<200x10xf32>, tensor<200x10xf32>) -> tensor<?x4x2x20xf32>
  return %o : tensor<?x4x2x20xf32>
}
