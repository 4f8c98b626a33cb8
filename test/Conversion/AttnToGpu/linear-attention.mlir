// RUN: fovea-opt %s --convert-attn-to-gpu --verify-diagnostics
func.func @main(%q: memref<1x1x8x16xf32>, %o: memref<1x1x8x16xf32>) {
  // expected-error@+1 {{'attn.linear_attention' op has no GPU code yet; compile it for a CPU}}
  attn.linear_attention %q, %q, %q outs(%o) : (memref<1x1x8x16xf32>, memref<1x1x8x16xf32>, memref<1x1x8x16xf32>, memref<1x1x8x16xf32>) -> ()
  return
}
