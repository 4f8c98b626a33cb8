// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_RUNTIME_TENSOR_MAP_H
#define FOVEA_RUNTIME_TENSOR_MAP_H

#include "Driver.h"

namespace fovea::cuda {

/// Why TMA cannot describe the tensor, in words that follow its name, or null when it can.
const char *refusedByTma(const fovea_param &param, const fovea_value &value);

/// Of a tensor that TMA does not refuse. Touches neither device nor stream, so that a graph capture does not mind.
Status encodeTensorMap(const Driver &driver, const fovea_param &param, const fovea_value &value,
                       const fovea_tensor_map &request, TensorMap &map);

} // namespace fovea::cuda

#endif
