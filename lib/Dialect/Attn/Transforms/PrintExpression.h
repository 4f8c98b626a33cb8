// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_DIALECT_ATTN_TRANSFORMS_PRINT_EXPRESSION_H
#define FOVEA_LIB_DIALECT_ATTN_TRANSFORMS_PRINT_EXPRESSION_H

#include "mlir/IR/Value.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <optional>
#include <string>

namespace fovea::attn {

/// Names for values that have none of their own.
using NameOf = llvm::function_ref<std::optional<std::string>(mlir::Value)>;

/// Integer code as a person would write it, `i0 - window + 1`: sums in normal form, scalar arguments by their
/// attn.name. Nothing for what is longer than a line or computed from anything else. Limits beyond 2^31, which the
/// analysis adds against overflow, are left out.
std::optional<std::string> printExpression(mlir::Value value, NameOf nameOf);

} // namespace fovea::attn

#endif
