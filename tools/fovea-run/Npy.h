// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// NumPy's .npy format: magic, version, a header that is a Python dict literal, raw elements.
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#ifndef FOVEA_TOOLS_FOVEARUN_NPY_H
#define FOVEA_TOOLS_FOVEARUN_NPY_H

#include "fovea/Reference/HostTensor.h"

namespace fovea::run {

/// Versions 1 to 3, little-endian, C or Fortran order; the result is row-major.
llvm::Expected<reference::HostTensor> readNpy(llvm::StringRef path);
llvm::Expected<reference::HostTensor> parseNpy(llvm::StringRef bytes);

/// The file appears complete or not at all.
llvm::Error writeNpy(llvm::StringRef path, const reference::HostTensor &tensor);

} // namespace fovea::run

#endif
