// RUN: fovea-opt %s | fovea-opt | FileCheck %s

!q = tensor<2x6x?x48xf32>
!cache = tensor<2x1x?x80xf32>
!ku = tensor<6x32x64xf32>
!vu = tensor<6x40x64xf32>
!o = tensor<2x6x?x40xf32>

// CHECK-LABEL: func @latent(
// CHECK: attn.attention %{{.*}}, %[[CACHE:.*]], %[[CACHE]] latent(%{{.*}}, %{{.*}}) form <absorbed> :
func.func @latent(%q: !q, %cache: !cache, %ku: !ku, %vu: !vu) -> !o {
  %o = attn.attention %q, %cache, %cache latent(%ku, %vu) form <absorbed> : (!q, !cache, !cache, !ku, !vu) -> !o
  return %o : !o
}

// CHECK-LABEL: func @tiles(
// CHECK: attn.load_tile {{.*}} valid %{{.*}} heads_of %{{.*}} absorb %{{.*}} : memref<6x32x64xf32> rope(%{{.*}}, %{{.*}}) at %{{.*}} columns from 32 pairing <interleaved>
// CHECK: attn.expand_tile %{{.*}} by %{{.*}} rows 32 valid %{{.*}} : <key, 64x80xf32>, <query, 32x64xf32> -> <key, 64x48xf32>
// CHECK: attn.update {{.*}} packed(%{{.*}}, %{{.*}}) scale
// CHECK: attn.finalize {{.*}} heads_of %{{.*}} expand %{{.*}} : memref<6x40x64xf32>
func.func @tiles(%q: memref<2x6x?x48xf32>, %cache: memref<2x1x?x80xf32>, %ku: memref<6x32x64xf32>, %ku4: memref<1x6x32x64xf32>,
                 %vu: memref<6x40x64xf32>, %o: memref<2x6x?x40xf32>, %cos: memref<?x8xf32>, %n: index) {
  attn.task (%b, %h, %t) in (%n, %n, %n) schedule <query_tile = 128, key_block = 64, lanes = 8, panel = 16, micro_keys = 4> {
    %query = attn.load_tile %q[%b, %h, %n] valid %n heads_of %n absorb %ku : memref<6x32x64xf32> rope(%cos, %cos) at %n
      columns from 32 pairing <interleaved> : memref<2x6x?x48xf32>, memref<?x8xf32>, memref<?x8xf32> -> !attn.tile<query, 32x80xf32>
    %latents = attn.load_tile %cache[%b, %h, %n] valid %n : memref<2x1x?x80xf32> -> !attn.tile<key, 64x80xf32>
    %up = attn.load_tile %ku4[%b, %h, %n] valid %n : memref<1x6x32x64xf32> -> !attn.tile<query, 32x64xf32>
    %key = attn.expand_tile %latents by %up rows 32 valid %n : !attn.tile<key, 64x80xf32>, !attn.tile<query, 32x64xf32> -> !attn.tile<key, 64x48xf32>
    %s = attn.init_state : !attn.state<32x64xf32>
    %s1 = attn.update %s, %query, %latents, %latents at (%b, %h, %n, %n) valid (%n, %n) packed(%n, %n) scale 1.0
      : !attn.state<32x64xf32>, !attn.tile<query, 32x80xf32>, !attn.tile<key, 64x80xf32>, !attn.tile<key, 64x80xf32>
    attn.finalize %s1 into %o[%b, %h, %n] valid %n heads_of %n expand %vu : memref<6x40x64xf32> : !attn.state<32x64xf32>, memref<2x6x?x40xf32>
  }
  return
}
