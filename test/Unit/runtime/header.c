/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The doors are for C as well: this must compile as C99 and link. */
#include "fovea/fovea.h"

int foveaStatusFromC(void);

int foveaStatusFromC(void) {
  fovea_arg arg = {FOVEA_ARG_INT, {0}};
  fovea_exec exec = {sizeof(fovea_exec), 1, 0, 0, 0, 0};
  fovea_plan *plan = 0;
  fovea_error *error = 0;
  fovea_status status;
  arg.as.i = 7;
  status = fovea_plan_create(0, &arg, 1, &exec, &plan, &error);
  fovea_error_destroy(error);
  return plan ? -1 : (int)status;
}
