// RUN: fovea-run %S/window.mlir --input=3=4096 --dims=B=1,Nq=256,Nk=256 --check --bench --json --threads=1 > %t.json
// RUN: %python -m json.tool %t.json | FileCheck %s
// RUN: fovea-run %S/window.mlir --input=3=4096 --dims=B=1,Nq=256,Nk=256 --json --threads=1 | FileCheck %s --check-prefix=PLAIN

// CHECK-DAG: "compile_ms": {
// CHECK-DAG: "codegen": {{[0-9.]+}}
// CHECK-DAG: "total": {{[0-9.]+}}
// CHECK-DAG: "cpu": "{{.+}}"
// CHECK-DAG: "Nq": 256
// CHECK-DAG: "gflops": {{[0-9.]+}}
// CHECK-DAG: "max_error_ratio": {{[0-9.e-]+}}
// CHECK-DAG: "median_ms": {{[0-9.]+}}
// CHECK-DAG: "peak_gflops": {{[0-9.]+|null}}
// CHECK-DAG: "share_of_peak": {{[0-9.]+|null}}
// CHECK-DAG: "passed": true
// CHECK-DAG: "target": "host"
// CHECK-DAG: "threads": 1
// CHECK-DAG: "tiles_total": {{[0-9]+}}
// CHECK-DAG: "tiles_visited": {{[0-9]+}}
// A triangle of 256 x 257 / 2 pairs for each of 4 heads, 2 (32 + 32) operations each.
// CHECK-DAG: "visible_pairs": 131584
// CHECK-DAG: "workspace_bytes": {{[1-9][0-9]*}}
// CHECK-DAG: "visible_pairs_exact": true
// CHECK-DAG: "flops": 16842752

// PLAIN-DAG: "max_error_ratio": null
// PLAIN-DAG: "median_ms": null
