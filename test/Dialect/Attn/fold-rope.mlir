// RUN: fovea-opt %s --attn-fold-rope --split-input-file --verify-diagnostics | FileCheck %s

!x = tensor<2x4x?x64xf32>
!table = tensor<?x32xf32>
!positions = tensor<2x?xi32>

// CHECK-LABEL: func @both(
// CHECK-SAME: %[[Q:.*]]: tensor<2x4x?x64xf32>, %[[K:.*]]: tensor<2x4x?x64xf32>, %[[C:.*]]: tensor<?x32xf32>, %[[S:.*]]: tensor<?x32xf32>, %[[P:.*]]: tensor<2x?xi32>)
// CHECK-NOT: attn.rope
// CHECK: attn.attention %[[Q]], %[[K]], %[[K]] query_rope(%[[C]], %[[S]]) key_rope(%[[C]], %[[S]], %[[P]]) pairing <interleaved>
func.func @both(%q: !x, %k: !x, %cos: !table, %sin: !table, %at: !positions) -> !x {
  %rq = attn.rope %q cos %cos sin %sin pairing <interleaved> : !x, !table, !table
  %rk = attn.rope %k cos %cos sin %sin positions %at pairing <interleaved> : !x, !table, !table, !positions
  %o = attn.attention %rq, %rk, %k : (!x, !x, !x) -> !x
  return %o : !x
}

// One operand alone, and an offset that is the attention's.
// CHECK-LABEL: func @query_alone(
// CHECK: attn.attention %{{.*}}, %{{.*}}, %{{.*}} q_offset %{{.*}} query_rope(%{{.*}}, %{{.*}}) : (
func.func @query_alone(%q: !x, %k: !x, %cos: !table, %sin: !table, %past: index) -> !x {
  %rq = attn.rope %q cos %cos sin %sin offset %past : !x, !table, !table
  %o = attn.attention %rq, %k, %k q_offset %past : (!x, !x, !x, index) -> !x
  return %o : !x
}

// What nothing reads goes.
// CHECK-LABEL: func @dead(
// CHECK-NOT: attn.rope
func.func @dead(%q: !x, %cos: !table) {
  %rq = attn.rope %q cos %cos sin %cos : !x, !table, !table
  return
}

// -----

func.func @returned(%q: tensor<2x4x?x64xf32>, %cos: tensor<?x32xf32>) -> tensor<2x4x?x64xf32> {
  // expected-error @+1 {{'attn.rope' op is read by something other than the query or key of an attn.attention}}
  %rq = attn.rope %q cos %cos sin %cos : tensor<2x4x?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>
  // expected-note @+1 {{here; rotate it before the kernel instead}}
  return %rq : tensor<2x4x?x64xf32>
}

// -----

func.func @other_offset(%q: tensor<2x4x?x64xf32>, %cos: tensor<?x32xf32>, %past: index) -> tensor<2x4x?x64xf32> {
  // expected-error @+1 {{has another offset than the q_offset of the attention that reads it}}
  %rq = attn.rope %q cos %cos sin %cos : tensor<2x4x?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>
  %o = attn.attention %rq, %q, %q q_offset %past : (tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, index) -> tensor<2x4x?x64xf32>
  return %o : tensor<2x4x?x64xf32>
}

// -----

func.func @key_offset(%q: tensor<2x4x?x64xf32>, %cos: tensor<?x32xf32>, %past: index) -> tensor<2x4x?x64xf32> {
  // expected-error @+1 {{has an offset on a key, which stands at its row; give positions}}
  %rk = attn.rope %q cos %cos sin %cos offset %past : tensor<2x4x?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>
  %o = attn.attention %q, %rk, %q : (tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>) -> tensor<2x4x?x64xf32>
  return %o : tensor<2x4x?x64xf32>
}

// -----

func.func @two_pairings(%q: tensor<2x4x?x64xf32>, %cos: tensor<?x32xf32>) -> tensor<2x4x?x64xf32> {
  %rq = attn.rope %q cos %cos sin %cos : tensor<2x4x?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>
  // expected-error @+1 {{pairs other columns than the rotation of the attention's other operand}}
  %rk = attn.rope %q cos %cos sin %cos pairing <interleaved> : tensor<2x4x?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>
  %o = attn.attention %rq, %rk, %q : (tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>) -> tensor<2x4x?x64xf32>
  return %o : tensor<2x4x?x64xf32>
}

// -----

func.func @other_layout(%q: tensor<2x4x?x64xf32>, %cos: tensor<?x32xf32>) -> tensor<2x4x?x64xf32> {
  // expected-error @+1 {{has another layout than the attention that reads it}}
  %rq = attn.rope %q cos %cos sin %cos layout <bnhd> : tensor<2x4x?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>
  %o = attn.attention %rq, %q, %q : (tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>) -> tensor<2x4x?x64xf32>
  return %o : tensor<2x4x?x64xf32>
}

// -----

func.func @twice(%q: tensor<2x4x?x64xf32>, %cos: tensor<?x32xf32>) -> tensor<2x4x?x64xf32> {
  // expected-error @+1 {{rotates what query_rope of the attention rotates again; rotate once}}
  %rq = attn.rope %q cos %cos sin %cos : tensor<2x4x?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>
  %o = attn.attention %rq, %q, %q query_rope(%cos, %cos)
    : (tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>) -> tensor<2x4x?x64xf32>
  return %o : tensor<2x4x?x64xf32>
}

// -----

func.func @latent(%q: tensor<2x4x?x48xf32>, %c: tensor<2x1x?x80xf32>, %up: tensor<4x32x64xf32>, %cos: tensor<?x8xf32>) -> tensor<2x4x?x32xf32> {
  // expected-error @+1 {{rotates the first columns of a row; those of a latent attention that turn are the last ones: give the tables to its query_rope and key_rope}}
  %rq = attn.rope %q cos %cos sin %cos : tensor<2x4x?x48xf32>, tensor<?x8xf32>, tensor<?x8xf32>
  %o = attn.attention %rq, %c, %c latent(%up, %up)
    : (tensor<2x4x?x48xf32>, tensor<2x1x?x80xf32>, tensor<2x1x?x80xf32>, tensor<4x32x64xf32>, tensor<4x32x64xf32>) -> tensor<2x4x?x32xf32>
  return %o : tensor<2x4x?x32xf32>
}

// -----

// The attention normalises first; turned rows, multiplied by gains, are other rows.
func.func @normalised(%q: tensor<2x4x?x64xf32>, %cos: tensor<?x32xf32>, %g: tensor<64xf32>) -> tensor<2x4x?x64xf32> {
  // expected-error @+1 {{rotates before key_norm of the attention normalises, which rotates after it: give the tables to its key_rope}}
  %rk = attn.rope %q cos %cos sin %cos : tensor<2x4x?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>
  %o = attn.attention %q, %rk, %q key_norm(%g)
    : (tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<64xf32>) -> tensor<2x4x?x64xf32>
  return %o : tensor<2x4x?x64xf32>
}

// -----

func.func @far(%q: tensor<2x4x?x64xf32>, %cos: tensor<?x32xf32>) -> tensor<2x4x?x64xf32> {
  // expected-error @+1 {{rotates what an attention with `far` rotates for each pair: give the tables to its query_rope}}
  %rq = attn.rope %q cos %cos sin %cos : tensor<2x4x?x64xf32>, tensor<?x32xf32>, tensor<?x32xf32>
  %o = attn.attention %rq, %q, %q far (%b, %h, %i, %j) {
    %past = arith.cmpi sgt, %i, %j : index
    attn.yield %past : i1
  } : (tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>, tensor<2x4x?x64xf32>) -> tensor<2x4x?x64xf32>
  return %o : tensor<2x4x?x64xf32>
}
