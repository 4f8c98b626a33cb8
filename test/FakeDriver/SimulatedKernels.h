// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_TEST_SIMULATED_KERNELS_H
#define FOVEA_TEST_SIMULATED_KERNELS_H

#include "FakeDriver.h"
#include "fovea/fovea.h"

namespace fovea::fake {

/// Runs a launch block by block by the kernel of that name in a module compiled for sim:sm_..., with the values and the
/// tasks that the launch passes. A CUresult.
int executeLaunch(fovea_module *simulated, const Launch &launch);

} // namespace fovea::fake

#endif
