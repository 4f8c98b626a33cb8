// Phase 8 leaves nothing behind: views are address arithmetic, math without an intrinsic calls libm, lane by lane if need be.
// RUN: fovea-opt %s --fovea-pipeline=target=loops --split-input-file --verify-diagnostics | FileCheck %s
// RUN: fovea-opt %s --fovea-pipeline=target=cpu:x86-64-v3 --split-input-file --verify-diagnostics | FileCheck %s

// CHECK: llvm.func @slices_task(
// CHECK-NOT: memref.
// CHECK-NOT: unrealized_conversion_cast
func.func @slices(%q: tensor<1x4x16x16xf32>, %w: tensor<?xf32>, %n: index) -> tensor<1x4x8x16xf32> {
  %half = tensor.extract_slice %q[0, 0, 4, 0] [1, 4, 8, 16] [1, 1, 1, 1] : tensor<1x4x16x16xf32> to tensor<1x4x8x16xf32>
  %part = tensor.extract_slice %w[%n] [4] [1] : tensor<?xf32> to tensor<4xf32>
  %a = attn.attention %half, %q, %q score (%s, %b, %h, %i, %j) {
    %x = tensor.extract %part[%h] : tensor<4xf32>
    %y = arith.mulf %s, %x : f32
    attn.yield %y : f32
  } : (tensor<1x4x8x16xf32>, tensor<1x4x16x16xf32>, tensor<1x4x16x16xf32>) -> tensor<1x4x8x16xf32>
  return %a : tensor<1x4x8x16xf32>
}

// -----

!t = tensor<1x4x8x16xf32>
// CHECK: llvm.func @libm_task(
// CHECK: llvm.call @acoshf
// CHECK-NOT: vector.extract
func.func @libm(%q: !t) -> !t {
  %a = attn.attention %q, %q, %q score (%s, %b, %h, %i, %j) {
    %x = math.sqrt %s : f32
    %y = math.acosh %x : f32
    attn.yield %y : f32
  } : (!t, !t, !t) -> !t
  return %a : !t
}

// -----

// A constant tensor in the mask: part of the code, so no argument is frozen.
!t = tensor<1x4x8x16xf32>
// CHECK: fovea.kernels = [
// CHECK-NOT: frozen
// CHECK-SAME: fovea.phase
// CHECK: llvm.mlir.global private constant
// A boolean in memory is a byte, and any but 0 is true.
// CHECK: %[[BYTE:.*]] = llvm.load %{{.*}} : !llvm.ptr -> i8
// CHECK: llvm.icmp "ne" %[[BYTE]], %{{.*}} : i8
func.func @constant(%q: !t) -> !t {
  %visible = arith.constant dense<[true, false, true, true, true, true, true, true]> : tensor<8xi1>
  %a = attn.attention %q, %q, %q mask (%b, %h, %i, %j) {
    %x = tensor.extract %visible[%j] : tensor<8xi1>
    attn.yield %x : i1
  } : (!t, !t, !t) -> !t
  return %a : !t
}

// -----

!t = tensor<1x4x8x16xf32>
func.func @negative_f8(%q: !t) -> !t {
  %a = attn.attention %q, %q, %q score (%s, %b, %h, %i, %j) {
    // expected-error@+1 {{'arith.truncf' op has no lowering to LLVM for these types}}
    %x = arith.truncf %s : f32 to f8E4M3FN
    %y = arith.extf %x : f8E4M3FN to f32
    attn.yield %y : f32
  } : (!t, !t, !t) -> !t
  return %a : !t
}
