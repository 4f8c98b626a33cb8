// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_DIALECT_ATTN_TRANSFORMS_PRINT_EXPRESSION_H
#define FOVEA_LIB_DIALECT_ATTN_TRANSFORMS_PRINT_EXPRESSION_H

#include "mlir/IR/Value.h"

#include <optional>
#include <string>

namespace fovea::attn {

/// A short condition on scalar arguments and constants as a person would write it, `0 < window`; nothing for
/// what is longer than a line, or computed from anything else.
std::optional<std::string> printExpression(mlir::Value value);

} // namespace fovea::attn

#endif
