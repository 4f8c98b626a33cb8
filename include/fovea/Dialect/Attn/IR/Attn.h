// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_DIALECT_ATTN_IR_ATTN_H
#define FOVEA_DIALECT_ATTN_IR_ATTN_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "fovea/Dialect/Attn/IR/AttnDialect.h.inc"
#include "fovea/Dialect/Attn/IR/AttnEnums.h.inc"

namespace fovea::attn {

/// Form <parallel> keeps the products of all pairs of tokens in cache.
inline constexpr int64_t kMaxParallelTokens = 128;

/// Whether the normalizer divides by z, the sum of keys that a state then keeps.
inline bool keepsKeySum(Normalizer normalizer) {
  return normalizer == Normalizer::QZ || normalizer == Normalizer::Z || normalizer == Normalizer::NormZ;
}

} // namespace fovea::attn

#define GET_ATTRDEF_CLASSES
#include "fovea/Dialect/Attn/IR/AttnAttributes.h.inc"
#define GET_TYPEDEF_CLASSES
#include "fovea/Dialect/Attn/IR/AttnTypes.h.inc"
#define GET_OP_CLASSES
#include "fovea/Dialect/Attn/IR/AttnOps.h.inc"

#endif
