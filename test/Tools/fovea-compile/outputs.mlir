// RUN: mkdir -p %t.dir && fovea-compile %s -o %t.o --header=%t.dir/outputs.h
// RUN: FileCheck %s --input-file=%t.dir/outputs.h --check-prefix=HEADER
// HEADER: fovea_module_outputs
// HEADER: /* Kernel 'main', arguments in order:
// HEADER-NEXT: *   query: f32[B, 4, N, 64]
// HEADER-NEXT: *   key: f32[1, 4, ?, 64]
// HEADER-NEXT: *   value: f32[1, 4, ?, 64]
// HEADER-NEXT: *   length: i32[1], read by the plan
// HEADER-NEXT: *   out: f32[{{.*}}], output
// HEADER: extern const fovea_module_table fovea_module_outputs;
// RUN: echo '#include "outputs.h"' > %t.c
// RUN: echo 'int main(void) { return fovea_module_outputs.num_kernels != 1; }' >> %t.c
// RUN: %cc -std=c11 -Wall -Werror -I%source/include -I%t.dir %t.c %t.o -lm -o %t && %t

// RUN: fovea-compile %s --emit=asm -o - --name=fast | FileCheck %s --check-prefix=ASM
// ASM: .globl fovea_module_fast
// Only the table is seen by the linker: kernels of two objects may have one name.
// RUN: fovea-compile %s --emit=llvm -o - --name=fast | FileCheck %s --check-prefix=LLVM
// LLVM: @fovea_module_fast = constant
// LLVM: define internal i32 @main_plan(
// LLVM: define internal i32 @main_task(

func.func @main(%q: tensor<?x4x?x64xf32> {attn.dims = ["B", "", "N", ""]}, %k: tensor<1x4x?x64xf32>, %v: tensor<1x4x?x64xf32>,
                %length: tensor<1xi32> {attn.name = "length"}) -> tensor<?x4x?x64xf32> {
  %o = attn.attention %q, %k, %v
    mask (%b, %h, %i, %j) {
      %loaded = tensor.extract %length[%b] : tensor<1xi32>
      %end = arith.index_cast %loaded : i32 to index
      %keep = arith.cmpi slt, %j, %end : index
      attn.yield %keep : i1
    } : (tensor<?x4x?x64xf32>, tensor<1x4x?x64xf32>, tensor<1x4x?x64xf32>) -> tensor<?x4x?x64xf32>
  return %o : tensor<?x4x?x64xf32>
}
