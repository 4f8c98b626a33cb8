// RUN: fovea-opt %s --attn-choose-linear-form | FileCheck %s
// RUN: fovea-opt %s --attn-choose-linear-form --remarks-filter=attn --remark-format=emitRemark 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

// CHECK-LABEL: func @dynamic
// CHECK: form <chunked>
// REMARK: remark: [Passed] ChooseLinearForm | Category:attn{{.*}}Reason="form chunked: the number of tokens is dynamic"
func.func @dynamic(%q: memref<?x4x?x64xf32>, %o: memref<?x4x?x64xf32>) {
  attn.linear_attention %q, %q, %q outs(%o) : (memref<?x4x?x64xf32>, memref<?x4x?x64xf32>, memref<?x4x?x64xf32>, memref<?x4x?x64xf32>) -> ()
  return
}

// A token, from one state to the next. The layout says where positions are.
// CHECK-LABEL: func @decode
// CHECK: form <recurrent>
// REMARK: Reason="form recurrent: a chunk of so few tokens would be mostly padding"
func.func @decode(%q: memref<?x1x?x64xf32>, %o: memref<?x1x?x64xf32>, %s: memref<?x?x64x64xf32>, %f: memref<?x?x64x64xf32>) {
  attn.linear_attention %q, %q, %q initial_state %s outs(%o, %f) layout <bnhd>
    : (memref<?x1x?x64xf32>, memref<?x1x?x64xf32>, memref<?x1x?x64xf32>, memref<?x?x64x64xf32>, memref<?x1x?x64xf32>, memref<?x?x64x64xf32>) -> ()
  return
}

// 128 (64 + 64) <= 4 * 64 * 64 + 32 (64 + 64)
// CHECK-LABEL: func @short
// CHECK: form <parallel>
// REMARK: Reason="form parallel: there is no state before or after, and all pairs of tokens cost less than one"
func.func @short(%q: memref<?x4x128x64xf32>, %o: memref<?x4x128x64xf32>) {
  attn.linear_attention %q, %q, %q outs(%o) : (memref<?x4x128x64xf32>, memref<?x4x128x64xf32>, memref<?x4x128x64xf32>, memref<?x4x128x64xf32>) -> ()
  return
}

// CHECK-LABEL: func @too_long_for_its_heads
// CHECK: form <chunked>
// REMARK: Reason="form chunked: products of chunks read the state once for many tokens"
func.func @too_long_for_its_heads(%q: memref<?x4x65x16xf32>, %o: memref<?x4x65x16xf32>) {
  attn.linear_attention %q, %q, %q outs(%o) : (memref<?x4x65x16xf32>, memref<?x4x65x16xf32>, memref<?x4x65x16xf32>, memref<?x4x65x16xf32>) -> ()
  return
}

// CHECK-LABEL: func @has_a_state
// CHECK: form <chunked>
func.func @has_a_state(%q: memref<?x4x128x64xf32>, %o: memref<?x4x128x64xf32>, %s: memref<?x4x64x64xf32>) {
  attn.linear_attention %q, %q, %q outs(%o, %s)
    : (memref<?x4x128x64xf32>, memref<?x4x128x64xf32>, memref<?x4x128x64xf32>, memref<?x4x128x64xf32>, memref<?x4x64x64xf32>) -> ()
  return
}

// CHECK-LABEL: func @full
// CHECK: form <chunked>
func.func @full(%q: memref<?x4x1x64xf32>, %o: memref<?x4x1x64xf32>) {
  attn.linear_attention %q, %q, %q outs(%o) direction <full> : (memref<?x4x1x64xf32>, memref<?x4x1x64xf32>, memref<?x4x1x64xf32>, memref<?x4x1x64xf32>) -> ()
  return
}

// CHECK-LABEL: func @negative_chosen
// CHECK: form <chunked>
func.func @negative_chosen(%q: memref<?x4x1x64xf32>, %o: memref<?x4x1x64xf32>) {
  attn.linear_attention %q, %q, %q outs(%o) form <chunked> : (memref<?x4x1x64xf32>, memref<?x4x1x64xf32>, memref<?x4x1x64xf32>, memref<?x4x1x64xf32>) -> ()
  return
}
