// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_TOOLS_FOVEARUN_NPYHEADER_H
#define FOVEA_TOOLS_FOVEARUN_NPYHEADER_H

#include "fovea/Reference/HostTensor.h"

namespace fovea::run {

struct NpyHeader {
  reference::DType dtype = reference::DType::F32;
  bool fortranOrder = false;
  std::vector<int64_t> shape;
};

/// {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
llvm::Expected<NpyHeader> parseNpyHeader(llvm::StringRef text);
std::string printNpyHeader(const NpyHeader &header);

} // namespace fovea::run

#endif
