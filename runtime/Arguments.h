// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From what a caller passes to what compiled code reads.
#ifndef FOVEA_RUNTIME_ARGUMENTS_H
#define FOVEA_RUNTIME_ARGUMENTS_H

#include "Error.h"

namespace fovea {

/// A plan needs the data of frozen tensors only; a run needs all.
enum class Phase { Plan, Run };

/// Fills values[0 .. num_params) from `args`. Checks each argument by itself, and that no output overlaps another
/// tensor. Allocates on failure only.
Status readArguments(const fovea_kernel_table &kernel, const fovea_arg *args, size_t numArgs, Phase phase,
                     fovea_value *values);

/// Dimensions of one name are equal.
Status checkNamedDims(const fovea_kernel_table &kernel, const fovea_value *values);

/// Shapes and scalars are those of the plan, scalars bit for bit; addresses and strides are free.
Status checkAgainstPlan(const fovea_kernel_table &kernel, const fovea_value *planned, const fovea_value *values);

} // namespace fovea

#endif
