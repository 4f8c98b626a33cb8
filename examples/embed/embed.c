/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Fovea in a C program: compile once, plan once per batch shape, run once per layer. */
#include "fovea/fovea_compile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kBatch = 1, kHeads = 2, kKeys = 5, kSize = 4, kElements = kBatch * kHeads * kKeys * kSize };

static const char kCausal[] =
    "func.func @main(%q: tensor<?x2x?x4xf32>, %k: tensor<?x2x?x4xf32>, %v: tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32> {\n"
    "  %o = attn.attention %q, %k, %v mask (%b, %h, %i, %j) {\n"
    "    %causal = arith.cmpi sge, %i, %j : index\n"
    "    attn.yield %causal : i1\n"
    "  } : (tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>\n"
    "  return %o : tensor<?x2x?x4xf32>\n"
    "}\n";

static void check(fovea_status status, fovea_error *error) {
  if (status == FOVEA_OK)
    return;
  fprintf(stderr, "%s %s\n", error ? fovea_error_location(error) : "", error ? fovea_error_message(error) : fovea_status_name(status));
  exit(1);
}

int main(void) {
  /* Query, key, value, then the output: the order of the kernel's parameters. */
  static float data[4][kElements];
  static int64_t shape[4] = {kBatch, kHeads, kKeys, kSize};
  DLTensor tensors[4];
  fovea_arg args[4];
  for (int n = 0; n < 4; ++n) {
    tensors[n] = (DLTensor){.data = data[n], .device = {kDLCPU, 0}, .ndim = 4, .dtype = {kDLFloat, 32, 1}, .shape = shape};
    args[n] = (fovea_arg){.kind = FOVEA_ARG_TENSOR, .as.tensor = &tensors[n]};
  }
  for (int e = 0; e < kElements; ++e)
    data[2][e] = (float)(e / kSize % kKeys); /* value row j is j */

  fovea_error *error = NULL;
  fovea_module *module = NULL;
  const fovea_kernel *kernel = NULL;
  fovea_plan *plan = NULL;
  check(fovea_compile(kCausal, strlen(kCausal), NULL, &module, &error), error);
  check(fovea_module_kernel(module, NULL, &kernel, &error), error);
  check(fovea_plan_create(kernel, args, 4, NULL, &plan, &error), error);
  void *workspace = aligned_alloc(64, fovea_plan_workspace(plan));
  check(workspace ? fovea_workspace_init(plan, workspace) : FOVEA_NO_MEMORY, NULL);
  check(fovea_run(plan, args, 4, workspace, NULL, &error), error); /* as often as there are layers */

  for (int row = 0; row < kKeys; ++row)
    printf("%.1f ", data[3][row * kSize]);
  printf("\n");
  free(workspace);
  fovea_plan_destroy(plan);
  fovea_module_release(module);
  return 0;
}
