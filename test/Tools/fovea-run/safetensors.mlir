// One file for several inputs: each takes the tensor of its name, or the one that is asked for.
// RUN: %python %S/Inputs/safetensors.py %t.safetensors query:F32:1x4x1x32:1 key:F32:1x2x1x32:2 layer.0.v:F32:1x2x1x32:7
// RUN: fovea-run %S/window.mlir --input=%t.safetensors --input=%t.safetensors --input=value=%t.safetensors:layer.0.v --input=3=1 --check | FileCheck %s
// CHECK: query: float32[1, 4, 1, 32] {{ *}}from {{.*}}.safetensors
// CHECK: value: float32[1, 2, 1, 32] {{ *}}from {{.*}}.safetensors:layer.0.v
// CHECK: output {{.*}}mean 7, from 7 to 7

// RUN: not fovea-run %S/window.mlir --input=value=%t.safetensors 2>&1 | FileCheck %s --check-prefix=NAME
// NAME: error: input 'value', {{.*}}: has no tensor 'value'; pick one as FILE.safetensors:TENSOR: 'key', 'layer.0.v', 'query'

// RUN: not fovea-run %S/window.mlir --input=%t.nowhere.safetensors 2>&1 | FileCheck %s --check-prefix=NOWHERE
// NOWHERE: error: input 'query', {{.*}}: cannot read it: No such file

// RUN: %python %S/Inputs/safetensors.py %t.half.safetensors query:BF16:1x4x1x32:1
// RUN: not fovea-run %S/window.mlir --input=%t.half.safetensors 2>&1 | FileCheck %s --check-prefix=HALF
// HALF: error: input 'query', {{.*}}: holds bfloat16, but the kernel takes float32

// RUN: %python %S/Inputs/safetensors.py %t.double.safetensors query:F64:1x4x1x32:1
// RUN: not fovea-run %S/window.mlir --input=%t.double.safetensors 2>&1 | FileCheck %s --check-prefix=DOUBLE
// DOUBLE: error: input 'query', {{.*}}: holds float64, but the kernel takes float32
