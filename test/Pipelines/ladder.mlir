// Each phase writes a numbered dump and says which one the module is in.
// RUN: rm -rf %t && mkdir %t && fovea-opt %s --fovea-pipeline="target=cpu:x86-64-v3 dump=%t" | FileCheck %s --check-prefix=EMIT
// RUN: ls %t | FileCheck %s --check-prefix=DUMPS
// DUMPS: 2-simplify.mlir
// DUMPS-NEXT: 4-bufferize.mlir
// DUMPS-NEXT: 5-schedule.mlir
// DUMPS-NEXT: 6-tile.mlir
// DUMPS-NEXT: 7-target.mlir
// DUMPS-NEXT: 8-emit.mlir
// RUN: FileCheck %s --check-prefix=SIMPLIFY --input-file=%t/2-simplify.mlir
// RUN: FileCheck %s --check-prefix=BUFFERIZE --input-file=%t/4-bufferize.mlir
// RUN: FileCheck %s --check-prefix=SCHEDULE --input-file=%t/5-schedule.mlir
// RUN: FileCheck %s --check-prefix=TILE --input-file=%t/6-tile.mlir
// RUN: FileCheck %s --check-prefix=VECTOR --input-file=%t/7-target.mlir

// Stop anywhere, go on from a dump: the same code comes out.
// RUN: fovea-opt %t/6-tile.mlir -o %t/dumped && fovea-opt %s --fovea-pipeline="to=tile target=cpu:x86-64-v3" | diff %t/dumped -
// RUN: fovea-opt %t/7-target.mlir -o %t/dumped && fovea-opt %t/6-tile.mlir --fovea-pipeline="from=tile to=7 target=cpu:x86-64-v3" | diff %t/dumped -
// RUN: fovea-opt %t/5-schedule.mlir --fovea-pipeline="from=5 to=target target=loops" | FileCheck %s --check-prefix=LOOPS

// RUN: not fovea-opt %s --fovea-pipeline="to=lunch" 2>&1 | FileCheck %s --check-prefix=PHASE
// PHASE: --fovea-pipeline: unknown phase; phases are import, simplify, program, bufferize, schedule, tile, target, emit
// RUN: not fovea-opt %s --fovea-pipeline="target=abacus" 2>&1 | FileCheck %s --check-prefix=TARGET
// TARGET: unknown target 'abacus'; targets are host, loops, cpu:ARCH[+feature...], for example cpu:x86-64-v3, and cuda:sm_80 or later, simulated as sim:sm_80
// RUN: not fovea-opt %s --fovea-pipeline="target=cpu:i8080" 2>&1 | FileCheck %s --check-prefix=CPU
// CPU: unknown processor 'i8080' in target 'cpu:i8080'
// RUN: not fovea-opt %s --fovea-pipeline="target=cpu:x86-64+abacus" 2>&1 | FileCheck %s --check-prefix=FEATURE
// FEATURE: unknown feature 'abacus' in target 'cpu:x86-64+abacus'
// RUN: not fovea-opt %s --fovea-pipeline="to=simplify dump=%s" 2>&1 | FileCheck %s --check-prefix=DIRECTORY
// DIRECTORY: error: cannot dump phase simplify

// SIMPLIFY: module attributes {fovea.phase = "simplify"} {
// SIMPLIFY: attn.attention
// SIMPLIFY: } : (tensor<
// BUFFERIZE: module attributes {fovea.phase = "bufferize"} {
// BUFFERIZE: attn.output
// BUFFERIZE: attn.attention
// BUFFERIZE: } : (memref<
// SCHEDULE: fovea.phase = "schedule"
// SCHEDULE: schedule <query_tile = 504, key_block = 256, lanes = 8, panel = 24, micro_keys = 4>
// TILE: fovea.phase = "tile"
// TILE: attn.task
// TILE-NOT: attn.attention
// VECTOR: module attributes {fovea.kernels = [{{.*}}], fovea.phase = "target"} {
// VECTOR-DAG: func.func @attend_plan(
// VECTOR-DAG: func.func @attend_task(
// VECTOR: vector.fma
// VECTOR-NOT: attn.{{[a-z]}}
// LOOPS: fovea.phase = "target"
// LOOPS-NOT: vector.
// LOOPS: math.exp
// EMIT: fovea.phase = "emit"
// EMIT: llvm.func @attend_plan(
// EMIT: llvm.func @attend_task(
// EMIT-NOT: unrealized_conversion_cast
func.func @attend(%q: tensor<?x4x?x16xf32>, %k: tensor<?x2x?x16xf32>) -> tensor<?x4x?x16xf32> {
  %o = attn.attention %q, %k, %k mask (%b, %h, %i, %j) {
    %causal = arith.cmpi sge, %i, %j : index
    attn.yield %causal : i1
  } : (tensor<?x4x?x16xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32>) -> tensor<?x4x?x16xf32>
  return %o : tensor<?x4x?x16xf32>
}
