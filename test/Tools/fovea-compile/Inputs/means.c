/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * A program with attention inside and no compiler: the linked module and libfovea-runtime. */
#include "means.h"
#include "fovea/fovea.h"

#include <stdio.h>
#include <stdlib.h>

enum { kHeads = 2, kKeys = 5, kSize = 4, kElements = kHeads * kKeys * kSize };

static void check(fovea_status status, fovea_error *error) {
  if (status == FOVEA_OK)
    return;
  fprintf(stderr, "%s\n", error ? fovea_error_message(error) : fovea_status_name(status));
  exit(1);
}

int main(void) {
  static float data[4][kElements]; /* query, key, value, out */
  static int64_t shape[4] = {1, kHeads, kKeys, kSize};
  DLTensor tensors[4];
  fovea_arg args[4];
  for (int n = 0; n < 4; ++n) {
    DLTensor tensor = {.data = data[n], .device = {kDLCPU, 0}, .ndim = 4, .dtype = {kDLFloat, 32, 1}, .shape = shape};
    tensors[n] = tensor;
    args[n].kind = FOVEA_ARG_TENSOR;
    args[n].as.tensor = &tensors[n];
  }
  for (int e = 0; e < kElements; ++e)
    data[2][e] = (float)(e / kSize % kKeys); /* value row j is j */
  fovea_error *error = NULL;
  fovea_module *module = NULL;
  const fovea_kernel *kernel = NULL;
  fovea_plan *plan = NULL;
  check(fovea_module_create(&fovea_module_means, NULL, NULL, &module, &error), error);
  check(fovea_module_kernel(module, "main", &kernel, &error), error);
  check(fovea_plan_create(kernel, args, 4, NULL, &plan, &error), error);
  void *workspace = aligned_alloc(64, fovea_plan_workspace(plan));
  check(workspace ? fovea_workspace_init(plan, workspace) : FOVEA_NO_MEMORY, NULL);
  check(fovea_run(plan, args, 4, workspace, NULL, &error), error);
  for (int row = 0; row < kKeys; ++row)
    printf("%.1f ", data[3][row * kSize]);
  printf("\n");
  free(workspace);
  fovea_plan_destroy(plan);
  fovea_module_release(module);
  return 0;
}
