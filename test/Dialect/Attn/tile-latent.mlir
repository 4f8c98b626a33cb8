// RUN: fovea-opt %s --attn-tile --canonicalize --cse | FileCheck %s

!q = memref<?x6x?x48xf32>
!cache = memref<?x1x?x80xf32>
!ku = memref<6x32x64xf32>
!vu = memref<6x40x64xf32>
!o = memref<?x6x?x40xf32>

// Rows of all heads follow each other, 64 to a task; latents are keys and values.
// CHECK-LABEL: func @absorbed(
// CHECK-SAME: %[[Q:[a-z0-9]+]]: {{.*}}, %[[CACHE:[a-z0-9]+]]: {{.*}}, %[[KU:[a-z0-9]+]]: {{.*}}, %[[VU:[a-z0-9]+]]: {{.*}}, %[[O:[a-z0-9]+]]: {{.*}}, %[[PAST:[a-z0-9]+]]: index)
// CHECK: attn.task (%[[B:.*]], %{{.*}}, %[[T:.*]]) in
// CHECK: %[[ROW:.*]] = arith.muli %[[T]], %c64
// CHECK: %[[QUERY:.*]] = attn.load_tile %[[Q]][%[[B]], %c0{{.*}}, %[[ROW]]] valid %[[VALID:.*]] heads_of %[[N:.*]] absorb %[[KU]] : {{.*}} -> <query, 64x80xf32>
// CHECK: scf.for
// CHECK: %[[LATENTS:.*]] = attn.load_tile %[[CACHE]]{{.*}} -> <key, 64x80xf32>
// CHECK: attn.update %{{.*}}, %[[QUERY]], %[[LATENTS]], %[[LATENTS]] at(%[[B]], %c0{{.*}}, %[[PAST]], {{.*}} packed(%[[ROW]], %[[N]])
// CHECK: attn.finalize %{{.*}} into %[[O]][%[[B]], %c0{{.*}}, %[[ROW]]] valid %[[VALID]] heads_of %[[N]] expand %[[VU]]
func.func @absorbed(%q: !q, %c: !cache, %ku: !ku, %vu: !vu, %o: !o, %past: index) {
  attn.attention %q, %c, %c q_offset %past outs(%o) latent(%ku, %vu) form <absorbed> schedule <query_tile = 512, key_block = 64, lanes = 8, panel = 16, micro_keys = 4>
    : (!q, !cache, !cache, index, !o, !ku, !vu) -> ()
  return
}

// Of each block, keys and values of the task's head.
// CHECK-LABEL: func @expanded(
// CHECK-SAME: %[[Q:[a-z0-9]+]]: {{.*}}, %[[CACHE:[a-z0-9]+]]: {{.*}}, %[[KU:[a-z0-9]+]]: {{.*}}, %[[VU:[a-z0-9]+]]: {{.*}}, %[[O:[a-z0-9]+]]: {{.*}}, %[[COS:[a-z0-9]+]]: {{.*}})
// CHECK: attn.task (%[[B:.*]], %[[H:.*]], %[[T:.*]]) in
// CHECK: attn.load_tile %[[Q]][%[[B]], %[[H]], %{{.*}}] {{.*}} rope(%[[COS]], %[[COS]]) at %{{.*}} columns from 36 {{.*}} -> <query, 512x48xf32>
// CHECK: %[[KUP:.*]] = memref.expand_shape %[[KU]]
// CHECK: %[[WK:.*]] = attn.load_tile %[[KUP]][%c0{{.*}}, %[[H]], %c0{{.*}}] valid %c32{{.*}} -> <query, 32x64xf32>
// CHECK: %[[VUP:.*]] = memref.expand_shape %[[VU]]
// CHECK: %[[WV:.*]] = attn.load_tile %[[VUP]][%c0{{.*}}, %[[H]], %c0{{.*}}] valid %c40{{.*}} -> <query, 48x64xf32>
// CHECK: scf.for
// CHECK: %[[L:.*]] = attn.load_tile %[[CACHE]]{{.*}} rope(%[[COS]], %[[COS]]) at %{{.*}} columns from 68
// CHECK: %[[K:.*]] = attn.expand_tile %[[L]] by %[[WK]] rows 32 {{.*}} -> <key, 64x48xf32>
// CHECK: %[[V:.*]] = attn.expand_tile %[[L]] by %[[WV]] rows 40 {{.*}} -> <value, 64x40xf32>
// CHECK: attn.update %{{.*}}, %{{.*}}, %[[K]], %[[V]]
// CHECK-NOT: packed
// CHECK: attn.finalize
func.func @expanded(%q: !q, %c: !cache, %ku: !ku, %vu: !vu, %o: !o, %cos: memref<?x6xf32>) {
  attn.attention %q, %c, %c outs(%o) query_rope(%cos, %cos) key_rope(%cos, %cos) latent(%ku, %vu) form <expanded>
    schedule <query_tile = 512, key_block = 64, lanes = 8, panel = 16, micro_keys = 4>
    : (!q, !cache, !cache, !o, memref<?x6xf32>, memref<?x6xf32>, memref<?x6xf32>, memref<?x6xf32>, !ku, !vu) -> ()
  return
}

// By the number of products: pairs x (2 x 64 + 16) + rows x 64 x (32 + 40) against pairs x (48 + 40) + tiles x keys x 64 x (32 + 40).
// CHECK-LABEL: func @chosen(
// CHECK-DAG: arith.constant 1.440000e+02 : f64
// CHECK-DAG: arith.constant 4.608000e+03 : f64
// CHECK-DAG: arith.constant 8.800000e+01 : f64
// CHECK: cf.assert {{.*}}, "key_up and query must have the same number of heads"
// CHECK: cf.assert {{.*}}, "the cache must have one head, which all query heads share"
// CHECK: %[[CHEAPER:.*]] = arith.cmpf olt
// CHECK: attn.task
// CHECK: scf.if %[[CHEAPER]]
// CHECK: attn.load_tile {{.*}} absorb
// CHECK: } else {
// CHECK: attn.expand_tile
func.func @chosen(%q: memref<?x?x?x48xf32>, %c: memref<?x?x?x80xf32>, %ku: !ku, %vu: !vu, %o: !o) {
  attn.attention %q, %c, %c outs(%o) latent(%ku, %vu) schedule <query_tile = 512, key_block = 64, lanes = 8, panel = 16, micro_keys = 4>
    : (memref<?x?x?x48xf32>, memref<?x?x?x80xf32>, memref<?x?x?x80xf32>, !o, !ku, !vu) -> ()
  return
}

// A mask that tells heads apart is not asked about rows that mix them.
// CHECK-LABEL: func @heads(
// CHECK: attn.tile_bounds
// CHECK: attn.yield %true
// CHECK: scf.for
// CHECK-NOT: attn.tile_bounds
// CHECK: attn.update {{.*}} full %false{{.*}} packed
func.func @heads(%q: !q, %c: !cache, %ku: !ku, %vu: !vu, %o: !o) {
  attn.attention %q, %c, %c outs(%o) latent(%ku, %vu) form <absorbed> schedule <query_tile = 512, key_block = 64, lanes = 8, panel = 16, micro_keys = 4>
    mask (%b, %h, %i, %j) {
      %see = arith.cmpi sge, %j, %h : index
      attn.yield %see : i1
    } : (!q, !cache, !cache, !o, !ku, !vu) -> ()
  return
}
