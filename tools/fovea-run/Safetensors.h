// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The safetensors format: the header's length in 8 bytes, a JSON header that says for each tensor its dtype, shape and
// place, raw row-major little-endian elements.
// https://huggingface.co/docs/safetensors
#ifndef FOVEA_TOOLS_FOVEARUN_SAFETENSORS_H
#define FOVEA_TOOLS_FOVEARUN_SAFETENSORS_H

#include "fovea/Reference/HostTensor.h"

namespace fovea::run {

/// The tensor called `name`; the only one of the file, whatever it is called, when there is no such name.
llvm::Expected<reference::HostTensor> readSafetensors(llvm::StringRef path, llvm::StringRef name);
llvm::Expected<reference::HostTensor> parseSafetensors(llvm::StringRef bytes, llvm::StringRef name);

/// "w.safetensors:layer.0" is a file and the tensor in it; without a tensor the second part is empty.
std::pair<llvm::StringRef, llvm::StringRef> splitSafetensorsPath(llvm::StringRef text);
bool isSafetensorsPath(llvm::StringRef text);

} // namespace fovea::run

#endif
