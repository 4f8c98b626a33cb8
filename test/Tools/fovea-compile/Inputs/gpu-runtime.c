/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * A program with a GPU's kernels inside and no compiler: the linked module, libfovea-runtime and a driver. */
#include "fovea/fovea.h"
#include "gpu-means.h"
#include "means.h"

#include <stdlib.h>

static fovea_error *error = NULL;

static void check(fovea_status status) {
  if (status == FOVEA_OK)
    return;
  fprintf(stderr, "%s\n", error ? fovea_error_message(error) : fovea_status_name(status));
  exit(1);
}

int main(void) {
  fovea_device *device = NULL;
  fovea_module *module = NULL;
  const fovea_kernel *kernel = NULL;
  fovea_plan *plan = NULL;
  static int64_t shape[4] = {1, kHeads, kKeys, kSize};
  DLTensor tensors[kTensors];
  fovea_arg args[kTensors];
  fill();
  check(fovea_device_open(0, &device, &error));
  for (int n = 0; n < kTensors; ++n) {
    DLTensor tensor = {.device = {kDLCUDA, 0}, .ndim = 4, .dtype = {kDLBfloat, 16, 1}, .shape = shape};
    check(fovea_device_alloc(device, sizeof data[n], &tensor.data, &error));
    check(fovea_device_upload(device, tensor.data, data[n], sizeof data[n], NULL, &error));
    tensors[n] = tensor;
    args[n].kind = FOVEA_ARG_TENSOR;
    args[n].as.tensor = &tensors[n];
  }
  check(fovea_module_create(&fovea_module_means, NULL, NULL, &module, &error));
  check(fovea_module_kernel(module, "main", &kernel, &error));
  check(fovea_plan_create(kernel, args, kTensors, NULL, &plan, &error));
  check(fovea_run(plan, args, kTensors, NULL, NULL, &error));
  check(fovea_device_download(device, data[3], tensors[3].data, sizeof data[3], NULL, &error));
  print();
  fovea_plan_destroy(plan);
  fovea_module_release(module);
  for (int n = 0; n < kTensors; ++n)
    fovea_device_free(device, tensors[n].data);
  fovea_device_close(device);
  return 0;
}
