// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A kernel whose tiles TMA brings has a fallback: the same tasks, without tensor maps, where TMA refuses an argument.
#ifndef FOVEA_DIALECT_ATTN_UTILS_FALLBACK_H
#define FOVEA_DIALECT_ATTN_UTILS_FALLBACK_H

#include "llvm/ADT/StringRef.h"
#include <string>

namespace fovea {

/// Of a function: the name of the kernel whose fallback it is.
inline constexpr llvm::StringLiteral kFallbackOf = "fovea.fallback_of";

inline std::string fallbackName(llvm::StringRef kernel) { return (kernel + "_fallback").str(); }

} // namespace fovea

#endif
